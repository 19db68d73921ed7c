"""Parses command lines.

Written by hand: for one host, loading argparse would take longer than everything else, and it
cannot behave like getopt, which `remctl` uses.
"""

from __future__ import annotations

from remctl._cli.option import MANY, Option
from remctl._cli.options import OPTIONS
from remctl._cli.values import CONVERT, Misuse, is_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LETTERS = {option.letter: option for option in OPTIONS if option.letter}
_NAMES = {option.name: option for option in OPTIONS if option.name}


class Options:
    """The parsed command line.

    Attributes:
        many: whether it is for many hosts.
        action: "help" or "version" if one of these was requested.
        problem: what is wrong with the command line, if anything.
        host: the host; empty with many hosts.
        words: the command.
        given: the names of those below that are set. The other attributes have the names of the
            options.
    """

    def __init__(self) -> None:
        self.many = False
        self.action = ""
        self.problem: Misuse | None = None
        self.host = ""
        self.words: list[str] = []
        self.given: set[str] = set()
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
        self.script: str | None = None
        self.keep_going = False
        self.host_sets: list[str] = []
        self.hosts: list[str] = []
        self.exclude: list[str] = []
        self.list = False
        self.check = False
        self.limit = 64
        self.timeout: float | None = None
        self.connect_timeout: float | None = None
        self.retries = 0
        self.max_output: int | None = None
        self.batch: int | str | None = None
        self.max_failures: int | str | None = None
        self.fail_fast = False
        self.failed: str | None = None
        self.failed_safe: str | None = None
        self.largest_status = False
        self.expand = False
        self.gather = False
        self.diff: str | None = None
        self.ordered = False
        self.no_prefix = False
        self.quiet = False
        self.outdir: str | None = None
        self.json = False
        self.no_progress = False
        self.no_config = False

    @property
    def limited(self) -> bool:
        """Whether one host needs more than the program `remctl` can do."""
        given = self.timeout is not None or self.script is not None
        return given or self.json or self.retries > 0 or self.max_output is not None


#: The attributes of options whose name differs.
_ATTRIBUTES = {
    "b": "source_ip",
    "d": "debug",
    "p": "port",
    "s": "principal",
    "t": "silence",
    "H": "host_sets",
}

# An option with its value, or with an error. An unknown option is None.
_Found = tuple["Option | None", "str | Misuse | None"]


def parse(arguments: Sequence[str]) -> Options:
    """Parse a command line, without the name of the program.

    An error is stored in `problem`, because the exit status depends on whether the line is for
    many hosts.
    """
    options = Options()
    found, operands = _split(arguments)
    given = [option for option, _ in found if option is not None]
    # Without any operand it is not for one host either.
    options.many = any(
        option.spelling in ("-H", "--hosts") or (option.hosts == MANY and not operands)
        for option in given
    )
    try:
        for option, value in found:
            if isinstance(value, Misuse):
                raise value
            assert option is not None
            if option.name in ("help", "version"):
                # Takes effect immediately, even if there are errors after it.
                options.action = option.name
                return options
            _set(options, option, value)
        _operands(options, operands)
        _agree(options, given)
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
        return None, Misuse(f"unrecognized option '--{name}'", usage=True)
    if not option.kind:
        if equals:
            return option, Misuse(f"option '--{name}' doesn't allow an argument", usage=True)
        return option, None
    if equals:
        return option, value
    if option.optional:
        return option, ""
    if not rest:
        return option, Misuse(f"option '--{name}' requires an argument", usage=True)
    return option, rest.pop(0)


def _short(word: str, rest: list[str]) -> list[_Found]:
    found: list[_Found] = []
    while word:
        letter, word = word[0], word[1:]
        option = _LETTERS.get(letter)
        if option is None:
            found.append((None, Misuse(f"invalid option -- '{letter}'", usage=True)))
        elif not option.kind:
            found.append((option, None))
        else:
            value: str | Misuse = word
            if not word and rest:
                value = rest.pop(0)
            elif not word:
                value = Misuse(f"option requires an argument -- '{letter}'", usage=True)
            found.append((option, value))
            break
    return found


def _set(options: Options, option: Option, text: str | None) -> None:
    attribute = _ATTRIBUTES.get(option.letter) or option.name.replace("-", "_")
    value: object = True if text is None else CONVERT[option.kind](option, text)
    if isinstance(before := getattr(options, attribute), list):
        value = [*before, value]
    setattr(options, attribute, value)
    options.given.add(attribute)


def _operands(options: Options, operands: list[str]) -> None:
    if options.many:
        options.words = operands
        if not options.host_sets and not options.hosts:
            raise Misuse("no hosts: give -H or --hosts")
        if not (operands or options.list or options.check or options.script is not None):
            raise Misuse("no command")
    else:
        options.host, options.words = (operands or [""])[0], operands[1:]
        if not operands:
            raise Misuse("", usage=True)


def _agree(options: Options, given: list[Option]) -> None:
    """Raise Misuse if options do not go together."""
    for option in given:
        if option.hosts == MANY and not options.many:
            raise Misuse(f"option {option.spelling} is for many hosts: give -H or --hosts too")
    gathered = ("--diff", True) if options.diff is not None else ("--gather", options.gather)
    _one_of(gathered, ("--json", options.json))
    _one_of(gathered, ("--ordered", options.ordered))
    _one_of(gathered, ("--json", options.json), ("--no-prefix", options.no_prefix))
    if options.quiet and options.outdir is None:
        raise Misuse("option --quiet goes with --outdir")
    if options.quiet:
        _one_of(("--quiet", True), gathered, ("--json", options.json))
    _one_of(("--keytab", options.keytab is not None), ("--ccache", options.ccache is not None))
    _one_of(("--stdin", options.stdin), ("--prompt", options.prompt is not None))
    _one_of(("--stdin", options.stdin), ("--hosts -", "-" in options.hosts))
    elsewhere = options.stdin or options.file or options.prompt is not None
    if options.check and (options.words or elsewhere or options.script is not None):
        raise Misuse("option --check sends no command")
    if options.script is not None and (options.words or elsewhere):
        raise Misuse("option --script has the commands: give no other")
    if options.keep_going and options.script is None:
        raise Misuse("option --keep-going goes with --script")
    _one_of(("--script -", options.script == "-"), ("--hosts -", "-" in options.hosts))
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
