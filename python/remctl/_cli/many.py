"""A command on many hosts."""

from __future__ import annotations

import os

from remctl import RemctlError
from remctl._cli.descriptors import hosts_at_once
from remctl._cli.fleet import Fleet
from remctl._cli.hosts import targets
from remctl._cli.parse import Misuse, Options
from remctl._cli.progress import Progress
from remctl._cli.screen import Screen
from remctl._cli.signals import Signals, Stopped
from remctl._cli.streams import say
from remctl._cli.summary import HOST_FAILED
from remctl._cli.words import command_words
from remctl._many.blocking import outcomes_of
from remctl._many.crew import HostCrew
from remctl._many.limits import Limits
from remctl._many.plan import Plan
from remctl._many.run import Run
from remctl._many.source import IterableSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._cli.report import Report

#: The most seconds that it takes to give up the hosts under way.
PATIENCE = 2.0


def run(options: Options) -> int:
    """Run the command on all hosts, and give the exit status of the program.

    Raises Misuse, before anything is sent, and ClosedPipe. If a signal has come, the program ends
    by it when all is said.
    """
    hosts = targets(options)
    signals = Signals()
    screen = Screen(signals)
    fleet = Fleet(hosts, _report(options, screen))
    plan = _plan(options, fleet)
    limit = hosts_at_once(options.limit, len(hosts), 0 if options.outdir is None else 2)
    with signals:
        with Progress(fleet.counts, screen, not options.no_progress):
            _carry_out(plan, fleet, limit, options, signals)
        fleet.end()
        if fleet.trouble is not None:
            name = fleet.trouble.filename or "output"
            say(f"cannot write {name}: {fleet.trouble.strerror}")
        for number, line in enumerate(fleet.summary.lines()):
            say(line, prefix="" if number else "pyremctl: ")
        if signals.number is not None:
            signals.die()
    return fleet.summary.status if fleet.trouble is None else HOST_FAILED


def _carry_out(plan: Plan, fleet: Fleet, limit: int, options: Options, signals: Signals) -> None:
    """Have an outcome of every host, whatever happens."""
    crew = HostCrew(plan, limit)
    work = Run(IterableSource(fleet.begin()), crew, Limits((), None, None))
    why = "too many hosts have failed"
    try:
        try:
            for outcome in outcomes_of(work, crew):
                failed = fleet.take(outcome)
                if (failed and options.fail_fast) or signals.number is not None:
                    break
        except OSError as error:
            fleet.trouble = error
            why = f"cannot write output: {error.strerror}"
        except Stopped:
            pass
        if signals.number is not None:
            why = "interrupted"
        crew.give_up(PATIENCE)
        fleet.leave(work.collected(), why)
    finally:
        work.close()


def _plan(options: Options, fleet: Fleet) -> Plan:
    """What is to be done on each host. Raises Misuse."""
    try:
        if options.keytab is not None:
            from remctl import Credentials

            with Credentials.from_keytab(options.keytab):
                pass  # it can be read
        return Plan(
            command_words(options),
            timeout=options.timeout,
            port=options.port,
            principal=options.principal,
            ccache=options.ccache,
            keytab=options.keytab,
            source_ip=options.source_ip,
            retries=options.retries,
            stdout=fleet.stdout,
            stderr=fleet.stderr,
            silence=options.silence or None,
        )
    except (TypeError, ValueError, RemctlError) as error:
        # Nothing was sent yet: a keytab that cannot be read, say.
        raise Misuse(str(error)) from None


def _report(options: Options, screen: Screen) -> Report:
    if options.gather:
        from remctl._cli.gather import Gather

        return Gather(screen)
    if options.json:
        from remctl._cli.records import Records

        return Records(screen, options.port)
    if options.outdir is not None:
        from remctl._cli.files import Files

        return Files(options.outdir)
    from remctl._cli.lines import Lines

    return Lines(screen, (os.isatty(1), os.isatty(2)))
