"""An option of `pyremctl`."""

from __future__ import annotations

#: With how many hosts an option makes sense.
ANY, MANY = "any", "many"


class Option:
    """An option.

    Attributes:
        letter, name: how it is written, `-p` and `--limit`; either may be empty.
        kind: what its value is, see `remctl._cli.parse`; empty where it takes none.
        value: what its value is called.
        optional: whether the value may be left out (it is then written `--name=value` only).
        hosts: ANY or MANY.
        about: a line on it, for the usage message and the completions.
        details: the paragraph of the manual page.
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
        """The option as messages name it."""
        return f"--{self.name}" if self.name else f"-{self.letter}"
