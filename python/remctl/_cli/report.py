"""The interface of the reports, which show the answers of many hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from remctl import Outcome, Target


class Writer(Protocol):
    """Receives the output of one host."""

    def write(self, data: bytes, /) -> int | None:
        """Write some of the bytes; returns how many."""

    def close(self) -> None:
        """There is no more output."""


class Writers:
    """The writers of a report that shows output as it arrives; each is closed with its host."""

    def __init__(self) -> None:
        self._open: dict[Target, list[Writer]] = {}

    def keep(self, target: Target, writer: Writer) -> None:
        """Remember the writer, to close it when its host is done."""
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
    """Shows the answers.

    Attributes:
        stdout, stderr: as for `run_many`, functions that return the writers of a host, or None.
    """

    @property
    def stdout(self) -> Callable[[Target], Writer] | None:
        """Returns the writer for standard output as it arrives."""

    @property
    def stderr(self) -> Callable[[Target], Writer] | None:
        """Returns the writer for standard error as it arrives."""

    def ended(self, outcome: Outcome) -> None:
        """A host is done."""

    def end(self) -> None:
        """All hosts are done, or were given up."""
