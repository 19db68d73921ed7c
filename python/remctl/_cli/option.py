"""`Option`: an option of `pyremctl`."""

from __future__ import annotations

#: Whether an option is for any number of hosts, or for many hosts only.
ANY, MANY = "any", "many"


class Option:
    """An option.

    Attributes:
        letter, name: the short and the long form, `-p` and `--limit`; either may be empty.
        kind: the kind of its value, see `remctl._cli.values`; empty if it takes none.
        value: the name of its value in the help.
        optional: whether the value may be omitted (then it must be written as `--name=value`).
        hosts: ANY or MANY.
        about: a short description for the usage message and the completions.
        details: the text of the manual page.
    """

    __slots__ = ("about", "details", "hosts", "kind", "letter", "name", "optional", "value")

    def __init__(
        self,
        spelling: str,
        kind: str,
        value: str,
        about: str,
        details: str,
        hosts: str = ANY,
        optional: bool = False,
    ) -> None:
        letter, _, name = spelling.partition("/")
        self.letter = letter
        self.name = name
        self.kind = kind
        self.value = value
        self.about = about
        self.details = details
        self.hosts = hosts
        self.optional = optional

    @property
    def spelling(self) -> str:
        """The option's name in messages."""
        return f"--{self.name}" if self.name else f"-{self.letter}"
