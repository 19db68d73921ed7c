"""One host with limits, retries, JSON or a script, run by the code for many hosts."""

from __future__ import annotations

import os
from time import monotonic

from remctl import Outcome, RemctlProtocolError, Target
from remctl._cli.connect import Unreachable, canonical_name
from remctl._cli.hints import text_of
from remctl._cli.one import Output, complain
from remctl._cli.plans import plan_for
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
    """Run the command, and return the exit status of the program. Raises Misuse."""
    output = Output()
    stdout, stderr = _Writer(output, 1), _Writer(output, 2)
    if options.json:
        plan = plan_for(options, (), None, None)
    else:
        plan = plan_for(options, (), lambda _: stdout, lambda _: stderr)
    outcome = _outcome(plan, options)
    if options.json:
        from remctl._cli.records import line_of

        output.write(1, line_of(outcome, options.port))
    output.end()
    error, result = outcome.error, outcome.result
    if result is not None:
        return result.status or output.status
    assert error is not None
    refused = isinstance(error, RemctlProtocolError)
    if not options.json:
        if refused:
            output.write(2, os.fsencode(text_of(error)) + b"\n")
        else:
            complain(error)
    return REFUSED if refused else 1


def _outcome(plan: CommandPlan, options: Options) -> Outcome:
    host, begin = options.host, monotonic()
    try:
        given = Target(host)
        if options.principal is None and not options.no_canonicalize:
            limits = [limit for limit in (options.timeout, options.connect_timeout) if limit]
            host = canonical_name(host, min(limits, default=None))
            if plan.timeout is not None:
                plan.timeout -= monotonic() - begin
        target = Target(host)
    except Unreachable as error:
        failure = make("resolve", str(error), host=host, may_have_run=False)
        return Outcome(given, error=failure, seconds=monotonic() - begin)
    except (TypeError, ValueError) as error:
        raise Misuse(str(error)) from None
    crew = HostCrew(plan, 1)
    work = Run(IterableSource([target]), crew, Limits([target], None, None))
    try:
        (outcome,) = outcomes_of(work, crew)
    finally:
        work.close()
    # With the host as it was given, not its canonical name.
    return Outcome(given, outcome.result, outcome.error, outcome.seconds, outcome.tries)


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
