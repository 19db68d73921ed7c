"""One call of a function, with what a client sent."""

from __future__ import annotations

import os
import stat
import sys

from remctl.backend._errors import UsageError
from remctl.backend._remote import called_by_remctld
from remctl.backend._signature import Parameter, Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FunctionType
    from typing import Any


class Invocation:
    """A function with the values of its parameters.

    Args:
        secrets: a list for the arguments that no log may show, filled as they are taken, so
            that it is right for an error in the midst of that too.
    """

    def __init__(
        self, function: FunctionType, signature: Signature, secrets: list[str | bytes]
    ) -> None:
        self._function = function
        self._signature = signature
        self._secrets = secrets
        self._positional: list[object] = []
        self._keywords: dict[str, Any] = {}

    def take(self, words: list[str]) -> None:
        """Take the words of the command line, and what is on standard input.

        Raises:
            UsageError: they are not what the function takes.
        """
        # Without options in the function there are none: `-5` and `--` are arguments.
        if self._signature.options:
            from remctl.backend._options import split

            given, words = split(self._signature.options, words)
            for option, value in given:
                self._take_option(option, value)
        self._take_arguments(list(words))

    def run(self) -> object:
        """Call the function."""
        function: Any = self._function
        return function(*self._positional, **self._keywords)

    def _take_option(self, option: Parameter, raw: str | bool) -> None:
        if option.counted:
            self._keywords[option.name] = self._keywords.get(option.name, option.default) + 1
        elif isinstance(raw, bool):
            self._keywords[option.name] = raw
        elif option.many is None:
            self._keywords[option.name] = self._value(option, raw, None)
        else:
            before = self._keywords.get(option.name, ())
            self._keywords[option.name] = option.many([*before, self._value(option, raw, None)])

    def _take_arguments(self, arguments: list[str | bytes]) -> None:
        """Take the arguments: first how many there are, then whether they are right."""
        slots, rest = self._signature.arguments, self._signature.rest
        stdin, last = self._signature.stdin, self._signature.last
        data: str | bytes = b""
        if stdin is None:
            if called_by_remctld() and _is_socket(0):  # another command's line has stdin=
                raise UsageError("too many arguments")
        else:
            found = _read_stdin()
            if found is None and stdin.required:
                raise UsageError("insufficient arguments")
            if last is not None:
                data = found or b""
            elif found is None:  # and so nothing of what would come behind it
                slots, rest = slots[: slots.index(stdin)], None
            elif len(arguments) < slots.index(stdin):
                raise UsageError("insufficient arguments")
            else:
                arguments.insert(slots.index(stdin), found)
        if len(arguments) > len(slots) and rest is None:
            raise UsageError("too many arguments")
        if len(arguments) < sum(slot.required for slot in slots):
            raise UsageError("insufficient arguments")
        for number, raw in enumerate(arguments, 1):
            slot = slots[number - 1] if number <= len(slots) else rest
            assert slot is not None
            self._positional.append(self._value(slot, raw, number))
        if last is not None:
            self._keywords[last.name] = self._value(last, data, len(arguments) + 1)

    def _value(self, slot: Parameter, raw: str | bytes, number: int | None) -> object:
        """The value of the argument with this number, or of an option."""
        if slot.secret:
            self._secrets.append(raw)
        try:
            return slot.value(raw)
        except (ValueError, ArithmeticError):  # decimal has ArithmeticErrors
            raise UsageError(_complaint(slot, raw, number)) from None


def _complaint(slot: Parameter, raw: str | bytes, number: int | None) -> str:
    """What is wrong with an argument, in words that a terminal can show and a log may keep."""
    shown = isinstance(raw, str) and raw.isprintable() and not slot.secret
    if number is None:
        text = f"invalid value for option {slot.option}"
    else:
        text = "invalid argument" if shown else f"invalid data in argument #{number}"
    if shown:
        text = f"{text}: {raw!s}"
    if slot.choices is not None:
        text = f"{text} (choose from {', '.join(slot.choices)})"
    return text


def _is_socket(descriptor: int) -> bool:
    """Whether a descriptor is one, as is standard input where remctld has an argument for it."""
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _read_stdin() -> bytes | None:
    """All of standard input; None if it is /dev/null.

    remctld opens that where no argument comes on standard input: in this way an argument that
    is missing differs from one that is empty.
    """
    if sys.stdin is None:
        return None
    stream = sys.stdin.buffer
    try:
        device = os.fstat(stream.fileno()).st_rdev
    except OSError:  # not a file: a test has put it there
        device = 0
    if device and device == os.stat(os.devnull).st_rdev:
        return None
    return stream.read()
