"""A run that its caller gives up: every host that was begun has an outcome."""

import io
import select
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from remctl import Outcome, Target
from remctl._many.blocking import outcomes_of
from remctl._many.command import CommandPlan
from remctl._many.crew import HostCrew
from remctl._many.limits import Limits
from remctl._many.run import Run
from remctl._many.source import IterableSource
from remctl.testing import Realm

from tests.fix_many import Many
from tests.fix_network import DeafServer
from tests.support.traces import nothing_left, wait_until


class Work:
    """A run of a command that records where it has begun, and then takes long."""

    def __init__(
        self,
        targets: list[Target],
        command: list[str],
        *,
        limit: int = 64,
        retries: int = 0,
        stdout: Callable[[Target], object] | None = None,
    ) -> None:
        plan = CommandPlan(
            command,
            timeout=None,
            port=None,
            principal=None,
            ccache=None,
            keytab=None,
            source_ip=None,
            retries=retries,
            stdout=stdout,  # type: ignore[arg-type]
            stderr=None,
        )
        self.crew = HostCrew(plan, limit)
        self.run = Run(IterableSource(targets), self.crew, Limits(targets, None, None))

    def until(self, condition: Callable[[], bool]) -> list[Outcome]:
        """Carry it on until something is so."""
        outcomes = []
        while not condition():
            step = self.run.step()
            if isinstance(step, Outcome):
                outcomes.append(step)
            else:
                self.crew.wait(0.02)
                self.crew.dispatch()
        return outcomes

    def give_up(self) -> dict[Target, Outcome]:
        """Give it up; the outcomes that come of that."""
        self.crew.give_up(5)
        found = {outcome.target: outcome for outcome in self.run.collected()}
        self.run.close()
        return found


def test_it_is_known_where_the_command_may_have_run(
    many: Many, deaf: DeafServer, tmp_path: Path
) -> None:
    path = tmp_path / "begun"
    running, silent = many.target(), Target("127.0.0.1", deaf.port)
    with nothing_left():
        work = Work([running, silent], ["test", "record", str(path), "30"])
        work.until(path.exists)
        found = work.give_up()
        errors = [found[target].error for target in (running, silent)]
        assert [(str(error), error and error.kind) for error in errors] == [
            ("given up", "lost")
        ] * 2
        assert [error and error.may_have_run for error in errors] == [True, False]
        assert [error and error.host for error in errors] == ["127.0.0.1"] * 2
        del work, found, errors


def test_a_host_that_has_just_been_connected_to(many: Many) -> None:
    work = Work([many.target()], ["test", "hello"], stdout=lambda _: io.BytesIO())
    work.run.step()
    (opening,) = work.crew._at_work.values()
    assert opening is not None
    while not opening.done:
        work.crew.wait()
        work.crew.reactor.dispatch(1, lambda _: None)
    (outcome,) = work.give_up().values()
    assert str(outcome.error) == "given up"
    assert outcome.error is not None
    assert not outcome.error.may_have_run


def test_a_host_that_is_to_be_tried_again_keeps_its_error() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # nobody listens
        target = Target("127.0.0.1", sock.getsockname()[1])
        work = Work([target], ["test"], retries=5)
        work.until(lambda: bool(work.crew._pauses))
        error = work.give_up()[target].error
    assert error is not None
    assert error.kind == "connect"


def test_what_has_ended_and_was_not_asked_for_is_not_lost(many: Many) -> None:
    targets = many.targets(5)
    work = Work(targets, ["test", "hello"])
    work.run.step()
    while len(work.crew):
        work.crew.wait()
        work.crew.dispatch()
    assert {target for target, outcome in work.give_up().items() if outcome.ok} == set(targets)


@pytest.mark.parametrize("failing", [1, 6])
def test_files_that_fail_take_only_their_own_hosts_outcomes(
    realm: Realm, tmp_path: Path, failing: int
) -> None:
    """Also where the calls of all hosts have ended together, and are dispatched together."""
    program = (
        "#!/bin/sh\necho one\nuntil [ -e $2/go ]; do sleep 0.02; done\necho two\necho >>$2/done\n"
    )
    began: set[Target] = set()

    class File:
        def __init__(self, target: Target) -> None:
            self.target = target

        def write(self, data: bytes) -> int:
            if b"two" in data and self.target in bad:
                raise OSError("full")
            began.add(self.target)
            return len(data)

    with realm.server({"test": {"two": program}}, addresses=["0.0.0.0"]) as server:
        targets = [Target(f"127.0.0.{n}", server.port, "host/localhost") for n in range(1, 7)]
        bad = targets[:failing]
        work = Work(targets, ["test", "two", str(tmp_path)], stdout=File)
        work.until(lambda: began == set(targets))
        (tmp_path / "go").touch()
        done = tmp_path / "done"
        wait_until(lambda: done.exists() and done.read_bytes().count(b"\n") == len(targets))
        wait_until(lambda: bool(select.select([work.crew.descriptor], [], [], 0)[0]))
        seen: list[Target] = []
        with pytest.raises(OSError, match="full"):
            seen.extend(outcome.target for outcome in outcomes_of(work.run, work.crew))
        assert {*seen, *work.give_up()} >= set(targets) - set(bad)
