"""One host with limits, retries, JSON or a script, run by the code for many hosts."""

from __future__ import annotations

import os
from math import inf
from time import monotonic

from remctl import Outcome, RemctlProtocolError, Target
from remctl._cli.connect import Unreachable, canonical_name
from remctl._cli.crew import PATIENCE, InterruptibleCrew
from remctl._cli.hints import text_of
from remctl._cli.one import Output, complain
from remctl._cli.plans import plan_for
from remctl._cli.signals import Signals, Stopped
from remctl._cli.values import Misuse
from remctl._errors import make
from remctl._many.blocking import outcomes_of
from remctl._many.crew import HostCrew
from remctl._many.limits import Limits
from remctl._many.run import Run
from remctl._many.source import IterableSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._cli.parse import Options
    from remctl._many.command import CommandPlan

REFUSED = 255


def run(options: Options) -> int:
    """Run the command, and return the exit status of the program. Raises Misuse.

    With --json, the program dies by a signal only after the object of the host is printed.
    """
    if options.json:
        return _run_as_json(options)
    output = Output()
    stdout, stderr = _Writer(output, 1), _Writer(output, 2)
    plan = plan_for(options, (), lambda _: stdout, lambda _: stderr)
    outcome = _outcome(plan, options, None)
    output.end()
    if isinstance(outcome.error, RemctlProtocolError):
        output.write(2, os.fsencode(text_of(outcome.error)) + b"\n")
        output.end()
    elif outcome.error is not None:
        complain(outcome.error)
    return _status(outcome, output)


def _run_as_json(options: Options) -> int:
    from remctl._cli.records import line_of

    output = Output()
    with Signals() as signals:
        outcome = _outcome(plan_for(options, (), None, None), options, signals)
        output.write(1, line_of(outcome, options.port))
        output.end()
    if signals.number is not None:
        signals.die()
    return _status(outcome, output)


def _status(outcome: Outcome, output: Output) -> int:
    """The exit status of the program."""
    if outcome.result is not None:
        return outcome.result.status or output.status
    return REFUSED if isinstance(outcome.error, RemctlProtocolError) else 1


def _outcome(plan: CommandPlan, options: Options, signals: Signals | None) -> Outcome:
    host, begin = options.host, monotonic()
    try:
        given = Target(host)
        if options.principal is None and not options.no_canonicalize:
            host = _canonical_name(options, signals)
            if plan.timeout is not None:
                plan.timeout -= monotonic() - begin
        target = Target(host)
    except Unreachable as error:
        failure = make("resolve", str(error), host=host, may_have_run=False)
        return Outcome(given, error=failure, seconds=monotonic() - begin)
    except Stopped:
        failure = make("lost", "given up", host=host, may_have_run=False)
        return Outcome(given, error=failure, seconds=monotonic() - begin)
    except (TypeError, ValueError) as error:
        raise Misuse(str(error)) from None
    crew = HostCrew(plan, 1) if signals is None else InterruptibleCrew(plan, 1, signals)
    work = Run(IterableSource([target]), crew, Limits([target], None, None))
    try:
        (outcome,) = outcomes_of(work, crew)
    except Stopped:
        assert signals is not None
        signals.waiting.over()
        crew.give_up(PATIENCE)
        lost = Outcome(target, error=make("lost", "given up", host=host, may_have_run=True))
        outcome = next(iter(work.collected()), lost)
    finally:
        work.close()
    # With the host as it was given, not its canonical name.
    return Outcome(given, outcome.result, outcome.error, outcome.seconds, outcome.tries)


def _canonical_name(options: Options, signals: Signals | None) -> str:
    """The canonical name of the host. Raises Unreachable, and Stopped if a signal is received."""
    limit = min(filter(None, (options.timeout, options.connect_timeout)), default=None)
    if signals is None:
        return canonical_name(options.host, limit)
    with signals.waiting:
        return canonical_name(options.host, inf if limit is None else limit)


class _Writer:
    """One of the two streams, as a file for a plan."""

    def __init__(self, output: Output, number: int) -> None:
        self._output = output
        self._number = number

    def write(self, data: bytes, /) -> int:
        """Write all of it."""
        self._output.write(self._number, data)
        return len(data)

    def close(self) -> None:
        """Nothing to do."""
