"""Mistakes that a tired engineer makes, one at a time: `scripts/dev mutate --by-hand` makes them.

Each changes one place of one file. A test in tests/sources checks that the place is still there.
A change of the code that removes the place takes its mistake along, or moves it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A change of one place, and what a user would see of it."""

    name: str
    path: str
    was: str
    now: str
    seen: str
    tests: tuple[str, ...]  # below tests/, which are run after the unit tests

    @property
    def layer(self) -> str:
        """The folder of the file."""
        return self.path.rsplit("/", 1)[0]

    def __str__(self) -> str:
        return f"{self.name} ({self.path}: {self.seen})"

    def applied(self, text: str) -> str:
        """The file's text with the mistake."""
        if text.count(self.was) != 1:
            raise ValueError(f"{self.name}: {text.count(self.was)} places in {self.path}")
        return text.replace(self.was, self.now)


def every() -> list[Mistake]:
    """All of them."""
    from devkit.mistakes import connection, credentials, drivers, package, transport

    lists = [
        transport.MISTAKES,
        connection.MISTAKES,
        credentials.MISTAKES,
        drivers.MISTAKES,
        package.MISTAKES,
    ]
    return [mistake for mistakes in lists for mistake in mistakes]
