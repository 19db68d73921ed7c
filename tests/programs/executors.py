"""Executors that misbehave: what a run on many hosts says, and what the server has run.

    python -m tests.programs.executors [runs [hosts]]

makes that many runs, each with an executor that cancels, kills, refuses, repeats, delays, loses
or spoils chunks, at moments that hypothesis chooses. From 1000 on they are others each time.

After each run, every host has one outcome and ran at most once (twice where the executor repeats
and has no fence); a host whose error says that it cannot have run did not run; nothing hangs, and
nothing is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from remctl import JobRemctl, Outcome, Target, afor_each, arun_many, for_each, run_many
from remctl.testing import Realm

from tests.support.misbehaving import Act, AnyExecutor, Fault, Misbehaving, Moment, OfThreads
from tests.support.traces import nothing_left, wait_until

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# Adds a line with the host to a file; then it waits while it is held.
SCRIPT = """#!/bin/sh
echo "$3" >>"$2/record"
while [ -e "$2/hold-$3" ]; do sleep 0.01; done
echo "done $3"
"""
PATIENCE = 20.0  # seconds, for a whole run
QUIET = 0.2  # seconds: nothing moves any more in a run that has lost a chunk


def command_for(folder: str, target: Target) -> list[str]:
    """The command on a host."""
    return ["note", "it", folder, target.host]


async def job(folder: str, r: JobRemctl) -> str:
    """Two commands on a host, of which the first is the host's in the record."""
    answer = await r.run(["note", "it", folder, r.host])
    (await r.run(["note", "it", folder, f"{r.host} again"])).check()
    return answer.check().text


class Uncounted:
    """An iterable that is quick, like one with a length, but does not tell it."""

    def __init__(self, hosts: list[Target]) -> None:
        self._hosts = hosts

    def __iter__(self) -> Iterator[Target]:
        return iter(self._hosts)

    def __len__(self) -> int:
        raise TypeError("not told")


class Interrupted(Exception):
    """Raised by a signal, in a loop that would wait for ever."""


@dataclass(frozen=True)
class Plan:
    """A run, and what happens in it."""

    world: str
    kind: str  # of the executor
    hosts: int
    limit: int
    faults: tuple[Fault | None, ...] = ()
    counted: bool = False  # the number of hosts is known to the run
    batch: int | None = None
    max_failures: int | None = None
    leave: int | None = None  # after so many outcomes
    until_end: bool = False  # what is delayed waits for the end of the run

    @property
    def repeats(self) -> bool:
        """Whether the executor runs something twice."""
        return any(fault is not None and fault.act is Act.REPEAT for fault in self.faults)

    @property
    def refuses_the_first(self) -> bool:
        """Whether submit() raises for the first chunk, although it has taken it."""
        first = self.faults[0] if self.faults else None
        return first is not None and first.act is Act.REFUSE and first.moment is not Moment.BEFORE


@dataclass
class Watch:
    """Ends a wait that nothing would end: that of a run that has lost a chunk, or that hangs."""

    plan: Plan
    executor: Misbehaving
    seen: list[Outcome]
    interrupt: Callable[[], Any] | None = None
    hung: bool = False
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        begin = quiet = time.monotonic()
        while not self._over.wait(0.002):
            now = time.monotonic()
            if not self._is_stuck():
                quiet = now
            self.hung = now - begin > PATIENCE
            # A batch that lacks an outcome is not followed by another.
            patience = 0 if self.plan.batch is None else QUIET
            if self.interrupt is not None and (self.hung or now - quiet > patience):
                self.interrupt()
                return

    def _is_stuck(self) -> bool:
        """Whether nothing but lost outcomes is missing."""
        if not self.executor.idle():
            return False
        seen = {outcome.target.host for outcome in self.seen}
        lost = self.executor.lost() - seen
        known = self.plan.hosts if self.plan.batch is None else self.executor.taken()
        return bool(lost) and len(seen) + len(lost) >= known


def blocking(call: Callable[..., Iterator[Outcome]], plan: Plan, watch: Watch) -> None:
    """Take the outcomes in a plain loop; a signal ends it."""
    main = threading.get_ident()

    def interrupted(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupted)
    try:
        outcomes: Any = call()
        watch.interrupt = lambda: signal.pthread_kill(main, signal.SIGUSR1)
        with contextlib.suppress(Interrupted), contextlib.closing(outcomes):
            for outcome in outcomes:
                watch.seen.append(outcome)
                if len(watch.seen) == plan.leave:
                    break
    finally:
        watch.interrupt = None
        signal.signal(signal.SIGUSR1, before)


async def _take(call: Callable[..., AsyncIterator[Outcome]], plan: Plan, watch: Watch) -> None:
    outcomes: Any = call()
    async with outcomes:
        async for outcome in outcomes:
            watch.seen.append(outcome)
            if len(watch.seen) == plan.leave:
                break


def on_asyncio(call: Callable[..., AsyncIterator[Outcome]], plan: Plan, watch: Watch) -> None:
    """Take the outcomes in a task of asyncio's, which is cancelled."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(_take(call, plan, watch))
        watch.interrupt = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        finally:
            watch.interrupt = None

    asyncio.run(main())


def on_trio(call: Callable[..., AsyncIterator[Outcome]], plan: Plan, watch: Watch) -> None:
    """Take the outcomes in a scope of trio's, which is cancelled."""

    async def main() -> None:
        token = trio.lowlevel.current_trio_token()
        with trio.CancelScope() as scope:
            watch.interrupt = lambda: token.run_sync_soon(scope.cancel)
            await _take(call, plan, watch)
        watch.interrupt = None

    trio.run(main)


WORLDS: dict[str, tuple[Callable[..., None], Callable[..., Any], Any]] = {
    "run_many": (blocking, run_many, command_for),
    "for_each": (blocking, for_each, job),
    "arun_many on asyncio": (on_asyncio, arun_many, command_for),
    "arun_many on trio": (on_trio, arun_many, command_for),
    "afor_each on asyncio": (on_asyncio, afor_each, job),
    "afor_each on trio": (on_trio, afor_each, job),
}

#: Makes an executor of a kind.
Make = Callable[[], Misbehaving]


class Record:
    """What the server has run in one run of ours: see `Ground` in `misbehaving`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hold(self, hosts: Sequence[str]) -> None:
        """See `Ground`."""
        for host in hosts:
            (self._folder / f"hold-{host}").touch()

    def release(self, hosts: Sequence[str]) -> None:
        """See `Ground`."""
        for host in hosts:
            (self._folder / f"hold-{host}").unlink()

    def begun(self, hosts: Sequence[str]) -> bool:
        """See `Ground`."""
        return not self.lines().keys().isdisjoint(hosts)

    def lines(self) -> Counter[str]:
        """How often each host's command was run."""
        try:
            return Counter((self._folder / "record").read_text().splitlines())
        except FileNotFoundError:
            return Counter()


@dataclass
class Arena:
    """A server that is every host, and the executors."""

    port: int
    principal: str
    folder: Path
    kinds: dict[str, tuple[Make, bool]]  # how one is made, and whether it has a fence
    clean: Callable[[], bool] = lambda: True  # whether nothing is left of the fences
    seen: Counter[str] = field(default_factory=Counter)
    runs: int = 0

    def try_plan(self, plan: Plan) -> None:
        """Make a run, and judge what it has said by what the server has run."""
        self.runs += 1
        folder = self.folder / str(self.runs)
        folder.mkdir()
        folder.chmod(0o777)
        record = Record(folder)
        make, fenced = self.kinds[plan.kind]
        take, function, work = WORLDS[plan.world]
        hosts = [
            Target(f"127.2.{n // 250}.{n % 250 + 1}", self.port, self.principal)
            for n in range(plan.hosts)
        ]
        call = partial(
            function,
            hosts if plan.counted else Uncounted(hosts),
            partial(work, str(folder)),
            limit=plan.limit,
            batch=plan.batch,
            max_failures=plan.max_failures,
        )
        with make() as executor:
            executor.prepare(record, plan.faults, until_end=plan.until_end)
            outcomes: list[Outcome] = []
            with Watch(plan, executor, outcomes) as watch:
                try:
                    take(partial(call, executor=executor), plan, watch)
                except RuntimeError:
                    # It takes not even the first chunk: that is raised, and ends the run.
                    assert plan.refuses_the_first
                else:
                    assert not plan.refuses_the_first
            executor.end()
        assert not executor.mistakes, executor.mistakes
        assert not watch.hung
        self.judge(plan, hosts, outcomes, executor, record.lines(), fenced)
        assert wait_until(self.clean)

    def judge(
        self,
        plan: Plan,
        hosts: list[Target],
        outcomes: list[Outcome],
        executor: Misbehaving,
        ran: Counter[str],
        fenced: bool,
    ) -> None:
        """Compare the outcomes with the server's record."""
        each = Counter(outcome.target for outcome in outcomes)
        assert all(number == 1 for number in each.values()), each
        assert set(each) <= set(hosts)
        if not plan.repeats or fenced:
            assert all(number == 1 for number in ran.values()), ran
        for outcome in outcomes:
            host, error = outcome.target.host, outcome.error
            if error is None:
                assert ran[host], outcome
                answer = outcome.value if outcome.result is None else outcome.result.text
                assert answer == f"done {host}\n"
            else:
                assert error.may_have_run or not ran[host], outcome
            self.seen["ok" if error is None else f"{error.kind}"] += 1
        if plan.refuses_the_first:
            return
        missing = {target.host for target in hosts} - {target.host for target in each}
        lost = executor.lost()
        if plan.leave is None and not lost:
            assert not missing
        elif plan.leave is None and plan.batch is None:
            assert missing <= lost  # a batch that is not complete is not followed by another


@contextlib.contextmanager
def arenas(realm: Realm, *, dask: bool = True) -> Iterator[Arena]:
    """A server, and the executors; with Dask's, whose scheduler runs in this process."""
    kinds: dict[str, tuple[Make, bool]] = {
        "any": (AnyExecutor, False),
        "threads": (lambda: OfThreads(1), False),
    }
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(realm.server({"note": {"it": SCRIPT}}, addresses=["0.0.0.0"]))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="remctl-executors-")))
        folder.chmod(0o777)
        arena = Arena(server.port, f"host/localhost@{realm.name}", folder, kinds)
        if dask:
            from tests.support.misbehaving_dask import of_dask

            kinds["dask"], arena.clean = stack.enter_context(of_dask())
        yield arena


FAULTS = [Fault(act, moment) for act in Act for moment in Moment]


def plans(kinds: Sequence[str], most: int) -> SearchStrategy[Plan]:
    """Any run of at most so many hosts."""
    from hypothesis import strategies as st  # which not every environment of the tests has

    return st.builds(
        Plan,
        world=st.sampled_from(list(WORLDS)),
        kind=st.sampled_from(list(kinds)),
        hosts=st.integers(1, most),
        limit=st.integers(1, 3),
        faults=st.lists(st.none() | st.sampled_from(FAULTS), max_size=most).map(tuple),
        counted=st.booleans(),
        batch=st.none() | st.integers(1, 4),
        max_failures=st.none() | st.integers(0, 2),
        leave=st.none() | st.integers(1, most),
    )


def try_plans(arena: Arena, runs: int, most: int = 6) -> None:
    """Make so many runs."""
    from hypothesis import given

    from tests.support.sequences import for_sequences

    @for_sequences(runs)
    @given(plans(list(arena.kinds), most))
    def one(plan: Plan) -> None:
        with nothing_left():
            arena.try_plan(plan)

    one()


def main(runs: int = 1000, most: int = 6) -> None:
    """Make so many runs, and print what was seen."""
    begin = time.monotonic()
    with Realm() as realm, realm.environ(), arenas(realm) as arena:
        try_plans(arena, runs, most)
        told = ", ".join(f"{number} {what}" for what, number in arena.seen.most_common())
        print(f"{arena.runs} runs in {time.monotonic() - begin:.0f} s; outcomes: {told}")


if __name__ == "__main__":
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", tempfile.gettempdir())
    main(*map(int, sys.argv[1:]))
