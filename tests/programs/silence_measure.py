"""One call in silence: how long it takes, what it says, what it delays, and what it leaves."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import trio
from remctl import RemctlError
from remctl._waiting.loops import running_loop

from tests.programs.interrupts import done, run_in
from tests.programs.silence_calls import Call
from tests.programs.silence_causes import Cause, Step
from tests.programs.silence_ground import Ground, Place
from tests.programs.silence_world import FIRST_LOOK, LIMIT, SLOW, World
from tests.support.ticking import TICK, Beside
from tests.support.traces import descriptors, threads, wait_until

GRACE = 0.25  # seconds after its limit, by which a call has ended
LATE = 0.05  # the longest that a loop may be late
HANGS = 15.0
TRIES = 3  # of what may be the fault of a busy machine


@dataclass
class Ending:
    """How a call has ended.

    Attributes:
        seconds: how long it took.
        kind: of its error; empty where there was none.
        said: the error's `may_have_run`.
        late: how late the loop was, and `beside` the one beside it.
        closing: how long it took to close everything.
        left: the tasks, threads and descriptors that were left.
    """

    seconds: float
    kind: str = ""
    text: str = ""
    said: bool = False
    ran: bool = False
    late: float = 0.0
    beside: float = 0.0
    closing: float = 0.0
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Expected:
    """How it is to end: within so many seconds, with an error of this kind or none.

    Before that a program has to start, which takes `start` seconds.
    """

    seconds: float
    kind: str
    said: bool
    start: float = 0.0

    @classmethod
    def of(cls, call: Call, cause: Cause, world: str, group: str) -> Expected:
        """What is promised."""
        sent = cause.sent and call.sends
        if call.within is not None:
            return cls(call.within, "", False)
        if cause.step is Step.FILE:  # the time of which is no host's
            return cls(SLOW + LIMIT if group == "many hosts" else SLOW, "timeout", sent)
        if cause.step in (Step.HOSTS, Step.COMMAND):
            return cls(SLOW, "", False)
        if cause.step is Step.JOB and world == "blocking":
            return cls(SLOW, "", False)
        if cause.step is Step.KEYTAB and world == "command line":
            return cls(LIMIT + FIRST_LOOK, "timeout", sent)  # it looks whether it can be read
        return cls(LIMIT, "timeout", sent)

    def faults(self, ending: Ending) -> tuple[list[str], list[str]]:
        """What is wrong with an ending: for sure, and what may be for a busy machine."""
        wrong, late = [], []
        if ending.kind != self.kind:
            wrong.append(f"{ending.kind or 'no error'} ({ending.text})")
        elif self.kind and ending.said is not self.said:
            wrong.append(f"may_have_run is {ending.said}")
        if ending.ran and self.kind and not ending.said:
            wrong.append("it ran, and may_have_run is False")
        if self.kind and ending.seconds < self.seconds - 0.02:
            wrong.append(f"after {ending.seconds:.2f} s already")
        if ending.seconds > self.start + self.seconds + GRACE:
            late.append(f"after {ending.seconds:.2f} s")
        if ending.late > LATE + ending.beside:
            late.append(f"loop late by {1000 * ending.late:.0f} ms")
        if ending.closing > GRACE:
            late.append(f"closed after {ending.closing:.2f} s")
        if ending.left:
            late.append(f"left: {', '.join(ending.left)}")
        return wrong, late


class Ticks:
    """A task that ticks: how late it has been at the worst."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            begin = time.monotonic()
            await anyio.sleep(TICK)
            self.worst = max(self.worst, time.monotonic() - begin - TICK)


class Hangs(BaseException):
    """What ends a call that hangs."""


@contextmanager
def _patience(world: str) -> Iterator[None]:
    if not World(world).blocking:
        with anyio.move_on_after(HANGS) as scope:
            yield
        if scope.cancelled_caught:
            raise Hangs
        return

    def give_up(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _tasks(world: str) -> int:
    if world in ("blocking", "command line"):
        return 0
    if world == "trio":
        return trio.lowlevel.current_statistics().tasks_living
    return len(asyncio.all_tasks())


async def _acted(world: str, act: Any) -> Ending:
    begin = time.monotonic()
    try:
        with _patience(world):
            await done(act())
        return Ending(time.monotonic() - begin)
    except Hangs:
        return Ending(time.monotonic() - begin, "hangs")
    except RemctlError as error:
        seconds = time.monotonic() - begin
        return Ending(seconds, str(error.kind), str(error), error.may_have_run)
    except Exception as error:
        return Ending(time.monotonic() - begin, type(error).__name__, str(error))


async def _in_world(
    world: str, call: Call, ground: Ground, place: Place, silence: Any, beside: Beside
) -> Ending:
    if not World(world).blocking:
        running_loop()  # whose reactor has a task of its own, while the run of trio lasts
    tasks, ticks = _tasks(world), Ticks()

    async def measured(w: World) -> Ending:
        async with w.stack:
            act = await call.begin(w, ground, place)
            with silence:
                if w.tasks is not None:
                    w.tasks.start_soon(ticks.run)
                    await anyio.sleep(2 * TICK)
                beside.worst()
                ending = await _acted(world, act)
                begin = time.monotonic()
                await w.stack.aclose()
                ending.closing = time.monotonic() - begin
                ending.beside, ending.late = beside.worst(), ticks.worst
        return ending

    if World(world).blocking:
        return await measured(World(world))
    async with anyio.create_task_group() as group:
        ending = await measured(World(world, tasks=group))
        group.cancel_scope.cancel()
    for _ in range(200):
        if _tasks(world) <= tasks:
            break
        await anyio.sleep(0.005)
    else:
        ending.left.append(f"{_tasks(world) - tasks} tasks")
    return ending


def measure(world: str, call: Call, cause: Cause, ground: Ground, beside: Beside) -> Ending:
    """Make one call in silence."""
    gc.collect()
    before = len(threads()), len(descriptors())

    def none_left() -> bool:
        return len(threads()) <= before[0] and len(descriptors()) <= before[1]

    with cause.make(ground) as (place, silence):
        ending: Ending = run_in(
            "blocking" if world == "command line" else world,
            lambda: _in_world(world, call, ground, place, silence, beside),
        )
        ending.ran = ground.ran(place)
    gc.collect()
    if not wait_until(none_left):
        ending.left += [f"{len(threads()) - before[0]} threads"] * (len(threads()) > before[0])
        ending.left += [f"{len(descriptors()) - before[1]} descriptors"] * (
            len(descriptors()) > before[1]
        )
    return ending
