"""`remctl()` and `aremctl()`, the simplified interface: one call for one command."""

from __future__ import annotations

import os

from remctl import _own_types, _remctl, _types
from remctl._arguments import (
    Command,
    Encoded,
    Port,
    Seconds,
    first_words,
    manual_command_list,
    output_limit,
    port_number,
    seconds,
)
from remctl._client_base import Answer, documented_as, end_after, left, result_of, set_tickets
from remctl._errors import (
    RemctlError,
    RemctlProtocolError,
    RemctlSimpleResult,
    RemctlTimeoutError,
    as_protocol_error,
    locate,
)
from remctl._output import RemctlOutput
from remctl._waiting.greenlets import blocking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, TypeAlias

    from remctl._waiting.loops import Loop

    #: Calls of a connection, by their names in a `Reactor` and their arguments. Each `send()`
    #: passes the result of the previous call.
    Calls: TypeAlias = Generator[tuple[str, tuple[Any, ...]], Any, Answer]


def remctl(
    host: str,
    port: Port = None,
    principal: str | None = None,
    command: Command = (),
    *,
    timeout: Seconds | None = None,
    ccache: str | os.PathLike[str] | _own_types.Credentials | None = None,
    keytab: str | os.PathLike[str] | None = None,
    source_ip: str | None = None,
    max_output: _types.SupportsIndex | None = None,
) -> RemctlSimpleResult:
    """Run a command on ``host`` and return its result (manual, remctl.remctl).

    ``port``, ``principal`` and ``command`` are as for `Remctl.open()` and `Remctl.command()`.
    ``timeout`` is the longest time for the whole call, in seconds, even if the server keeps
    sending (`Remctl.set_timeout()` limits each silence instead). None means no limit; 0 or less
    raises RemctlTimeoutError immediately, so that you can pass the rest of another limit.
    ``ccache`` and ``source_ip`` are as for `Remctl.set_ccache()` and `Remctl.set_source_ip()`;
    ``keytab`` is a keytab to get tickets with; everything in a process that names the same
    keytab shares one `Credentials`. ``max_output`` limits the output, in bytes of both kinds
    together; None means no limit. More output is an error of the kind ``too_large``.

    Raises ValueError or TypeError for an invalid argument, RemctlTimeoutError if the time has
    run out, and RemctlProtocolError for any other failure, including a refusal by the server
    (see its ``code``).
    """
    # First of all, before another thread may run and set KRB5CCNAME.
    identity = _remctl.Identity.of_now() if ccache is None and keytab is None else None
    number = port_number(port)
    arguments = manual_command_list(command)
    limit = None if timeout is None else seconds(timeout)
    most = output_limit(max_output)
    connection = blocking(_connection(identity))
    if source_ip is not None:
        connection.set_source_ip(source_ip)
    words = first_words(arguments)
    try:
        set_tickets(connection, ccache, keytab)
        if most is None:
            answer = connection.simple(host, number, principal, arguments, limit)
        else:
            calls = _limited((host, number, principal), arguments, limit, most)
            answer = _make(connection, calls)
        return result_of(answer, host, number or None, words)
    except RemctlError as error:
        raise as_simple_error(error, host, number, words, timeout) from None
    finally:
        connection.close()


@documented_as(remctl)
async def aremctl(
    host: str,
    port: Port = None,
    principal: str | None = None,
    command: Command = (),
    *,
    timeout: Seconds | None = None,
    ccache: str | os.PathLike[str] | _own_types.Credentials | None = None,
    keytab: str | os.PathLike[str] | None = None,
    source_ip: str | None = None,
    max_output: _types.SupportsIndex | None = None,
) -> RemctlSimpleResult:
    # First of all, before another thread may run and set KRB5CCNAME.
    identity = _remctl.Identity.of_now() if ccache is None and keytab is None else None
    number = port_number(port)
    arguments = manual_command_list(command)
    limit = None if timeout is None else seconds(timeout)
    most = output_limit(max_output)
    connection = _connection(identity)
    if source_ip is not None:
        connection.set_source_ip(source_ip)
    words = first_words(arguments)
    from remctl._waiting.loops import running_loop

    loop = running_loop()
    await loop.checkpoint_if_cancelled()
    try:
        set_tickets(connection, ccache, keytab)
        where = host, number, principal
        if most is None:
            answer = await loop.finish(
                loop.reactor.simple(connection, loop.caller(), *where, arguments, limit)
            )
        else:
            answer = await _amake(loop, connection, _limited(where, arguments, limit, most))
        return result_of(answer, host, number or None, words)
    except RemctlError as error:
        raise as_simple_error(error, host, number, words, timeout) from None
    finally:
        connection.close()


def _limited(
    where: tuple[str, int, str | None], arguments: list[Encoded], limit: float | None, most: int
) -> Calls:
    """Run a command token by token, to stop at the output limit."""
    from remctl._files import Sinks

    sinks, end, kind = Sinks(None, None, most), end_after(limit), "output"
    yield "open", (*where, left(end))
    session = yield "stream", (arguments, left(end))
    while kind == "output":
        for one in (yield "outputs", (session, sinks.batch, left(end))):
            token = RemctlOutput(*one)
            if (error := sinks.excess(token)) is not None:
                raise error
            sinks.write(token)
            kind = token.type
    session.end()
    return sinks.answer()


def _make(connection: _remctl.Connection, calls: Calls) -> Answer:
    """Make the calls one after the other."""
    given = None
    while True:
        try:
            name, arguments = calls.send(given)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        if name == "outputs":
            session, _, limit = arguments
            given = [connection.output(session, limit)]
        else:
            given = getattr(connection, name)(*arguments)


async def _amake(loop: Loop, connection: _remctl.Connection, calls: Calls) -> Answer:
    """The same in an event loop."""
    given = None
    while True:
        try:
            name, arguments = calls.send(given)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        verb = getattr(loop.reactor, name)
        given = await loop.finish(verb(connection, loop.caller(), *arguments))


def _connection(identity: _remctl.Identity | None) -> _remctl.Connection:
    """A new connection with this identity; None means that tickets will be set."""
    connection = _remctl.Connection()
    if identity is not None:
        connection.set_identity(identity)
    return connection


def as_simple_error(
    error: RemctlError, host: str, number: int, words: str, timeout: Seconds | None
) -> RemctlError:
    """Convert an error to the one that the simple call raises (manual, remctl.remctl)."""
    if error.host is None:
        locate(error, host, number or None, words)
    if isinstance(error, RemctlProtocolError):
        return error._as_simple()
    # If the caller has set no limit, the system's own timeout has passed, like in the old
    # binding.
    if isinstance(error, RemctlTimeoutError) and timeout is not None:
        return error
    return as_protocol_error(error)


remctl.__module__ = aremctl.__module__ = "remctl"
