"""One command on many hosts: an outcome for each."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import remctl
import uvloop
from remctl import Outcome, RemctlProtocolError, Target, arun_many, run_many

from tests.fix_many import Many, Runs
from tests.fix_network import DeafServer
from tests.fix_protocol1 import Protocol1Server
from tests.support.fake import FakeServer
from tests.support.traces import nothing_left


class TestOutcomes:
    def test_each_of_300_hosts_has_its_own(
        self, many: Many, runs: Runs, deaf: DeafServer, protocol1: Protocol1Server
    ) -> None:
        well = many.targets(294)
        dead = [Target("127.0.0.1", 1), Target("127.0.0.2", 1)]
        silent = [Target("127.0.0.1", deaf.port, many.principal)] * 2
        old = [Target("127.0.0.1", protocol1.port, protocol1.principal)]
        refusing = [Target("127.0.0.3", many.server.port, "host/nobody.example")]
        hosts = [*silent, *dead, *old, *refusing, *well]
        with nothing_left():
            outcomes = runs(hosts, ["test", "hello"], timeout=5)
        assert len(outcomes) == 300
        of = {outcome.target: outcome for outcome in outcomes}
        assert all(of[target].check().stdout == b"hello world\n" for target in well)
        assert of[old[0]].check().stdout == b"test hello\n"
        for target in dead:
            assert "Connection refused" in str(of[target].error)
        assert isinstance(of[silent[0]].error, remctl.RemctlTimeoutError)
        assert "GSS-API" in str(of[refusing[0]].error)
        assert not any(outcome.ok for outcome in outcomes if outcome.target not in well + old)

    def test_say_where_they_are_of(self, many: Many, runs: Runs) -> None:
        target = many.target()
        (outcome,) = runs([target], ["test", "status", 3])
        assert outcome.target == target
        assert outcome.result == remctl.RemctlSimpleResult(None, None, 3)
        assert outcome.tries == 1
        assert 0 < outcome.seconds < 10
        assert not outcome.ok
        with pytest.raises(remctl.RemctlCommandError, match=r"test status on 127\.0\.0\.1 exited"):
            outcome.check()

    def test_a_refusal_is_an_error_of_its_host(self, many: Many, runs: Runs) -> None:
        (outcome,) = runs([many.target()], ["test", "denied"])
        assert isinstance(outcome.error, RemctlProtocolError)
        assert outcome.error.code == remctl.ErrorCode.ACCESS
        assert not outcome.error.may_have_run
        with pytest.raises(RemctlProtocolError):
            outcome.check()

    def test_errors_say_where_and_of_what(self, runs: Runs) -> None:
        (outcome,) = runs([Target("127.0.0.1", 1)], ["test", "hello", "secret"])
        error = outcome.error
        assert error is not None
        assert (error.host, error.port, error.command) == ("127.0.0.1", 1, "test hello")
        assert error.may_have_run is False
        assert outcome.result is None

    def test_a_host_by_name_is_its_outcome_s_target(self, many: Many, runs: Runs) -> None:
        hosts = many.hosts(3)
        outcomes = runs(hosts, ["test", "hello"], port=many.server.port, principal=many.principal)
        assert sorted(hosts) == sorted(outcome.target.host for outcome in outcomes)
        assert {outcome.target for outcome in outcomes} == set(hosts)
        assert all(outcome.ok for outcome in outcomes)

    def test_a_target_s_own_port_and_principal_count(self, many: Many, runs: Runs) -> None:
        (outcome,) = runs([many.target()], ["test", "hello"], port=1, principal="host/nobody")
        assert outcome.ok

    def test_come_in_the_order_of_completion(self, many: Many, runs: Runs) -> None:
        slow, fast = many.targets(2)
        outcomes = runs([slow, fast], lambda target: ["test", "sleep", 1 if target == slow else 0])
        assert [outcome.target for outcome in outcomes] == [fast, slow]

    def test_no_hosts_are_no_outcomes(self, runs: Runs) -> None:
        assert runs([], ["test"]) == []


class TestReading:
    def test_of_endless_hosts_goes_as_fast_as_outcomes_are_taken(self, many: Many) -> None:
        read = 0

        def endless() -> Iterator[Target]:
            nonlocal read
            for target in itertools.cycle(many.targets(50)):
                read += 1
                yield target

        outcomes = run_many(endless(), ["test", "hello"], limit=7)
        for taken, _ in enumerate(itertools.islice(outcomes, 40), 1):
            assert read <= taken + 7
        outcomes.close()
        assert read <= 47

    def test_waits_where_outcomes_are_not_taken(self, many: Many) -> None:
        read: list[Target] = []
        hosts = (read.append(target) or target for target in many.targets(50))  # type: ignore[func-returns-value]
        outcomes = run_many(hosts, ["test", "hello"], limit=5)
        next(outcomes)
        next(outcomes)
        assert 1 < len(read) <= 6
        outcomes.close()

    def test_a_command_that_is_an_iterator_is_read_once(self, many: Many, runs: Runs) -> None:
        outcomes = runs(many.targets(3), iter(["test", "hello"]))
        assert all(outcome.ok for outcome in outcomes)

    def test_a_function_gives_each_host_its_command(self, many: Many, runs: Runs) -> None:
        outcomes = runs(many.targets(5), lambda target: ["test", "args", target.host])
        assert len(outcomes) == 5
        for outcome in outcomes:
            assert outcome.target.host in outcome.check().text

    def test_what_a_function_raises_ends_all(self, many: Many, runs: Runs) -> None:
        class Mine(Exception):
            pass

        def command(target: Target) -> list[str]:
            if target.host == "127.1.0.3":
                raise Mine
            return ["test", "sleep", "30"]

        with nothing_left(), pytest.raises(Mine):
            runs(many.targets(5), command)

    def test_an_asynchronous_iterable_of_hosts(self, many: Many, runs: Runs) -> None:
        class Hosts:
            """In the asynchronous world it is one, and in the other one it is not."""

            def __iter__(self) -> Iterator[Target]:
                return iter(many.targets(20))

        class AsyncHosts(Hosts):
            async def __aiter__(self) -> AsyncIterator[Target]:
                for target in many.targets(20):
                    yield target

        hosts = Hosts() if runs.__name__ == "_blocking" else AsyncHosts()
        assert len(runs(hosts, ["test", "hello"], limit=4)) == 20

    def test_what_an_asynchronous_iterable_raises_ends_all(self, many: Many, runs: Runs) -> None:
        if runs.__name__ == "_blocking":
            return

        async def hosts() -> AsyncIterator[Target]:
            yield many.target()
            raise LookupError("no more")

        with nothing_left(), pytest.raises(LookupError, match="no more"):
            runs(hosts(), ["test", "sleep", "30"])


class TestArguments:
    @pytest.mark.parametrize("hosts", ["host", b"host", Target("host"), None, 7])
    def test_one_host_is_not_many(self, hosts: Any) -> None:
        with pytest.raises(TypeError, match="hosts must be an iterable"):
            run_many(hosts, ["test"])
        with pytest.raises(TypeError, match="hosts must be an iterable"):
            arun_many(hosts, ["test"])

    @pytest.mark.parametrize(
        ("name", "value", "kind"),
        [
            ("limit", 0, ValueError),
            ("limit", 1.5, TypeError),
            ("retries", -1, ValueError),
            ("retries", None, TypeError),
            ("timeout", "1", TypeError),
            ("timeout", float("nan"), ValueError),
            ("port", 65536, ValueError),
            ("principal", 7, TypeError),
            ("source_ip", "nowhere", ValueError),
            ("stdout", b"name", TypeError),
            ("stderr", 2, TypeError),
        ],
    )
    def test_what_is_wrong_is_named_before_anything_is_sent(
        self, name: str, value: Any, kind: type[Exception]
    ) -> None:
        arguments: dict[str, Any] = {name: value}
        with pytest.raises(kind, match=name.partition("_")[0]):
            run_many(["localhost"], ["test"], **arguments)
        with pytest.raises(kind, match=name.partition("_")[0]):
            arun_many(["localhost"], ["test"], **arguments)

    @pytest.mark.parametrize(("command", "kind"), [([], ValueError), ("test", TypeError)])
    def test_a_command_that_is_none(self, command: Any, kind: type[Exception]) -> None:
        with pytest.raises(kind, match="command"):
            run_many(["localhost"], command)

    @pytest.mark.parametrize(("host", "kind"), [(b"h", TypeError), ("", ValueError)])
    def test_a_host_that_is_none_ends_all_when_it_is_read(
        self, many: Many, runs: Runs, host: Any, kind: type[Exception]
    ) -> None:
        with nothing_left(), pytest.raises(kind, match="host"):
            runs([many.target(), host], ["test", "sleep", "30"])

    def test_of_both_worlds_are_the_same(self) -> None:
        import inspect

        one, two = (inspect.signature(call) for call in (run_many, arun_many))
        assert list(one.parameters) == list(two.parameters)
        for name in one.parameters:
            assert one.parameters[name].default == two.parameters[name].default
        assert run_many.__doc__ == arun_many.__doc__


class Gate(FakeServer):
    """Counts who opens a connection at the same time, and lets nobody in."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._counting = threading.Lock()
        super().__init__()

    def serve(self, sock: socket.socket) -> None:
        with self._counting:
            self.inside += 1
            self.most = max(self.most, self.inside)
        sock.recv(65536)
        time.sleep(0.05)  # the others come meanwhile, if they do
        with self._counting:
            self.inside -= 1


def test_five_connections_at_a_time_are_opened_to_one_address(many: Many, runs: Runs) -> None:
    with contextlib.closing(Gate()) as gate:
        outcomes = runs([Target(gate.host, gate.port, many.principal)] * 30, ["test"])
        assert gate.most == 5
        assert gate.connections == 30
    assert len(outcomes) == 30


def test_outcomes_do_not_keep_frames(many: Many, runs: Runs) -> None:
    outcome: Outcome
    (outcome,) = runs([Target("127.0.0.1", 1)], ["test"])
    assert outcome.error is not None
    assert outcome.error.__traceback__ is None
    assert outcome.error.__context__ is None


def test_uvloop_runs_it_too(many: Many) -> None:
    async def main() -> list[Outcome]:
        return [one async for one in arun_many(many.targets(20), ["test", "hello"])]

    outcomes = uvloop.run(main())
    assert [outcome.ok for outcome in outcomes] == [True] * 20
