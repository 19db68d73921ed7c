"""Converts the values of options."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._cli.option import Option

_LONG_MAX = 2**63 - 1


class Misuse(Exception):
    """The command line is wrong; the text says how.

    Attributes:
        usage: whether the usage message must follow, like in `remctl`.
    """

    def __init__(self, text: str, usage: bool = False) -> None:
        super().__init__(text)
        self.usage = usage


def is_address(text: str, *families: int) -> bool:
    """Whether a text is an IP address of one of the families (by default of any)."""
    # Not the module socket, which takes long to load.
    from _socket import AF_INET, AF_INET6, inet_pton

    for family in families or (AF_INET, AF_INET6):
        try:
            inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    return False


def _strtol(text: str) -> tuple[int, bool]:
    """The number at the start of a text, like strtol(3), and whether that is the whole text."""
    rest = text.lstrip(" \t\n\v\f\r")
    sign = rest[:1] if rest[:1] in ("+", "-") else ""
    unsigned = rest[len(sign) :]
    digits = unsigned[: len(unsigned) - len(unsigned.lstrip("0123456789"))]
    if not digits:
        return 0, not text
    # Python limits the digits that it converts, and strtol limits its results.
    number = int(digits) if len(digits.lstrip("0")) < 20 else _LONG_MAX + 1
    number = -number if sign == "-" else number
    return max(-_LONG_MAX - 1, min(_LONG_MAX, number)), digits == unsigned


def _port(_: Option, text: str) -> int:
    number, whole = _strtol(text)
    if not whole or not 1 <= number <= 65535:
        raise Misuse(f"invalid port number {number}")
    return number


def _silence(_: Option, text: str) -> int:
    number, whole = _strtol(text)
    if not whole or number < 0:
        raise Misuse(f"invalid timeout value {number}")
    # The extension's clock has a smaller range than a long.
    return min(number, 10**9)


def _whole(option: Option, text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
        raise Misuse(
            f"option {option.spelling}: must be an integer of {least} or more, not {text!r}"
        )
    return int(text)


def _seconds(option: Option, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise Misuse(f"option {option.spelling}: must be a number of seconds, not {text!r}")
    return seconds


def _limit(option: Option, text: str) -> float:
    """Seconds; 0 means no limit."""
    return 0.0 if text == "0" else _seconds(option, text)


def _portion(option: Option, text: str, least: int) -> int | str:
    """A number of hosts, or a percentage as for `run_many()`."""
    number = text.removesuffix("%")
    if number == text:
        return _whole(option, text, least)
    whole, _, part = number.partition(".")
    digits = whole + part
    if not (digits.isascii() and digits.isdigit() and whole and len(text) < 16):
        raise Misuse(f"option {option.spelling}: must be an integer or a percentage, not {text!r}")
    if not float(number) <= 100:
        raise Misuse(f"option {option.spelling}: must be 100% or less, not {text!r}")
    return text


def _numbered(option: Option, text: str) -> tuple[int, str]:
    number, equals, path = text.partition("=")
    if not equals or not path:
        raise Misuse(f"option {option.spelling}: must be n=path, not {text!r}")
    return _whole(option, number, 1), path


def _text(_: Option, text: str) -> str:
    return text


def _name(option: Option, text: str) -> str:
    if not text:
        raise Misuse(f"option {option.spelling}: the name is empty")
    return text


#: The conversion for each kind of option. Each raises Misuse.
CONVERT = {
    "address": _text,
    "batch": lambda option, text: _portion(option, text, 1),
    "count": lambda option, text: _whole(option, text, 1),
    "directory": _name,
    "failures": lambda option, text: _portion(option, text, 0),
    "file": _name,
    "hosts": _text,
    "number": lambda option, text: _whole(option, text, 0),
    "numbered": _numbered,
    "patience": _limit,
    "port": _port,
    "principal": _name,
    "seconds": _seconds,
    "silence": _silence,
    "text": _text,
}
