"""Parses options before the arguments, like getopt_long(3) and Getopt::Long with bundling.

The first word that is not an option ends them, and so does `--`.
"""

from __future__ import annotations

from remctl.backend._errors import UsageError, unknown
from remctl.backend._signature import spellings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from remctl.backend._signature import Parameter

    Known = Mapping[str, tuple[Parameter, bool]]

Given = list[tuple["Parameter", str | bool]]


def split(options: Mapping[str, Parameter], words: list[str]) -> tuple[Given, list[str]]:
    """The given options, each with its text, or with its value if it takes none;

    and the arguments.
    """
    known = {
        name: (option, value)
        for option in options.values()
        for name, value in spellings(option).items()
    }
    given: Given = []
    left = list(words)
    while left and left[0].startswith("-") and left[0] != "-":
        word = left.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            name, equals, text = word.partition("=")
            option, value = _known(known, name)
            if not option.flag:
                given.append((option, text if equals else _next(name, left)))
            elif equals:
                raise UsageError(f"option {name.lstrip('-')} does not take an argument")
            else:
                given.append((option, value))
        else:
            given += _bundle(known, word[1:], left)
    once: set[str] = set()
    for option, _ in given:
        # A repeated option would also move a secret argument to a number that remctld does not
        # mask.
        if option.name in once and not option.repeated:
            raise UsageError(f"option {option.option} is given twice")
        once.add(option.name)
    for option in options.values():
        if option.required and option.name not in once:
            raise UsageError(f"option {option.option} is missing")
    return given, left


def _bundle(known: Known, letters: str, left: list[str]) -> Given:
    """The options of one word, such as `-fv` or `-ofile`."""
    given: Given = []
    while letters:
        name, letters = f"-{letters[0]}", letters[1:]
        option, value = _known(known, name)
        if option.flag:
            given.append((option, value))
        else:
            given.append((option, letters or _next(name, left)))
            break
    return given


def _known(known: Known, name: str) -> tuple[Parameter, bool]:
    if name not in known:
        raise UsageError(unknown("option", name.lstrip("-")))
    return known[name]


def _next(name: str, left: list[str]) -> str:
    """The next word as the value of an option, even if it looks like an option."""
    if not left:
        raise UsageError(f"option {name.lstrip('-')} requires an argument")
    return left.pop(0)
