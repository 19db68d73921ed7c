"""The simplified interface, blocking and for event loops: one call for one command."""

from __future__ import annotations

import os

from remctl import _own_types, _remctl
from remctl._arguments import (
    Command,
    Port,
    Seconds,
    first_words,
    manual_command_list,
    port_number,
    seconds,
)
from remctl._client_base import documented_as, result_of, set_tickets
from remctl._errors import (
    RemctlError,
    RemctlProtocolError,
    RemctlSimpleResult,
    RemctlTimeoutError,
    as_protocol_error,
    locate,
)
from remctl._greenlets import blocking


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
) -> RemctlSimpleResult:
    """Run a command on ``host`` and return its result (manual, remctl.remctl).

    ``port``, ``principal`` and ``command`` are as for `Remctl.open()` and
    `Remctl.command()`. ``timeout`` is the most that the whole call may take,
    in seconds, however busily the server sends (`Remctl.set_timeout()` limits
    each silence instead). None is no limit; 0 or less is too late at once, so
    that what is left of some other limit can be passed. ``ccache`` and
    ``source_ip`` are as for `Remctl.set_ccache()` and `Remctl.set_source_ip()`;
    ``keytab`` is a keytab to get tickets with, for which all of the process share
    one `Credentials`.

    Raises ValueError or TypeError for an invalid argument, RemctlTimeoutError
    when the timeout ran out, and RemctlProtocolError for any other failure,
    the server's refusal included (its ``code`` then says which).
    """
    connection = _connection(ccache, keytab)
    number = port_number(port)
    arguments = manual_command_list(command)
    limit = None if timeout is None else seconds(timeout)
    connection = blocking(connection)
    if source_ip is not None:
        connection.set_source_ip(source_ip)
    words = first_words(arguments)
    try:
        set_tickets(connection, ccache, keytab)
        answer = connection.simple(host, number, principal, arguments, limit)
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
) -> RemctlSimpleResult:
    connection = _connection(ccache, keytab)
    number = port_number(port)
    arguments = manual_command_list(command)
    limit = None if timeout is None else seconds(timeout)
    if source_ip is not None:
        connection.set_source_ip(source_ip)
    words = first_words(arguments)
    from remctl._loops import running_loop

    loop = running_loop()
    await loop.checkpoint_if_cancelled()
    try:
        set_tickets(connection, ccache, keytab)
        answer = await loop.finish(
            loop.reactor.simple(
                connection, loop.caller(), host, number, principal, arguments, limit
            )
        )
        return result_of(answer, host, number or None, words)
    except RemctlError as error:
        raise as_simple_error(error, host, number, words, timeout) from None
    finally:
        connection.close()


def _connection(
    ccache: str | os.PathLike[str] | _own_types.Credentials | None,
    keytab: str | os.PathLike[str] | None,
) -> _remctl.Connection:
    """A connection; first of all the call settles what the default ticket cache is."""
    connection = _remctl.Connection()
    if ccache is None and keytab is None:
        connection.set_identity(_remctl.Identity.of_now())
    return connection


def as_simple_error(
    error: RemctlError, host: str, number: int, words: str, timeout: Seconds | None
) -> RemctlError:
    """The error as the simple call raises it (manual, remctl.remctl)."""
    if error.host is None:
        locate(error, host, number or None, words)
    if isinstance(error, RemctlProtocolError):
        return error._as_simple()
    # Without a limit of the caller's it is the system's own patience that ran out, as it did for
    # the old binding.
    if isinstance(error, RemctlTimeoutError) and timeout is not None:
        return error
    return as_protocol_error(error)


remctl.__module__ = aremctl.__module__ = "remctl"
