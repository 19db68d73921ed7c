"""What every way to show the answers of many hosts has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from remctl import Outcome, Target


class Writer(Protocol):
    """Where the output of one host goes."""

    def write(self, data: bytes, /) -> int | None:
        """Take some of the bytes; how many."""

    def close(self) -> None:
        """No more will come."""


class Writers:
    """The open writers of a report that shows output as it arrives; they end with their host."""

    def __init__(self) -> None:
        self._open: dict[Target, list[Writer]] = {}

    def keep(self, target: Target, writer: Writer) -> None:
        """Close it when its host is done."""
        self._open.setdefault(target, []).append(writer)

    def ended(self, outcome: Outcome) -> None:
        """See `Report`."""
        for writer in self._open.pop(outcome.target, ()):
            writer.close()

    def end(self) -> None:
        """See `Report`."""
        for writers in self._open.values():
            for writer in writers:
                writer.close()
        self._open.clear()


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
