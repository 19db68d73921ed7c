"""What every way to show the answers of many hosts has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from remctl import Outcome, Target


class Writer(Protocol):
    """Where the output of one host goes."""

    def write(self, data: bytes, /) -> int | None:
        """Take some of the bytes; how many."""


class Report(Protocol):
    """A way to show the answers.

    Attributes:
        stdout, stderr: what `run_many` takes: where the output of a host goes, or None.
    """

    @property
    def stdout(self) -> Callable[[Target], Writer] | None:
        """Where standard output goes as it arrives."""

    @property
    def stderr(self) -> Callable[[Target], Writer] | None:
        """Where standard error goes as it arrives."""

    def ended(self, outcome: Outcome) -> None:
        """A host is done."""

    def end(self) -> None:
        """All are done, or have been given up."""
