"""Command lines into `Options`.

By hand: argparse would cost one host more time than all the rest (and cannot do what getopt
does, whose words and ways those of `remctl` are).
"""

from __future__ import annotations

from remctl._cli.options import MANY, OPTIONS, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LETTERS = {option.letter: option for option in OPTIONS if option.letter}
_NAMES = {option.name: option for option in OPTIONS if option.name}

_LONG_MAX = 2**63 - 1


class Misuse(Exception):
    """The command line makes no sense; the text says what is wrong with it.

    Attributes:
        usage: whether the usage message is to follow, as `remctl` does it.
    """

    def __init__(self, text: str, usage: bool = False) -> None:
        super().__init__(text)
        self.usage = usage


class Options:
    """What the command line says.

    Attributes:
        many: whether it is for many hosts.
        action: "help" or "version" where that is all that is wanted.
        problem: what is wrong with the command line, if anything.
        host: the host; empty with many hosts.
        words: the command.
    Further ones are named for the options.
    """

    def __init__(self) -> None:
        self.many = False
        self.action = ""
        self.problem: Misuse | None = None
        self.host = ""
        self.words: list[str] = []
        self.source_ip: str | None = None
        self.debug = False
        self.port: int | None = None
        self.principal: str | None = None
        self.silence = 0
        self.keytab: str | None = None
        self.ccache: str | None = None
        self.no_canonicalize = False
        self.stdin = False
        self.file: list[tuple[int, str]] = []
        self.prompt: str | None = None
        self.confirm = False
        self.host_sets: list[str] = []
        self.hosts: list[str] = []
        self.limit = 64
        self.timeout: float | None = None
        self.retries = 0
        self.fail_fast = False
        self.gather = False
        self.outdir: str | None = None
        self.json = False
        self.no_progress = False


#: Where the value of an option goes whose name is not that of the attribute.
_ATTRIBUTES = {
    "b": "source_ip",
    "d": "debug",
    "p": "port",
    "s": "principal",
    "t": "silence",
    "H": "host_sets",
}

# An option with its value, or what is wrong with one.
_Found = tuple[Option, "str | None"] | Misuse


def parse(arguments: Sequence[str]) -> Options:
    """Understand a command line, without the name of the program.

    What is wrong with it is in `problem`: whether the line is for many hosts is to be known
    even then, for the exit status.
    """
    options = Options()
    found, operands = _split(arguments)
    options.many = any(
        not isinstance(one, Misuse) and one[0].spelling in ("-H", "--hosts") for one in found
    )
    try:
        for one in found:
            if isinstance(one, Misuse):
                raise one
            option, value = one
            if option.name in ("help", "version"):
                # At once, whatever else is wrong after it.
                options.action = option.name
                return options
            _set(options, option, value)
        _operands(options, operands)
        _agree(options, found)
    except Misuse as misuse:
        if options.many:
            misuse.usage = False
        options.problem = misuse
    return options


def _split(arguments: Sequence[str]) -> tuple[list[_Found], list[str]]:
    """The options and the operands, as getopt_long finds them."""
    found: list[_Found] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            found.append(_long(word[2:], rest))
        else:
            found.extend(_short(word[1:], rest))
    return found, rest


def _long(word: str, rest: list[str]) -> _Found:
    name, equals, value = word.partition("=")
    option = _NAMES.get(name)
    if option is None:
        return Misuse(f"unrecognized option '--{name}'", usage=True)
    if not option.kind:
        if equals:
            return Misuse(f"option '--{name}' doesn't allow an argument", usage=True)
        return option, None
    if equals:
        return option, value
    if option.optional:
        return option, ""
    if not rest:
        return Misuse(f"option '--{name}' requires an argument", usage=True)
    return option, rest.pop(0)


def _short(word: str, rest: list[str]) -> list[_Found]:
    found: list[_Found] = []
    while word:
        letter, word = word[0], word[1:]
        option = _LETTERS.get(letter)
        if option is None:
            found.append(Misuse(f"invalid option -- '{letter}'", usage=True))
        elif not option.kind:
            found.append((option, None))
        else:
            if not word and not rest:
                found.append(Misuse(f"option requires an argument -- '{letter}'", usage=True))
            else:
                found.append((option, word or rest.pop(0)))
            break
    return found


def _set(options: Options, option: Option, text: str | None) -> None:
    attribute = _ATTRIBUTES.get(option.letter) or option.name.replace("-", "_")
    value: object = True if text is None else _CONVERT[option.kind](option, text)
    if isinstance(before := getattr(options, attribute), list):
        value = [*before, value]
    setattr(options, attribute, value)


def _operands(options: Options, operands: list[str]) -> None:
    if options.many:
        options.words = operands
        if not operands:
            raise Misuse("no command")
    else:
        options.host, options.words = (operands or [""])[0], operands[1:]
        if not operands:
            raise Misuse("", usage=True)


def _agree(options: Options, found: list[_Found]) -> None:
    """Raise Misuse where options do not go together."""
    for one in found:
        if isinstance(one, Misuse):
            continue
        option = one[0]
        if option.hosts == MANY and not options.many:
            raise Misuse(f"option {option.spelling} is for many hosts: give -H or --hosts too")
    _one_of(
        ("--gather", options.gather),
        ("--outdir", options.outdir is not None),
        ("--json", options.json),
    )
    _one_of(("--keytab", options.keytab is not None), ("--ccache", options.ccache is not None))
    _one_of(("--stdin", options.stdin), ("--prompt", options.prompt is not None))
    _one_of(("--stdin", options.stdin), ("--hosts -", "-" in options.hosts))
    if options.hosts.count("-") > 1:
        raise Misuse("option --hosts: standard input can be read once only")
    if options.source_ip is not None and not is_address(options.source_ip.partition("%")[0]):
        raise Misuse(f"invalid source address {options.source_ip}")
    if options.confirm and options.prompt is None:
        raise Misuse("option --confirm goes with --prompt")


def _one_of(*given: tuple[str, bool]) -> None:
    names = [name for name, there in given if there]
    if len(names) > 1:
        raise Misuse(f"options {' and '.join(names)} do not go together")


def is_address(text: str, *families: int) -> bool:
    """Whether a text is an IP address of one of the families; of any without one."""
    # Not the module socket, which would take long to load.
    from _socket import AF_INET, AF_INET6, inet_pton

    for family in families or (AF_INET, AF_INET6):
        try:
            inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    return False


def _strtol(text: str) -> tuple[int, bool]:
    """The number that a text begins with, as strtol(3) reads it, and whether that is all."""
    rest = text.lstrip(" \t\n\v\f\r")
    sign = rest[:1] if rest[:1] in ("+", "-") else ""
    unsigned = rest[len(sign) :]
    digits = unsigned[: len(unsigned) - len(unsigned.lstrip("0123456789"))]
    if not digits:
        return 0, not text
    # Python has a limit to the digits that it converts, and strtol to its results.
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
    # The extension's clock has an end that a long has not.
    return min(number, 10**9)


def _whole(option: Option, text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
        raise Misuse(f"option {option.spelling}: not a number from {least} on: {text!r}")
    return int(text)


def _seconds(option: Option, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise Misuse(f"option {option.spelling}: not a time in seconds: {text!r}")
    return seconds


def _numbered(option: Option, text: str) -> tuple[int, str]:
    number, equals, path = text.partition("=")
    if not equals or not path:
        raise Misuse(f"option {option.spelling}: not of the form n=path: {text!r}")
    return _whole(option, number, 1), path


def _text(_: Option, text: str) -> str:
    return text


def _path(option: Option, text: str) -> str:
    if not text:
        raise Misuse(f"option {option.spelling}: the name is empty")
    return text


_CONVERT = {
    "address": _text,
    "count": lambda option, text: _whole(option, text, 1),
    "directory": _path,
    "file": _path,
    "hosts": _text,
    "number": lambda option, text: _whole(option, text, 0),
    "numbered": _numbered,
    "port": _port,
    "seconds": _seconds,
    "silence": _silence,
    "text": _text,
}
