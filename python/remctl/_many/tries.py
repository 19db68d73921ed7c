"""The steps on one of many hosts: an attempt, and more if that is allowed and may help."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from remctl import _remctl
from remctl._errors import RemctlError, RemctlNotOpenedError, add_hint, make, printable
from remctl._logging import CONNECTIONS
from remctl._many.attempt import Clock
from remctl._many.outcome import Outcome, Target, split_port

if TYPE_CHECKING:
    from remctl._many.crew import HostCrew
    from remctl._many.plan import Plan

#: Pauses between attempts, in seconds: the first, and the longest. Each is twice the one
#: before, give or take a quarter, so that hosts that failed together do not retry at the same
#: moment.
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0

_TOO_LATE = "timed out before anything was sent"  # the extension's text


class Work(Protocol):
    """The work on one host."""

    repeatable: bool
    """Whether it may be tried again now, after a retryable error."""

    def attempt(
        self, connection: _remctl.Connection, clock: Clock
    ) -> Coroutine[Any, Any, dict[str, Any]]:
        """Connect and do the work. Returns keyword arguments for the outcome."""

    def locate(self, error: RemctlError) -> None:
        """Add the host and the command to an error."""


async def with_retries(plan: Plan, target: Target, work: Work, crew: HostCrew) -> Outcome:
    """Try, and try again if that is allowed and may help."""
    clock = Clock(crew, plan.timeout)
    tries = 0
    while True:
        tries += 1
        connection = plan.connection()
        try:
            with crew.connected(connection):
                if plan.timeout is not None and plan.timeout <= 0:
                    raise make("timeout", _TOO_LATE, may_have_run=False, lasting=True)
                done = await work.attempt(connection, clock)
            return Outcome(target, seconds=clock.passed(), tries=tries, **done)
        except RemctlError as failure:
            if clock.stopped:
                raise  # it comes from the caller's code
            error = _given_up(failure) if crew.given_up else failure
        again = tries <= plan.retries and work.repeatable and error.retryable
        pause = _pause_after(tries) if again else None
        left = clock.left()
        if pause is not None and (left is None or pause < left) and not crew.given_up:
            if _remctl.listening(CONNECTIONS):
                _remctl.note(
                    CONNECTIONS,
                    f"{plan.where(target)}: another try in {pause:.1f} s: {error}",
                    host=target.host,
                    port=plan.port_of(target) or None,
                    kind=error._kind,
                )
            await crew.rest(pause)
            if not crew.given_up:
                continue
        work.locate(error)
        if error._kind == "resolve":
            _suggest_parse(error, target)
        # A traceback would keep its frames alive as long as the error.
        return Outcome(target, None, error.with_traceback(None), clock.passed(), tries)


def _suggest_parse(error: RemctlError, target: Target) -> None:
    """Explain how to give a host with a port, if that may have been meant."""
    if split_port(target.host)[1] is not None:
        advice = f'Target.parse("{printable(target.host)}")'
        error.args = (f"{error} (for a host with a port write {advice})",)
        add_hint(error, f"A str is the name of a host and no more: write {advice}.")


def _given_up(error: RemctlError) -> RemctlError:
    """The error of a host whose connection the crew has closed; others are not changed."""
    if error._kind != "lost" and not isinstance(error, RemctlNotOpenedError):
        return error
    return make("lost", "given up", partial=error.partial, may_have_run=error.may_have_run)


def _pause_after(tries: int) -> float:
    from random import uniform

    longest: float = min(_FIRST_PAUSE * 2 ** min(tries - 1, 16), _LONGEST_PAUSE)
    return longest * uniform(0.75, 1.25)
