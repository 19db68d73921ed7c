"""One command on one host of many: the steps, and another try where one may help."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, SupportsIndex

from remctl import _remctl
from remctl._arguments import (
    Command,
    Encoded,
    Port,
    Seconds,
    c_string,
    command_list,
    count,
    first_words,
    port_number,
    seconds,
)
from remctl._client_base import KEEPALIVE, Settings
from remctl._errors import RemctlError, RemctlSimpleResult, add_hint, locate, make, printable
from remctl._logging import CONNECTIONS
from remctl._many.attempt import Attempt, Clock
from remctl._many.outcome import Outcome, Target, split_port

if TYPE_CHECKING:
    from remctl._credentials import Credentials
    from remctl._files import BinaryFile, Sinks
    from remctl._many.crew import HostCrew
else:
    BinaryFile = Sinks = object

#: A command, or what gives one for each target.
CommandFor = Command | Callable[[Target], Command]

#: What gives a target's file.
FileFor = Callable[[Target], BinaryFile | None]

#: Pauses between tries, in seconds: the first, and the longest. Each is twice the one before,
#: give or take a quarter, so that hosts which failed together do not come back together.
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0

_TOO_LATE = "timed out before anything was sent"  # the extension's own words


class Plan:
    """What is to be done on each host.

    ``silence`` is the longest that a server may send nothing, as `Remctl.set_timeout()` takes
    it; the others are those of `run_many`. Raises TypeError or ValueError for an invalid
    argument, and names it.
    """

    def __init__(
        self,
        command: CommandFor,
        *,
        timeout: Seconds | None,
        port: Port,
        principal: str | None,
        ccache: str | os.PathLike[str] | Credentials | None,
        keytab: str | os.PathLike[str] | None,
        source_ip: str | None,
        retries: SupportsIndex,
        stdout: FileFor | None,
        stderr: FileFor | None,
        silence: Seconds | None = None,
        keepalive: Seconds | None = KEEPALIVE,
        connect_timeout: Seconds | None = None,
    ) -> None:
        self.command = command if callable(command) else command_list(command)
        self.timeout = None if timeout is None else seconds(timeout)
        self.port = None if port is None else port_number(port)
        if principal is not None:
            c_string(principal, "principal")
        self.principal = principal
        self.settings = Settings(ccache, keytab, source_ip, keepalive, connect_timeout, many=True)
        self.retries = count(retries, "retries", 0)
        for file, name in ((stdout, "stdout"), (stderr, "stderr")):
            if file is not None and not callable(file):
                raise TypeError(f"{name} must be a function of the Target that returns a file")
        self.stdout, self.stderr = stdout, stderr
        self.silence = silence
        self._admission = _remctl.Admission()

    def connection(self) -> _remctl.Connection:
        """A connection with all the settings, not open."""
        connection = self.settings.connection()
        connection.set_admission(self._admission)
        if self.silence is not None:
            connection.set_timeout(self.silence)
        return connection

    def steps(self, target: Target, crew: HostCrew) -> Coroutine[Any, Any, Outcome]:
        """The steps on one host. What the caller's functions raise is raised here."""
        given = self.command
        arguments = command_list(given(target)) if callable(given) else given
        sinks = None
        if self.stdout is not None or self.stderr is not None:
            from remctl._files import Sinks

            sinks = Sinks(
                None if self.stdout is None else self.stdout(target),
                None if self.stderr is None else self.stderr(target),
            )
        return _with_retries(self, target, arguments, sinks, crew)

    async def carry_out(self, attempt: Attempt, arguments: list[Encoded]) -> RemctlSimpleResult:
        """What an attempt is: connect, send the command, and take in its answer."""
        return await attempt.simple(arguments)


async def _with_retries(
    plan: Plan, target: Target, arguments: list[Encoded], sinks: Sinks | None, crew: HostCrew
) -> Outcome:
    """Try, and try again where that is allowed and may help."""
    clock = Clock(crew, plan.timeout)
    port = plan.port if target.port is None else target.port
    tries = 0
    while True:
        tries += 1
        connection = plan.connection()
        try:
            with crew.connected(connection):
                if plan.timeout is not None and plan.timeout <= 0:
                    raise make("timeout", _TOO_LATE, may_have_run=False, lasting=True)
                attempt = Attempt(target, port, plan.principal, connection, crew, sinks, clock)
                result = await plan.carry_out(attempt, arguments)
            return Outcome(target, result, None, clock.passed(), tries)
        except RemctlError as failure:
            if clock.stopped:
                raise  # the caller's file has raised it
            error = _given_up(failure) if crew.given_up else failure
        pause = _pause_after(tries) if tries <= plan.retries and error.retryable else None
        left = clock.left()
        if pause is not None and (left is None or pause < left) and not crew.given_up:
            if _remctl.listening(CONNECTIONS):
                where = f"{target.host} (port {port})" if port else target.host
                _remctl.note(CONNECTIONS, f"{where}: another try in {pause:.1f} s: {error}")
            await crew.rest(pause)
            if not crew.given_up:
                continue
        locate(error, target.host, port or None, first_words(arguments))
        if error._kind == "resolve":
            _suggest_parse(error, target)
        # Its frames would be kept for as long as it is.
        return Outcome(target, None, error.with_traceback(None), clock.passed(), tries)


def _suggest_parse(error: RemctlError, target: Target) -> None:
    """Say how a host and port are given, if that may be what was meant."""
    if split_port(target.host)[1] is not None:
        advice = f'Target.parse("{printable(target.host)}")'
        error.args = (f"{error} (for a host with a port write {advice})",)
        add_hint(error, f"A str is the name of a host and no more: write {advice}.")


def _given_up(error: RemctlError) -> RemctlError:
    """What is said of a call that the crew has ended; another failure stays what it is."""
    if error._kind != "lost":
        return error
    return make("lost", "given up", partial=error.partial, may_have_run=error.may_have_run)


def _pause_after(tries: int) -> float:
    from random import uniform

    longest: float = min(_FIRST_PAUSE * 2 ** min(tries - 1, 16), _LONGEST_PAUSE)
    return longest * uniform(0.75, 1.25)
