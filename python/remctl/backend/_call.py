"""One call of a function with the client's arguments."""

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
        secrets: a list for the arguments that no log may show. It is filled as they are parsed,
            so that it is complete even if parsing fails.
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
        """Parse the words of the command line, and standard input.

        Raises:
            UsageError: the function does not accept them.
        """
        # If the function has no options, `-5` and `--` are arguments.
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
        """Parse the arguments: check first their number, then their values."""
        slots, rest = self._signature.arguments, self._signature.rest
        stdin, last = self._signature.stdin, self._signature.last
        data: str | bytes = b""
        if stdin is None:
            if called_by_remctld() and _is_socket(0):  # another command on the same line has stdin=
                raise UsageError("too many arguments")
        else:
            found = _read_stdin()
            if found is None and stdin.required:
                raise UsageError("insufficient arguments")
            if last is not None:
                data = found or b""
            elif found is None:  # so there is nothing after it either
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
        except (ValueError, ArithmeticError):  # decimal raises ArithmeticError
            raise UsageError(_complaint(slot, raw, number)) from None


def _complaint(slot: Parameter, raw: str | bytes, number: int | None) -> str:
    """The error message for an argument, which is safe for terminals and logs."""
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
    """Whether a descriptor is a socket, like standard input if remctld passes an argument on it."""
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _read_stdin() -> bytes | None:
    """All of standard input; None if it is /dev/null.

    remctld uses /dev/null if there is no argument for standard input, so a missing argument
    differs from an empty one.
    """
    if sys.stdin is None:
        return None
    stream = sys.stdin.buffer
    try:
        device = os.fstat(stream.fileno()).st_rdev
    except OSError:  # not a file: replaced by a test
        device = 0
    if device and device == os.stat(os.devnull).st_rdev:
        return None
    return stream.read()
