"""An exception at every instruction of the package: is the object whole afterwards?

    python -m tests.programs.interrupts [scenario ...]
    python -m tests.programs.interrupts --signals SECONDS [scenario ...]

runs each scenario once for each instruction that the package's own functions execute in it, and
raises there, as a signal handler or `PyThreadState_SetAsyncExc` may. What the extension's call has
just returned is lost then. After each the object serves, and no descriptor, thread or task is left.
With `--signals` a real signal's handler raises, at random moments. Prints how many places there
were, and what was wrong at which. Add a scenario to `SCENARIOS`.
"""

from __future__ import annotations

import asyncio
import dis
import gc
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import remctl
from remctl import AsyncRemctl, Remctl, RemctlError, Target, arun_many, run_many
from remctl.testing import Realm

from tests.fix_realm import make_server, netstrings
from tests.support.traces import descriptors, threads, wait_until

HELLO = ["test", "hello"]
PACKAGE = str(Path(remctl.__file__).parent) + os.sep
PATIENCE = 20.0  # seconds; a call that takes longer hangs


class Interrupted(BaseException):
    """What is raised."""


class At:
    """Raises at one instruction of the package's, and counts those before it."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.seen = 0
        self.where = ""

    @property
    def raised(self) -> bool:
        """Whether there was such a place."""
        return bool(self.where)

    def step(self, code: CodeType, offset: int) -> None:
        """Count an instruction, or raise at it."""
        if self.raised or _returns(code, offset):
            return
        if self.seen == self.place:
            self.where = f"{code.co_qualname}, line {code.co_firstlineno} and on, byte {offset}"
            raise Interrupted
        self.seen += 1


def watched(code: CodeType) -> bool:
    """Whether an exception is raised in it: asyncio shows results in texts of its own."""
    return code.co_filename.startswith(PACKAGE) and code.co_name != "__repr__"


@contextmanager
def _traced(at: At) -> Iterator[None]:
    """Take the steps: before Python 3.12."""

    def enter(frame: FrameType, event: str, _: object) -> Any:
        if not watched(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        return step

    def step(frame: FrameType, event: str, _: object) -> Any:
        if event == "opcode":
            at.step(frame.f_code, frame.f_lasti)
        return step

    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(None)


@contextmanager
def _monitored(at: At) -> Iterator[None]:
    """Take the steps: from Python 3.12 on."""
    monitoring = sys.modules["sys"].__dict__["monitoring"]
    tool, events = monitoring.DEBUGGER_ID, monitoring.events
    codes: set[CodeType] = set()

    def enter(code: CodeType, offset: int) -> None:
        if watched(code) and code not in codes:
            codes.add(code)
            monitoring.set_local_events(tool, code, events.INSTRUCTION)

    monitoring.use_tool_id(tool, "interrupts")
    monitoring.register_callback(tool, events.PY_START, enter)
    monitoring.register_callback(tool, events.INSTRUCTION, at.step)
    monitoring.set_events(tool, events.PY_START)
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        for code in codes:
            monitoring.set_local_events(tool, code, 0)
        monitoring.free_tool_id(tool)


def raising(at: At) -> AbstractContextManager[None]:
    """Within the block the exception comes where it is to come."""
    return _monitored(at) if sys.version_info >= (3, 12) else _traced(at)


_RETURNS: dict[CodeType, set[int]] = {}


def _returns(code: CodeType, offset: int) -> bool:
    """Whether an instruction does nothing but return: the call has ended, and no signal comes."""
    if code not in _RETURNS:
        known = _RETURNS[code] = set()
        before: dis.Instruction | None = None
        for instruction in dis.get_instructions(code):
            if instruction.opname.startswith("RETURN_"):
                known.add(instruction.offset)
                if before is not None and before.opname.startswith("LOAD_"):
                    known.add(before.offset)
            before = instruction
    return offset in _RETURNS[code]


@dataclass(frozen=True)
class Scenario:
    """What is done with an object and its server's host and port."""

    act: Callable[[Any, Target], Any]
    is_async: bool = False


def _stream(r: Remctl, _: Target) -> None:
    with r.stream(HELLO) as stream:
        for _token in stream:
            pass


# Where command() has returned its caller knows of the answer, and may have to read on.
_sent: list[bool] = []


def _command(r: Remctl, _: Target) -> None:
    r.command(HELLO)
    _sent.append(True)
    while r.output().type != "done":
        pass


def _run_many(_: Remctl, target: Target) -> None:
    for outcome in run_many([target, target], HELLO):
        outcome.check()


def _run_many_into_files(_: Remctl, target: Target) -> None:
    for outcome in run_many([target], HELLO, stdout=lambda _: BytesIO()):
        outcome.check()


async def _async_stream(r: AsyncRemctl, _: Target) -> None:
    async with r.stream(HELLO) as stream:
        async for _token in stream:
            pass


async def _async_command(r: AsyncRemctl, _: Target) -> None:
    await r.command(HELLO)
    _sent.append(True)
    while (await r.output()).type != "done":
        pass


async def _arun_many(_: AsyncRemctl, target: Target) -> None:
    async for outcome in arun_many([target, target], HELLO):
        outcome.check()


async def _arun_many_into_files(_: AsyncRemctl, target: Target) -> None:
    async for outcome in arun_many([target], HELLO, stdout=lambda _: BytesIO()):
        outcome.check()


SCENARIOS = {
    "run": Scenario(lambda r, _: r.run(HELLO)),
    "run into a file": Scenario(lambda r, _: r.run(HELLO, stdout=BytesIO())),
    "stream": Scenario(_stream),
    "command and output": Scenario(_command),
    "noop": Scenario(lambda r, _: r.noop()),
    "run_many": Scenario(_run_many),
    "run_many into files": Scenario(_run_many_into_files),
    "run, asyncio": Scenario(lambda r, _: r.run(HELLO), True),
    "run into a file, asyncio": Scenario(lambda r, _: r.run(HELLO, stdout=BytesIO()), True),
    "stream, asyncio": Scenario(_async_stream, True),
    "command and output, asyncio": Scenario(_async_command, True),
    "noop, asyncio": Scenario(lambda r, _: r.noop(), True),
    "arun_many": Scenario(_arun_many, True),
    "arun_many into files": Scenario(_arun_many_into_files, True),
}


class Trial:
    """One scenario on one object, interrupted again and again."""

    def __init__(self, scenario: Scenario, target: Target) -> None:
        self.scenario, self.target = scenario, target
        self.runner = asyncio.Runner() if scenario.is_async else None
        if self.runner is None:
            self.object: Any = Remctl(target.host, target.port)
        else:
            # An exception in a callback is given to this, and the loop goes on.
            self.runner.get_loop().set_exception_handler(lambda *_: None)
            self.object = AsyncRemctl()
            self._do(lambda: self.object.open(target.host, target.port))
        self._act()
        gc.collect()
        self.left = self._counts()

    def _counts(self) -> tuple[int, int]:
        return len(descriptors()), len(threads())

    def _do(self, call: Callable[[], Any]) -> Any:
        if self.runner is None:
            return call()

        async def do() -> Any:
            async with asyncio.timeout(PATIENCE):
                return await call()

        return self.runner.run(do())

    def _act(self) -> None:
        self._do(lambda: self.scenario.act(self.object, self.target))

    def interrupt(self, at: At) -> str | None:
        """What is wrong after an exception there, or None."""
        _sent.clear()
        try:
            with raising(at):
                self._act()
        except Interrupted:
            pass
        except TimeoutError:
            return "hangs"
        return self.check(str(at.place)) if at.raised else None

    def check(self, word: str) -> str | None:
        """What is wrong with the object, or None."""
        gc.collect()  # the exception, which holds the frames that it came through
        try:
            while _sent and self._do(self.object.output).type != "done":
                pass
        except RemctlError:
            pass
        try:
            answer = self._do(lambda: self.object.run(["test", "args", word], timeout=PATIENCE))
        except BaseException as error:
            return repr(error)
        if netstrings(answer.stdout) != [word.encode()]:
            return repr(answer)
        tasks = 0 if self.runner is None else len(asyncio.all_tasks(self.runner.get_loop()))
        return f"{tasks} tasks are left" if tasks else None

    def close(self) -> str | None:
        """End it; what it has left behind, or None."""

        def nothing_left() -> bool:
            gc.collect()
            return all(now <= then for now, then in zip(self._counts(), self.left, strict=True))

        problem = None if wait_until(nothing_left) else f"left: {self._counts()}, not {self.left}"
        if self.runner is None:
            self.object.close()
        else:
            self._do(self.object.close)
            self.runner.close()
        return problem


def interrupted(name: str, target: Target, *, step: int = 1) -> tuple[int, list[str]]:
    """How many places a scenario has, and what went wrong at which."""
    trial = Trial(SCENARIOS[name], target)
    wrong: list[str] = []
    for place in range(0, 1_000_000, step):
        at = At(place)
        problem = trial.interrupt(at)
        if not at.raised:
            break
        if problem is not None:
            wrong.append(f"{at.where}: {problem}")
            trial = Trial(SCENARIOS[name], target)
    left = trial.close()
    return place // step, wrong if left is None else [*wrong, left]


def signalled(name: str, target: Target, seconds: float) -> tuple[int, list[str]]:
    """How many signals came in the middle of a scenario, and what went wrong after them."""
    trial = Trial(SCENARIOS[name], target)
    armed = False

    def handle(*_: object) -> None:
        if armed:
            raise Interrupted

    before = signal.signal(signal.SIGALRM, handle)
    start = time.monotonic()
    trial._act()
    longest = 1.2 * (time.monotonic() - start)
    end = time.monotonic() + seconds
    count = 0
    wrong: list[str] = []
    while time.monotonic() < end:
        _sent.clear()
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, longest))
            trial._act()
            armed = False
        except (Interrupted, TimeoutError):
            count += 1
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        problem = trial.check(str(count))
        if problem is not None:
            wrong.append(problem)
            trial = Trial(SCENARIOS[name], target)
    signal.signal(signal.SIGALRM, before)
    left = trial.close()
    return count, wrong if left is None else [*wrong, left]


def main(arguments: list[str]) -> bool:
    """Interrupt the scenarios; whether nothing went wrong."""
    seconds = None
    if arguments[:1] == ["--signals"]:
        seconds, arguments = float(arguments[1]), arguments[2:]
    # Of a coroutine whose caller was interrupted between its call and the await.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited")
    right = True
    with Realm() as realm, realm.environ(), make_server(realm) as server:
        target = Target(server.host, server.port, server.principal)
        for name in arguments or SCENARIOS:
            if seconds is None:
                places, wrong = interrupted(name, target)
                print(f"{name}: {places} places, {len(wrong)} wrong", flush=True)
            else:
                places, wrong = signalled(name, target, seconds)
                print(f"{name}: {places} signals, {len(wrong)} wrong", flush=True)
            for problem in wrong:
                print("   ", problem)
            right = right and not wrong
    return right


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
