"""Arguments as users write them, into arguments as the extension takes them."""

from __future__ import annotations

import numbers
import operator
import os
from collections.abc import Iterable
from typing import SupportsIndex

#: An argument of a command: bytes, or anything with a string form.
Argument = object

Command = Iterable[Argument]
Port = SupportsIndex | str | float | None


def port_number(port: Port) -> int:
    """A port number from 0 to 65535; 0, the library's default, for None.

    Raises TypeError for what is no number and ValueError for one out of range.
    """
    if port is None:
        return 0
    try:
        number = int(port) if isinstance(port, (str, float)) else operator.index(port)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"port must be a number: {port!r}") from None
    if isinstance(port, float) and number != port:
        raise ValueError(f"invalid port number: {port!r}")
    if not 0 <= number <= 65535:
        raise ValueError(f"invalid port number: {number!r}")
    return number


def command_list(command: Command) -> list[bytes]:
    """The arguments of a command as bytes.

    A str is encoded as UTF-8, with surrogate escapes restored to the bytes
    they stand for; bytes-like objects are taken as they are, paths and all
    else by their string form. Raises TypeError where the command is not an
    iterable of arguments, ValueError where it is empty.
    """
    if isinstance(command, (str, bytes, bytearray, memoryview, numbers.Number)):
        raise TypeError("command must be a sequence or iterator")
    try:
        arguments = iter(command)
    except TypeError:
        raise TypeError("command must be a sequence or iterator") from None
    encoded = [_encode(argument, position) for position, argument in enumerate(arguments)]
    if not encoded:
        raise ValueError("command must not be empty")
    return encoded


def _encode(argument: Argument, position: int) -> bytes:
    if isinstance(argument, bytes):
        return bytes(argument)
    if argument is None:
        raise TypeError(f"command argument {position} must not be None")
    if isinstance(argument, os.PathLike):
        argument = os.fspath(argument)
    if not isinstance(argument, (str, numbers.Number)):
        try:
            # The buffer protocol has no name to test for before Python 3.12.
            return memoryview(argument).tobytes()  # type: ignore[arg-type]
        except TypeError:
            pass
    try:
        return str(argument).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"command argument {position} cannot be encoded: {error}") from error


def path_or_name(value: str | os.PathLike[str]) -> str:
    """A credential cache by name or path."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value
