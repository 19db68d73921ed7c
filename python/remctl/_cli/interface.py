"""What `many` needs: `run_many` of the package, and ways to show what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from remctl import Outcome, Target


class Outcomes(Iterator[Outcome], Protocol):
    """Outcomes as they come."""

    def close(self) -> None:
        """End all that still runs."""


class Writer(Protocol):
    """Where the output of one host goes."""

    def write(self, data: bytes, /) -> int | None:
        """Take some of the bytes; how many."""


Output = Callable[[Target], Writer]


class Interface(Protocol):
    """The package, or what stands in for it in a test."""

    def run_many(
        self,
        hosts: Iterable[Target],
        command: Sequence[bytes],
        *,
        limit: int,
        timeout: float | None,
        port: int | None,
        principal: str | None,
        ccache: str | None,
        keytab: str | None,
        source_ip: str | None,
        retries: int,
        stdout: Output | None,
        stderr: Output | None,
    ) -> Outcomes:
        """Run a command on many hosts."""


class Report(Protocol):
    """A way to show the answers of many hosts.

    Attributes:
        stdout, stderr: what `run_many` takes: where the output of a host goes, or None.
    """

    @property
    def stdout(self) -> Output | None:
        """Where standard output goes as it arrives."""

    @property
    def stderr(self) -> Output | None:
        """Where standard error goes as it arrives."""

    def ended(self, outcome: Outcome) -> None:
        """A host is done."""

    def end(self) -> None:
        """All are done, or have been given up."""
