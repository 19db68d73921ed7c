"""Check users' arguments and convert them to what the extension takes."""

import os
from collections.abc import ItemsView, Iterable, KeysView, ValuesView
from math import inf, isnan, ldexp
from operator import index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import SupportsFloat, SupportsIndex, TypeAlias

    Port: TypeAlias = SupportsIndex | float | str | bytes | None
    Seconds: TypeAlias = SupportsFloat | SupportsIndex
else:
    # The closest type that does not need typing to be loaded.
    SupportsIndex = int
    Port = int | float | str | bytes | None
    Seconds = int | float

#: An argument of a command: bytes, or anything with a string form.
Argument = object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Protocol

    class _Arguments(Protocol):
        """A sequence, but not str or bytes, whose `in` only accepts parts of themselves."""

        def __contains__(self, value: object, /) -> bool: ...
        def __len__(self) -> int: ...
        def __getitem__(self, index: int, /) -> object: ...
        def __iter__(self) -> Iterator[object]: ...
        def count(self, value: Any, /) -> int: ...

    Command: TypeAlias = _Arguments | Iterator[Argument]
else:
    Command = Iterable[Argument]

#: An argument as the extension takes it; a buffer is sent without a copy.
Encoded = bytes | memoryview

#: The last characters of buffer formats that hold references instead of values.
_REFERENCES = ("O", "P", "z", "Z")

#: Exceptions and logs show at most this many bytes of a command's word.
_LONGEST_WORD = 100


class Hidden(bytes):
    """A word that came from a prompt, standard input or a file: it is sent, but never shown."""


def port_number(port: Port) -> int:
    """A port number from 0 to 65535; 0, the library's default, for None.

    Raises TypeError if it is not a number, and ValueError if it is out of range.
    """
    if port is None:
        return 0
    if isinstance(port, float) and not port.is_integer():
        raise ValueError(f"invalid port number: {port!r}")
    try:
        number = int(port)
    except OverflowError:  # for example decimal's infinity
        raise ValueError(f"invalid port number: {port!r}") from None
    except (TypeError, ValueError):
        raise TypeError(f"port must be a number: {port!r}") from None
    # Other numbers, such as a Decimal or a float, must be whole.
    if not isinstance(port, (str, bytes)) and not hasattr(port, "__index__") and number != port:
        raise ValueError(f"invalid port number: {port!r}")
    if not 0 <= number <= 65535:
        raise ValueError(f"invalid port number: {number!r}")
    return number


def seconds(timeout: Seconds) -> float:
    """A timeout as a float; infinite for an int that is too large for a float.

    Raises TypeError if it is not a number, and ValueError for NaN.
    """
    try:
        # Unlike float(), ldexp() does not accept a str.
        number = ldexp(timeout, 0)
    except TypeError:
        kind = type(timeout).__name__
        raise TypeError(f"timeout must be a number of seconds, not {kind}") from None
    except OverflowError:
        return -inf if timeout < 0 else inf  # type: ignore[operator]
    except ValueError as error:  # for example a signalling NaN of decimal
        raise ValueError(f"timeout must be a number of seconds: {error}") from error
    if isnan(number):
        raise ValueError("timeout must not be NaN")
    return number


def optional_seconds(value: Seconds | None, name: str) -> float | None:
    """A duration in seconds; None for None and 0, which turn it off.

    Raises TypeError or ValueError that names the argument.
    """
    if value is None:
        return None
    try:
        number = seconds(value)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("timeout", name, 1)) from None
    if number < 0:
        raise ValueError(f"{name} must not be negative: {value}")
    return number or None


def output_limit(max_output: SupportsIndex | None) -> int | None:
    """``max_output=`` as a number of bytes; None means no limit."""
    return None if max_output is None else count(max_output, "max_output", 0)


def count(value: SupportsIndex, name: str, least: int) -> int:
    """An int of at least ``least``; TypeError or ValueError that names the argument."""
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}: {number}")
    return number


def c_string(value: object, name: str) -> None:
    """Check that the value can be a C string, as the extension does, before calling the extension.

    Raises TypeError or ValueError that names the argument.
    """
    if isinstance(value, str):
        try:
            value = str.encode(value, "utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise ValueError(f"{name} cannot be encoded as UTF-8: {value!r}") from None
    if not isinstance(value, bytes):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if b"\0" in value:
        raise ValueError(f"{name} must not contain a NUL character")


def host_name(host: object) -> None:
    """Check that the value can be a host, like `c_string`."""
    c_string(host, "host")
    if not host:
        raise ValueError("host must not be empty")


def manual_command_list(command: Command) -> list[Encoded]:
    """Like `command_list()`, for the calls of the old manual, with the old error text."""
    if isinstance(command, (str, bytes)):
        raise TypeError("command must be a sequence or iterator")
    return command_list(command)


def command_list(command: Command) -> list[Encoded]:
    """The arguments of a command as the extension takes them.

    Raises TypeError if the command is not an iterable of arguments, ValueError if it is empty.
    """
    if isinstance(command, (str, bytes, bytearray, memoryview)):
        text = "command must be a sequence or iterator"
        if isinstance(command, (str, bytes)) and command.strip():
            text += f", not one text: write {_split(command)}"
        raise TypeError(text)
    if isinstance(command, (set, frozenset, dict)):
        kind = type(command).__name__
        raise TypeError(f"command must be a sequence or iterator, not a {kind}, which has no order")
    try:
        arguments = iter(command)
    except TypeError:
        raise TypeError("command must be a sequence or iterator") from None
    encoded = [encode_argument(argument, position) for position, argument in enumerate(arguments)]
    if not encoded:
        raise ValueError("command must not be empty")
    return encoded


def _refuse_structures(argument: Argument, position: int) -> None:
    import types

    collections = (list, tuple, set, frozenset, dict, KeysView, ValuesView, ItemsView)
    functions = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
    running = (types.GeneratorType, types.CoroutineType)
    if isinstance(argument, (type, *collections, *functions, *running)):
        kind = type(argument).__name__
        raise TypeError(
            f"command argument {position} must be a str, bytes or one value, not {kind}"
        )


def _split(command: str | bytes) -> str:
    """How to write a command that was given as one str; shows at most its first two words."""
    words = list(map(repr, command.split(maxsplit=2)))
    return f"[{', '.join(words[:2])}{', ...' if len(words) > 2 else ''}]"


def encode_argument(argument: Argument, position: int) -> Encoded:
    """One argument of a command as the extension takes it.

    bytes, str, int, float and their subclasses are sent as the value that they hold, even if
    the subclass overrides `__str__`: for a member of an enumeration that is its value, in every
    version of Python. A str is encoded as UTF-8, with surrogate escapes restored to the bytes
    they stand for. A path is converted with `os.fspath`, a buffer is sent as its bytes, and
    everything else (also a bool) as its string form. Raises TypeError for a collection, a
    function or a class, whose string form is Python notation.
    """
    if isinstance(argument, bytes):
        return argument
    if not isinstance(argument, str):
        if argument is None:
            raise TypeError(f"command argument {position} must not be None")
        if isinstance(argument, os.PathLike):
            return encode_argument(os.fspath(argument), position)
        if isinstance(argument, int) and not isinstance(argument, bool):
            argument = int.__repr__(argument)
        elif isinstance(argument, float):
            argument = float.__repr__(argument)
        else:
            view = _buffer(argument, position)
            if view is not None:
                return view if view.c_contiguous else view.tobytes()
            _refuse_structures(argument, position)
            argument = str(argument)
    try:
        return str.encode(argument, "utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"command argument {position} cannot be encoded: {error}") from error


def _buffer(argument: Argument, position: int) -> memoryview | None:
    """The bytes of a buffer; None for a value with a string form, such as numpy's scalars."""
    # Before Python 3.12 there is no class to test for the buffer protocol.
    try:
        view = memoryview(argument)  # type: ignore[arg-type]
    except TypeError:
        return None
    except ValueError:
        if hasattr(argument, "dtype"):  # numpy's dates
            raise _no_bytes(position) from None
        raise
    if view.format.endswith(_REFERENCES) or "{" in view.format:
        raise _no_bytes(position)
    if hasattr(argument, "dtype") and getattr(argument, "shape", None) == ():
        return None
    if view.ndim == 0:
        kind = type(argument).__name__
        raise TypeError(f"command argument {position} must not be a single value in a {kind}")
    return view


def _no_bytes(position: int) -> TypeError:
    return TypeError(
        f"command argument {position} must not be a buffer of objects, dates or structures"
    )


def first_words(command: list[Encoded]) -> str:
    """The part of a command that exceptions and logs may show: its first two words."""
    words = [_beginning(word) for word in command[:2]]
    return b" ".join(words).decode("utf-8", "backslashreplace")


def _beginning(word: Encoded) -> bytes:
    if isinstance(word, Hidden):
        return b"***"
    if type(word) is not bytes:
        view = memoryview(word)
        word = bytes(view.cast("B")[: _LONGEST_WORD + 1]) if view.nbytes else b""
    end = _LONGEST_WORD
    # Do not cut a UTF-8 character, which has at most three more bytes.
    while _LONGEST_WORD - 3 < end < len(word) and word[end] & 0xC0 == 0x80:
        end -= 1
    return word[:end]


def file_or_name(value: str | os.PathLike[str]) -> str:
    """The name of a ticket cache or a keytab; a path-like object always names a file."""
    if not isinstance(value, os.PathLike):
        return value
    return "FILE:" + os.fsdecode(value)


def absolute_name(value: str | os.PathLike[str], name: str) -> str:
    """The same with a relative path made absolute; errors name the argument."""
    from remctl import _remctl

    path = file_or_name(value)
    c_string(path, name)
    return _remctl.absolute_name(path)
