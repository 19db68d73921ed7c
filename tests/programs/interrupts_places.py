"""Where `tests.programs.interrupts` raises: at instructions of the package's functions."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from os import sep
from pathlib import Path
from threading import get_ident
from types import CodeType, FrameType
from typing import Any

import remctl
import trio

PACKAGE = str(Path(remctl.__file__).parent) + sep

Place = tuple[CodeType, int]


class Interrupted(BaseException):
    """What is raised."""


class At:
    """Raises at one instruction of the package's.

    It is given by its number, or as a byte in a function; without either nothing is raised.
    """

    def __init__(self, number: int = -1, place: Place | None = None) -> None:
        self.number, self.place = number, place
        self.seen: dict[Place, None] = {}
        self.where = ""
        self._count = 0
        self._thread = get_ident()
        self._trio_task = trio.lowlevel.current_task() if trio.lowlevel.in_trio_run() else None

    @property
    def raised(self) -> bool:
        """Whether there was such a place."""
        return bool(self.where)

    def step(self, code: CodeType, offset: int) -> None:
        """Count an instruction, or raise at it."""
        if self.raised or _layout(code).is_quiet(offset) or not self._may_raise():
            return
        place = code, offset
        if self._count == self.number or place == self.place:
            self.where = f"{code.co_qualname}, line {_layout(code).lines[offset]}, byte {offset}"
            raise Interrupted
        self._count += 1
        self.seen[place] = None

    def _may_raise(self) -> bool:
        if get_ident() != self._thread:
            return False
        # The loop's own tasks are protected from Ctrl-C, and end the run if anything is raised.
        return self._trio_task is None or trio.lowlevel.current_task() is self._trio_task


class Layout:
    """The instructions of a function."""

    def __init__(self, code: CodeType) -> None:
        self.lines = {
            offset: line or code.co_firstlineno
            for start, end, line in code.co_lines()
            for offset in range(start, end, 2)
        }
        self.after_a_call: set[int] = set()
        self._quiet: set[int] = set()
        before: dis.Instruction | None = None
        for instruction in dis.get_instructions(code):
            if before is not None and before.opname.startswith(("CALL", "BEFORE_WITH")):
                self.after_a_call.add(instruction.offset)
            if instruction.opname == "SEND":  # at the end of an await it goes there
                self.after_a_call.add(instruction.argval)
            if (
                instruction.opname.startswith("RETURN_")
                and instruction.opname != "RETURN_GENERATOR"
            ):
                self._quiet.add(instruction.offset)
                if before is not None and before.opname.startswith("LOAD_"):
                    self._quiet.add(before.offset)
            if instruction.opname in ("SEND", "YIELD_VALUE", "JUMP_BACKWARD_NO_INTERRUPT") or (
                instruction.opname == "RESUME" and (instruction.arg or 0) & 3 > 1
            ):
                self._quiet.add(instruction.offset)  # while something is awaited
            before = instruction
        self._leave_out_exits(code)

    def _leave_out_exits(self, code: CodeType) -> None:
        """No handler runs between the last step of a `with` block and its `__exit__(None, ...)`."""
        exits = ["LOAD_CONST None"] * 3
        lately: list[dis.Instruction] = []
        for instruction in dis.get_instructions(code):
            if instruction.opname == "PRECALL":  # of Python 3.11 alone, and a part of CALL
                lately.append(instruction)
                continue
            loads = [one for one in lately if one.opname != "PRECALL"]
            shown = [f"{one.opname} {one.argrepr}" for one in loads[-3:]]
            if instruction.opname == "CALL" and instruction.arg == 2 and shown == exits:
                self._quiet.update(
                    one.offset for one in lately if one in loads[-3:] or one.opname == "PRECALL"
                )
                self._quiet.add(instruction.offset)
            if instruction.opname == "WITH_EXCEPT_START":  # the exit because of an exception
                self._quiet.update((lately[-1].offset, instruction.offset))
            lately.append(instruction)
            del lately[:-4]

    def is_quiet(self, offset: int) -> bool:
        """Whether no signal's handler can run there.

        It is an instruction that only returns, leaves a block, or hands on what an inner coroutine
        gives to the loop: CPython looks at signals in the innermost one.
        """
        return offset in self._quiet


_layouts: dict[CodeType, Layout] = {}


def _layout(code: CodeType) -> Layout:
    if code not in _layouts:
        _layouts[code] = Layout(code)
    return _layouts[code]


def one_for_each_line(places: dict[Place, None]) -> dict[tuple[CodeType, int], Place]:
    """By line: the first place behind a call, or the first place of all."""
    chosen: dict[tuple[CodeType, int], Place] = {}
    for code, offset in places:
        layout = _layout(code)
        line = code, layout.lines[offset]
        known = chosen.setdefault(line, (code, offset))
        if offset in layout.after_a_call and known[1] not in layout.after_a_call:
            chosen[line] = code, offset
    return chosen


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
