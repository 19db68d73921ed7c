"""A command on many hosts."""

from __future__ import annotations

import contextlib
import os

from remctl import RemctlError
from remctl._cli.hosts import targets
from remctl._cli.parse import Misuse, Options
from remctl._cli.progress import Counts, Progress
from remctl._cli.screen import Screen
from remctl._cli.streams import say
from remctl._cli.summary import Summary
from remctl._cli.words import command_words
from remctl._many.blocking import run_plan
from remctl._many.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._cli.report import Report

CANNOT_WRITE = 3


def run(options: Options) -> int:
    """Run the command on all hosts, and give the exit status of the program.

    Raises Misuse, before anything is sent, ClosedPipe, and KeyboardInterrupt when all is said.
    """
    hosts = targets(options)
    _allow_descriptors()
    screen = Screen()
    report = _report(options, screen)
    counts, summary = Counts(len(hosts)), Summary(len(hosts))
    queue = iter(hosts)
    outcomes = run_plan(_plan(options, report), counts.begin(queue), options.limit)
    interrupted = cannot_write = False
    try:
        try:
            with Progress(counts, screen, not options.no_progress), contextlib.closing(outcomes):
                for outcome in outcomes:
                    failed = summary.add(outcome)
                    counts.ended(outcome.target, failed)
                    report.ended(outcome)
                    if failed and options.fail_fast:
                        break
        except KeyboardInterrupt:
            interrupted = True
        report.end()
    except OSError as error:
        say(f"cannot write {error.filename or 'output'}: {error.strerror}")
        cannot_write = True
    for number, line in enumerate(summary.lines(counts.running, queue)):
        say(line, prefix="" if number else "pyremctl: ")
    if interrupted:
        raise KeyboardInterrupt
    return CANNOT_WRITE if cannot_write else summary.status


def _allow_descriptors() -> None:
    """Raise the soft limit of open files, which is meant for programs that use select()."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _plan(options: Options, report: Report) -> Plan:
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
            stdout=report.stdout,
            stderr=report.stderr,
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
