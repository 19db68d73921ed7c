"""The interface of the reports, which show the answers of many hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from remctl import Outcome, Target
from remctl._cli.streams import ClosedPipe


def each(calls: Iterable[Callable[[], object]]) -> None:
    """Make all calls, also if one fails. Then raise the first OSError or ClosedPipe of them."""
    trouble: OSError | ClosedPipe | None = None
    for call in calls:
        try:
            call()
        except (OSError, ClosedPipe) as error:
            trouble = trouble or error
    if trouble is not None:
        raise trouble


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
        each(writer.close for writer in self._open.pop(outcome.target, ()))

    def end(self) -> None:
        """See `Report`."""
        left = [writer.close for writers in self._open.values() for writer in writers]
        self._open.clear()
        each(left)


class Report(Protocol):
    """Shows the answers. It gets every host, also after it has raised OSError or ClosedPipe.

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
