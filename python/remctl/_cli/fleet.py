"""All hosts of a run, their outcomes, and what is shown of them."""

from __future__ import annotations

from remctl import Outcome
from remctl._cli.progress import Counts
from remctl._cli.streams import ClosedPipe
from remctl._cli.summary import Summary
from remctl._errors import make
from remctl._many.run import not_started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from remctl import Target
    from remctl._cli.failed import FailedHosts
    from remctl._cli.report import Report, Writer


class Fleet:
    """Supplies the hosts, and passes their outcomes to the report and the summary.

    Attributes:
        counts: the progress.
        summary: the hosts that did not succeed.
        stdout, stderr: functions that return the writers of a host, for `CommandPlan`.
        trouble: the first error of writing the report, if there was one.
    """

    def __init__(self, hosts: list[Target], report: Report, failed: FailedHosts) -> None:
        self.counts, self.summary = Counts(len(hosts)), Summary(len(hosts))
        self.trouble: OSError | ClosedPipe | None = None
        self.stdout = self._opening(report.stdout)
        self.stderr = self._opening(report.stderr)
        self._report = report
        self._failed = failed
        self._queue = iter(hosts)
        self._not_begun: list[Target] = []

    def begin(self) -> Iterable[Target]:
        """The hosts; each counts as running once it is taken."""
        return self.counts.begin(self._queue)

    def take(self, outcome: Outcome) -> bool:
        """Take the outcome of a host; returns whether it has failed.

        Raises OSError or ClosedPipe if it cannot be shown.
        """
        failed = self.summary.add(outcome)
        self.counts.ended(outcome.target, failed)
        self._failed.ended(outcome)
        self._report.ended(outcome)
        return failed

    def leave(self, outcomes: Iterable[Outcome], why: str) -> None:
        """The run has ended early: give every host without an outcome an error outcome."""
        for outcome in outcomes:
            self._take_left(outcome)
        for target in self._not_begun:
            self._take_left(not_started(target, why))
        for target in self.counts.running:
            # Its outcome was lost in the exception that ended the run (for example a full
            # disk).
            error = make("local", f"given up: {why}", host=target.host, port=target.port)
            self._take_left(Outcome(target, error=error))
        for target in self._queue:
            self._take_left(not_started(target, why))

    def end(self) -> None:
        """Show the rest, and write the files."""
        for end in (self._report.end, self._failed.end):
            try:
                end()
            except (OSError, ClosedPipe) as error:
                self.trouble = self.trouble or error

    def _take_left(self, outcome: Outcome) -> None:
        self.counts.ended(outcome.target, self.summary.add(outcome, left=True))
        self._failed.ended(outcome)
        try:
            self._report.ended(outcome)
        except (OSError, ClosedPipe) as error:
            self.trouble = self.trouble or error

    def _opening(
        self, open_writer: Callable[[Target], Writer] | None
    ) -> Callable[[Target], Writer] | None:
        """Wrap the function, to note the hosts that were not started because it failed."""
        if open_writer is None:
            return None

        def opened(target: Target) -> Writer:
            try:
                return open_writer(target)
            except OSError:
                self._not_begun.append(target)
                raise

        return opened
