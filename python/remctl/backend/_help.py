"""The help of a backend, in the layout of Net::Remctl::Backend, 80 columns wide."""

from __future__ import annotations

from remctl.backend._command import Command, Commands
from remctl.backend._errors import UsageError, unknown
from remctl.backend._signature import Parameter, spellings, spoken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 79
#: A longer syntax gets its own line, and does not move the column of the summaries.
LONGEST = 48
#: The column of the summaries if every syntax is longer.
COLUMN = 40


def help(group: Commands, words: Sequence[str]) -> str:
    """The help of a group, or of the command or group in it that the words name."""
    found = _find(group, words)
    if isinstance(found, Command):
        text = f"{syntax(found)}\n"
        return f"{text}\n{described}\n" if (described := dedented(found.doc)) else text
    banner = found.banner.rstrip("\n")
    rows = [row(command) for command in found]
    return (f"{banner}\n" if banner else "") + table(rows, rows, "  " if banner else "")


def summary(backend: Commands, words: Sequence[str]) -> str:
    """The lines of a subcommand in the backend's help, or, without words, the whole help.

    remctld prints the summary of each subcommand that the user may run.
    """
    if not words:
        return help(backend, words)
    found = _find(backend, words)
    commands = [found] if isinstance(found, Command) else found
    rows = [row(command) for command in commands]
    return table(rows, [row(command) for command in backend], "  " if backend.banner else "")


def heading(backend: Commands, words: Sequence[str]) -> str:
    """The start of the help: the banner, and the command without a subcommand."""
    if words:
        raise UsageError("too many arguments")
    banner = backend.banner.rstrip("\n")
    rows = [row(backend.alone)] if backend.alone else []
    everything = [row(command) for command in backend]
    text = table(rows, everything, "  " if banner else "")
    return (f"{banner}\n" if banner else "") + text


def _find(group: Commands, words: Sequence[str]) -> Command | Commands:
    left = list(words)
    found = group.find(left, [])
    if not left:
        return found
    if isinstance(found, Command):
        raise UsageError("too many arguments")
    raise UsageError(unknown("command", left[0]))


def row(command: Command) -> tuple[str, str]:
    """The syntax and the summary of a command: the first paragraph of its docstring."""
    return syntax(command), " ".join(dedented(command.doc).partition("\n\n")[0].split())


def syntax(command: Command) -> str:
    """The syntax of a command: `accounts create [-f|--force] <name> [<quota>]`."""
    signature = command.signature
    words = [*command.path, *(_option(option) for option in signature.options.values())]
    words += [
        f"<{_text(one)}>" if one.required else f"[<{_text(one)}>]" for one in signature.arguments
    ]
    if signature.rest is not None:
        words.append(f"[<{_text(signature.rest)}>...]")
    if signature.last is not None:
        words.append(f"<{_text(signature.last)}>")
    return " ".join(words)


def _option(option: Parameter) -> str:
    # The form of a flag that sets its default value is not shown.
    names = [name for name, value in spellings(option).items() if value is not option.default]
    text = "|".join(sorted(names, key=len))
    if not option.flag:
        text += f"=<{_text(option)}>"
    more = "..." if option.repeated else ""
    return f"{text}{more}" if option.required else f"[{text}]{more}"


def _text(parameter: Parameter) -> str:
    return spoken(parameter.name) if parameter.choices is None else "|".join(parameter.choices)


def table(
    rows: Iterable[tuple[str, str]], everything: Iterable[tuple[str, str]], indent: str
) -> str:
    """Rows in two columns, as wide as in the table of everything."""
    lengths = [len(indent + syntax) for syntax, _ in everything]
    column = max((length + 2 for length in lengths if length <= LONGEST), default=COLUMN)
    lines = []
    for syntax, summary in rows:
        left = indent + syntax
        texts = wrapped(summary, WIDTH - column)
        if texts and len(left) <= column - 2:
            lines.append(f"{left:<{column}}{texts.pop(0)}")
        else:
            lines.append(left)
        lines += [" " * column + text for text in texts]
    return "".join(f"{line}\n" for line in lines)


def wrapped(text: str, width: int) -> list[str]:
    """Wrap a text into lines."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def dedented(docstring: str) -> str:
    """A docstring without its indentation."""
    first, *rest = docstring.expandtabs().strip().split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    return "\n".join([first, *(line[margin:].rstrip() for line in rest)])
