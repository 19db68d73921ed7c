"""One command on one host of many: the steps, and another try where one may help."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Iterator
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
from remctl._client_base import Answer, Settings, result_of
from remctl._errors import RemctlError, RemctlSimpleResult, locate, make
from remctl._logging import CONNECTIONS
from remctl._many.outcome import Outcome, Target
from remctl._output import RemctlOutput

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

# Tokens that lie ready are fetched together, up to so many bytes.
_BATCH = 256 * 1024

_TOO_LATE = "timed out before anything was sent"  # the extension's own words

_token = tuple.__new__


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
    ) -> None:
        self.command = command if callable(command) else command_list(command)
        self.timeout = None if timeout is None else seconds(timeout)
        self.port = None if port is None else port_number(port)
        if principal is not None:
            c_string(principal, "principal")
        self.principal = principal
        self.settings = Settings(ccache, keytab, source_ip)
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


def targets(hosts: Iterable[str | Target]) -> Iterator[Target]:
    """Each host as a target, read one by one; TypeError where there cannot be any."""
    require_many(hosts)
    try:
        given = iter(hosts)
    except TypeError:
        raise TypeError(f"hosts must be an iterable, not {type(hosts).__name__}") from None
    return map(target_of, given)


def require_many(hosts: object) -> None:
    """TypeError for one host in place of an iterable of hosts."""
    if isinstance(hosts, (str, bytes, Target)):
        raise TypeError("hosts must be an iterable of hosts, not one host: [host] has one")


def target_of(host: object) -> Target:
    """A host as it was given, as a target."""
    if isinstance(host, Target):
        return host
    if isinstance(host, str):
        return Target(host)
    raise TypeError(f"a host must be a str or a Target, not {type(host).__name__}")


async def _with_retries(
    plan: Plan, target: Target, arguments: list[Encoded], sinks: Sinks | None, crew: HostCrew
) -> Outcome:
    """Try, and try again where that is allowed and may help."""
    begin = crew.now()
    end = None if plan.timeout is None else begin + plan.timeout
    port = plan.port if target.port is None else target.port
    tries = 0
    while True:
        tries += 1
        connection = plan.connection()
        try:
            if plan.timeout is not None and plan.timeout <= 0:
                raise make("timeout", _TOO_LATE, may_have_run=False, lasting=True)
            result = await _attempt(plan, target, port, arguments, sinks, crew, connection, end)
            return Outcome(target, result, None, crew.now() - begin, tries)
        except RemctlError as failure:
            error = failure
        finally:
            connection.close()
        pause = _pause_after(tries) if tries <= plan.retries and error.retryable else None
        if pause is None or (end is not None and crew.now() + pause >= end):
            locate(error, target.host, port or None, first_words(arguments))
            # Its frames would be kept for as long as it is.
            return Outcome(target, None, error.with_traceback(None), crew.now() - begin, tries)
        if _remctl.listening(CONNECTIONS):
            where = f"{target.host} (port {port})" if port else target.host
            _remctl.note(CONNECTIONS, f"{where}: another try in {pause:.1f} s: {error}")
        await crew.sleep(pause)


def _pause_after(tries: int) -> float:
    from random import uniform

    longest: float = min(_FIRST_PAUSE * 2 ** min(tries - 1, 16), _LONGEST_PAUSE)
    return longest * uniform(0.75, 1.25)


async def _attempt(
    plan: Plan,
    target: Target,
    port: int | None,
    arguments: list[Encoded],
    sinks: Sinks | None,
    crew: HostCrew,
    connection: _remctl.Connection,
    end: float | None,
) -> RemctlSimpleResult:
    """Connect, send the command, and take in its answer."""
    # No name for the reactor: the frame of an exception would keep its descriptors open.
    caller = id(connection)  # nobody else has it
    principal = plan.principal if target.principal is None else target.principal

    def left() -> float | None:
        return None if end is None else end - crew.now()

    if sinks is None:
        answer: Answer = await crew.finish(
            crew.reactor.simple(
                connection, caller, target.host, port or 0, principal, arguments, left()
            )
        )
        return result_of(answer, target.host, port or None, first_words(arguments))
    await crew.finish(
        crew.reactor.open(connection, caller, target.host, port or 0, principal, left())
    )
    session = await crew.finish(crew.reactor.stream(connection, caller, arguments, left()))
    failure: RemctlError | None = None
    kind = "output"
    while kind == "output" and failure is None:
        tokens, failure = await crew.finish(
            crew.reactor.outputs(connection, caller, session, _BATCH, left())
        )
        for token in tokens:
            await crew.write(sinks, _token(RemctlOutput, token))
        kind = tokens[-1][0]
    if failure is not None:
        raise failure
    session.end()
    return result_of(sinks.answer(), target.host, port or None, first_words(arguments))
