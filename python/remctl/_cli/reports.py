"""Chooses the reports from the options."""

from __future__ import annotations

import os
from functools import partial

from remctl._cli.report import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remctl import Outcome, Target
    from remctl._cli.parse import Options
    from remctl._cli.report import Report, Writer
    from remctl._cli.screen import Screen


def report_for(options: Options, screen: Screen, hosts: Sequence[Target]) -> Report:
    """The report for the options. Raises Misuse."""
    shown = _shown(options, screen, hosts)
    if options.ordered:
        from remctl._cli.ordered import Ordered

        shown = Ordered(shown, hosts)
    if options.outdir is None:
        return shown
    from remctl._cli.files import Files

    # A report that shows output at the end keeps it; then the files are written from that.
    files = Files(options.outdir, options.port, at_once=options.quiet or shown.stdout is not None)
    return files if options.quiet else Both(files, shown)


def _shown(options: Options, screen: Screen, hosts: Sequence[Target]) -> Report:
    if options.diff is not None:
        from remctl._cli.diff import Diff

        return Diff(screen, options.diff, hosts, options.port)
    if options.gather:
        from remctl._cli.gather import Gather

        return Gather(screen)
    if options.json:
        from remctl._cli.records import Records

        return Records(screen, options.port)
    from remctl._cli.lines import Lines

    return Lines(screen, (os.isatty(1), os.isatty(2)), prefix=not options.no_prefix)


class Both:
    """Two reports as one; see `remctl._cli.report.Report`. If one fails, the other goes on."""

    def __init__(self, first: Report, second: Report) -> None:
        self._reports = first, second
        self.stdout = _both(first.stdout, second.stdout)
        self.stderr = _both(first.stderr, second.stderr)

    def ended(self, outcome: Outcome) -> None:
        """See `Report`."""
        each(partial(report.ended, outcome) for report in self._reports)

    def end(self) -> None:
        """See `Report`."""
        each(report.end for report in self._reports)


def _both(
    first: Callable[[Target], Writer] | None, second: Callable[[Target], Writer] | None
) -> Callable[[Target], Writer] | None:
    if first is None or second is None:
        return first or second
    return lambda target: _BothWriters(first(target), second(target))


class _BothWriters:
    """Writes everything to two writers. Each is closed by its own report."""

    def __init__(self, first: Writer, second: Writer) -> None:
        self._writers = first, second

    def write(self, data: bytes, /) -> int:
        each(partial(_write_all, writer, data) for writer in self._writers)
        return len(data)

    def close(self) -> None:
        """Nothing to do."""


def _write_all(writer: Writer, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[writer.write(left.tobytes()) or 0 :]
