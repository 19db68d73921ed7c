"""An exception at every instruction of the package: is the object whole afterwards?

    python -m tests.programs.interrupts [--lines] [scenario ...]
    python -m tests.programs.interrupts --signals SECONDS [scenario ...]

runs each scenario once for each instruction that the package's own functions execute in it, and
raises there, as a signal handler or `PyThreadState_SetAsyncExc` may. What the extension's call has
just returned is lost then. After each the object serves (a pool lends all that it may), and no
descriptor, thread or task is left. `--lines` takes each line once, in the first scenario that has
it: where a call's result is lost, if there is a call. With `--signals` a real signal's handler
raises, at random moments of a blocking scenario. Prints how many places there were, and what was
wrong at which.

The scenarios are in `tests.programs.interrupts_table`; all of a world: `asyncio`, for example.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from inspect import isawaitable
from pathlib import Path
from types import CodeType
from typing import Any

import anyio
import trio
from remctl import AsyncConnectionPool, AsyncRemctl, ConnectionPool, Remctl, RemctlError, Target
from remctl.testing import Realm

from tests.fix_realm import make_server
from tests.programs.interrupts_places import At, Interrupted, one_for_each_line, raising
from tests.programs.interrupts_table import HELLO, SCENARIOS, WORLDS, Scenario, sent
from tests.support.traces import descriptors, threads

PATIENCE = 20.0  # seconds; a call that takes longer hangs
POOL_SIZE = 2


@contextmanager
def _prepared() -> Iterator[None]:
    """Let the many collections look at what a scenario makes, not at all that there is.

    Its temporary files have a folder of their own. What is raised in a destructor goes nowhere,
    and is not printed.
    """

    def tell(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, Interrupted):
            before(unraisable)

    gc.collect()
    gc.freeze()
    before, sys.unraisablehook = sys.unraisablehook, tell
    place = os.environ.get("TMPDIR")
    try:
        with tempfile.TemporaryDirectory() as os.environ["TMPDIR"]:
            yield
    finally:
        if place is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = place
        sys.unraisablehook = before
        gc.unfreeze()


async def done(value: Any) -> Any:
    """The value; if it is awaitable, its result."""
    return await value if isawaitable(value) else value


def _with_name(left: str) -> str:
    """What was left, a thread with its name."""
    what, _, number = left.partition(" ")
    name = Path(f"/proc/self/task/{number}/comm")
    return f"{left} {name.read_text().strip()}" if what == "thread" and name.exists() else left


class Trial:
    """One scenario on one object, interrupted again and again: in a task, or in this thread."""

    def __init__(self, scenario: Scenario, target: Target) -> None:
        self.scenario, self.target = scenario, target
        self.blocking = scenario.world == "blocking"

    async def begin(self) -> None:
        """Make the object, and do it once."""
        if self.scenario.of_a_pool:
            kind: Any = ConnectionPool if self.blocking else AsyncConnectionPool
            self.object = kind(self.target.host, self.target.port, max_size=POOL_SIZE)
        else:
            self.object = Remctl() if self.blocking else AsyncRemctl()
            await done(self.object.open(self.target.host, self.target.port))
        await self.act()
        await self._serves("again")
        self.usual = await self._left([])

    async def act(self) -> None:
        """Do it once."""
        sent.clear()
        await done(self.scenario.act(self.object, self.target))

    async def interrupt(self, at: At) -> str | None:
        """What is wrong after an exception there, or None."""
        try:
            with raising(at):
                if self.blocking:
                    await self.act()
                else:
                    with anyio.fail_after(PATIENCE):
                        await self.act()
        except Interrupted:
            pass
        except TimeoutError:
            return "hangs"
        return await self.check(at.where.replace(" ", "")) if at.raised else None

    async def check(self, word: str) -> str | None:
        """What is wrong with the object, or None."""
        gc.collect()  # the exception, which holds the frames that it came through
        try:
            problem = await self._serves(word)
        except Exception as error:
            return repr(error)
        if problem is not None:
            return problem
        left = await self._left(self.usual)
        new = [one for one in left if one not in self.usual]
        return None if len(left) <= len(self.usual) else f"left: {', '.join(map(_with_name, new))}"

    async def _serves(self, word: str) -> str | None:
        if self.scenario.of_a_pool:
            return await self._pool_serves(word)
        try:
            while sent and (await done(self.object.output())).type != "done":
                pass
        except RemctlError:
            pass
        if self.scenario.opens and not self.object.opened:
            await done(self.object.open(self.target.host, self.target.port))
        answer = await done(self.object.run([*HELLO, word], timeout=PATIENCE))
        return None if answer.text == f"hello {word}\n" else repr(answer)

    async def _pool_serves(self, word: str) -> str | None:
        async with AsyncExitStack() as stack:
            for _ in range(POOL_SIZE):
                lent = self.object.connection(timeout=PATIENCE)
                if self.blocking:
                    r = stack.enter_context(lent)
                else:
                    r = await stack.enter_async_context(lent)
                answer = await done(r.run([*HELLO, word], timeout=PATIENCE))
                if answer.text != f"hello {word}\n":
                    return repr(answer)
        stats = self.object.stats()
        idle = stats["pool_available"] == stats["pool_size"] == POOL_SIZE
        return None if idle and not stats["requests_waiting"] else repr(stats)

    async def _left(self, usual: list[str]) -> list[str]:
        """The descriptors, threads, tasks and files, if no more than usual or after a while."""
        end = time.monotonic() + 5
        while True:
            found = [f"{number} {what}" for number, what in descriptors().items()]
            found = [one for one in found if "/proc/" not in one]  # the list's own
            found += [f"thread {one}" for one in threads()]
            found += [f"file {one}" for one in Path(os.environ["TMPDIR"]).iterdir()]
            if self.scenario.world == "trio":
                found += ["task"] * trio.lowlevel.current_statistics().tasks_living
            elif not self.blocking:
                found += ["task"] * len(asyncio.all_tasks())
            if len(found) <= len(usual) or time.monotonic() > end or not usual:
                return found
            gc.collect()
            if self.blocking:
                time.sleep(0.002)
            else:
                await anyio.sleep(0.002)

    async def end(self) -> None:
        """Close the object."""
        await done(self.object.close())


def run_in(world: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine in an event loop; one that never waits in none."""
    if world != "blocking":
        backend = "trio" if world == "trio" else "asyncio"
        options = {"use_uvloop": True} if world == "uvloop" else {}

        async def run() -> Any:
            if backend == "asyncio":
                # An exception in a callback is given to this, and the loop goes on.
                asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            return await work()

        return anyio.run(run, backend=backend, backend_options=options)
    try:
        work().send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a blocking scenario has waited")


Lines = set[tuple[CodeType, int]]


def interrupted(name: str, target: Target, lines: Lines | None = None) -> tuple[int, list[str]]:
    """How many places a scenario has, and what went wrong at which.

    With `lines` one of each line that is not in it; it has them then.
    """
    scenario = SCENARIOS[name]

    async def work() -> tuple[int, list[str]]:
        trial = Trial(scenario, target)
        await trial.begin()
        places: Iterator[At] = (At(number) for number in range(sys.maxsize))
        if lines is not None:
            look = At()
            with raising(look):
                await trial.act()
            chosen = one_for_each_line(look.seen)
            assert chosen
            new = [line for line in chosen if line not in lines]
            lines.update(new)
            places = (At(place=chosen[line]) for line in new)
        count, wrong = 0, []
        for at in places:
            problem = await trial.interrupt(at)
            if problem is not None:
                wrong.append(f"{at.where}: {problem}")
                await trial.end()
                trial = Trial(scenario, target)
                await trial.begin()
            elif at.raised:
                count += 1
            elif lines is None:
                break
        await trial.end()
        return count + len(wrong), wrong

    with _prepared():
        result: tuple[int, list[str]] = run_in(scenario.world, work)
    return result


def signalled(name: str, target: Target, seconds: float) -> tuple[int, list[str]]:
    """How many signals came in the middle of a scenario, and what went wrong after them."""
    armed = False

    def handle(*_: object) -> None:
        if armed:
            raise Interrupted

    async def work() -> tuple[int, list[str]]:
        nonlocal armed
        trial = Trial(SCENARIOS[name], target)
        await trial.begin()
        start = time.monotonic()
        await trial.act()
        longest = 1.2 * (time.monotonic() - start)
        end = time.monotonic() + seconds
        count, wrong = 0, []
        while time.monotonic() < end:
            try:
                armed = True
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, longest))
                await trial.act()
                armed = False
            except Interrupted:
                count += 1
            armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            problem = await trial.check(str(count))
            if problem is not None:
                wrong.append(problem)
                await trial.end()
                trial = Trial(SCENARIOS[name], target)
                await trial.begin()
        await trial.end()
        return count, wrong

    before = signal.signal(signal.SIGALRM, handle)
    try:
        with _prepared():
            result: tuple[int, list[str]] = run_in("blocking", work)
    finally:
        signal.signal(signal.SIGALRM, before)
    return result


def _named(words: list[str]) -> list[str]:
    worlds = [word for word in words if word in WORLDS]
    names = [name for name in SCENARIOS if not words or SCENARIOS[name].world in worlds]
    return names + [word for word in words if word not in WORLDS]


def main() -> bool:
    """Interrupt the scenarios; whether nothing went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lines", action="store_true", help="each line once")
    parser.add_argument("--signals", type=float, metavar="SECONDS", help="real signals")
    parser.add_argument("scenarios", nargs="*", metavar="scenario")
    arguments = parser.parse_args()
    # Of a coroutine whose caller was interrupted between its call and the await.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited")
    right = True
    with Realm() as realm, realm.environ(), make_server(realm) as server:
        target = Target("localhost", server.port)
        lines: Lines | None = set() if arguments.lines else None
        for name in _named(arguments.scenarios):
            begin = time.monotonic()
            if arguments.signals is None:
                what = "places"
                places, wrong = interrupted(name, target, lines)
            elif SCENARIOS[name].world == "blocking":
                what = "signals"
                places, wrong = signalled(name, target, arguments.signals)
            else:
                continue
            took = time.monotonic() - begin
            print(f"{name}: {places} {what}, {len(wrong)} wrong, {took:.1f} s", flush=True)
            for problem in wrong:
                print("   ", problem)
            right = right and not wrong
    return right


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
