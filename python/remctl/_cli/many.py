"""Runs a command on many hosts."""

from __future__ import annotations

import os

from remctl._cli.crew import PATIENCE, InterruptibleCrew
from remctl._cli.descriptors import hosts_at_once
from remctl._cli.failed import FailedHosts, as_line, check_principal
from remctl._cli.fleet import Fleet
from remctl._cli.hosts import targets
from remctl._cli.parse import Options
from remctl._cli.plans import plan_for
from remctl._cli.progress import Progress
from remctl._cli.reports import report_for
from remctl._cli.screen import Screen
from remctl._cli.signals import Signals, Stopped
from remctl._cli.streams import ClosedPipe, say, write_all
from remctl._cli.summary import HOST_FAILED
from remctl._many.blocking import outcomes_of
from remctl._many.limits import Limits
from remctl._many.run import Run
from remctl._many.source import IterableSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Target
    from remctl._many.command import CommandPlan


def run(options: Options) -> int:
    """Run the command on all hosts, and return the exit status of the program.

    Raises Misuse, before anything is sent, and ClosedPipe. If a signal was received, the
    program dies by it after everything is reported.
    """
    settings: list[str] = []
    if not options.no_config:
        from remctl._cli.config import configure

        settings = configure(options)
    hosts = targets(options)
    if options.list:
        return _list(hosts, options, settings)
    signals = Signals()
    screen = Screen(signals)
    fleet = Fleet(hosts, report_for(options, screen, hosts), FailedHosts(options))
    plan = plan_for(options, hosts, fleet.stdout, fleet.stderr)
    limits = Limits(hosts, options.batch, options.max_failures)
    if options.outdir is not None:
        from remctl._cli.files import make_folder

        make_folder(options.outdir)
    limit = hosts_at_once(options.limit, len(hosts), 2 if options.outdir and fleet.stdout else 0)
    with signals:
        with Progress(fleet.counts, screen, not options.no_progress):
            _carry_out(plan, limit, limits, fleet, options, signals)
        fleet.end()
        _conclude(fleet)
    # After the handlers are removed, so that a signal at the very end is not lost either.
    if signals.number is not None:
        signals.die()
    if fleet.trouble is not None:
        return HOST_FAILED
    return fleet.summary.largest if options.largest_status else fleet.summary.status


def _list(hosts: list[Target], options: Options, settings: list[str]) -> int:
    """Print the hosts with ports and principals, and the settings that do not come from options.

    Raises Misuse if --hosts could not read them.
    """
    check_principal(options, "--list")
    lines = [f"# {setting}\n" for setting in settings]
    lines += [as_line(target, options.port, options.principal) + "\n" for target in hosts]
    try:
        write_all(1, "".join(lines).encode(errors="surrogateescape"))
    except OSError as error:
        say(f"cannot write output: {error.strerror}")
        return HOST_FAILED
    return 0


def _conclude(fleet: Fleet) -> None:
    """Print the summary. Raises ClosedPipe if that was the trouble."""
    trouble = fleet.trouble
    if isinstance(trouble, OSError):
        say(f"cannot write {trouble.filename or 'output'}: {trouble.strerror}")
    lines = fleet.summary.lines()
    if not lines and (trouble is not None or os.isatty(2)):
        total = fleet.summary.total
        lines = [f"all {total} hosts ok" if total > 1 else "1 host ok"]
    for number, line in enumerate(lines):
        say(line, prefix="" if number else "pyremctl: ")
    if isinstance(trouble, ClosedPipe):
        raise trouble


def _carry_out(
    plan: CommandPlan, limit: int, limits: Limits, fleet: Fleet, options: Options, signals: Signals
) -> None:
    """Run, and make sure that every host has an outcome, whatever happens."""
    crew = InterruptibleCrew(plan, limit, signals)
    work = Run(IterableSource(fleet.begin()), crew, limits)
    why = "too many hosts have failed"
    try:
        try:
            for outcome in outcomes_of(work, crew):
                failed = fleet.take(outcome)
                if (failed and options.fail_fast) or signals.number is not None:
                    break
        except (OSError, ClosedPipe) as error:
            fleet.trouble = error
            why = "cannot write output"
            if isinstance(error, OSError):
                why += f": {error.strerror}"
        except Stopped:
            pass
        signals.waiting.over()
        if signals.number is not None:
            why = "interrupted"
        crew.give_up(PATIENCE)
        fleet.leave(work.collected(), why)
    finally:
        work.close()
