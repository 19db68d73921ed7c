"""The usage message, made from the table of options."""

from __future__ import annotations

from remctl._cli.option import MANY, Option
from remctl._cli.options import OPTIONS

SYNOPSES = (
    "<options> <host> <command> [<subcommand> [<parameters>]]",
    "<options> <host>",
    "<options> -H <hosts> <command> [<subcommand> [<parameters>]]",
)

#: The text follows on the same line if the option and its value are not longer than this.
WIDTH = 18


def usage() -> str:
    """The message, of several lines."""
    lines = [
        f"{'Usage:' if number == 0 else '      '} pyremctl {synopsis}"
        for number, synopsis in enumerate(SYNOPSES)
    ]
    lines += ["", "Options:"]
    lines += [_line(option) for option in OPTIONS if option.hosts != MANY]
    lines += ["", "Many hosts:"]
    lines += [_line(option) for option in OPTIONS if option.hosts == MANY]
    return "\n".join(lines) + "\n"


def _line(option: Option) -> str:
    letter, name = option.letter and f"-{option.letter}", option.name and f"--{option.name}"
    spelling = ", ".join(filter(None, (letter, name)))
    if option.optional:
        spelling += f"[=<{option.value}>]"
    elif option.value:
        spelling += f" <{option.value}>"
    if len(spelling) > WIDTH:
        return f"    {spelling}\n    {'':<{WIDTH}} {option.about}"
    return f"    {spelling:<{WIDTH}} {option.about}"
