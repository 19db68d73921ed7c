"""The simplified interface: one call for one command."""

from __future__ import annotations

import os

from remctl import _remctl
from remctl._arguments import Command, Port, command_list, path_or_name, port_number
from remctl._client import run_on
from remctl._errors import RemctlError, RemctlProtocolError, RemctlTimeoutError
from remctl._types import RemctlSimpleResult


def remctl(
    host: str,
    port: Port = None,
    principal: str | None = None,
    command: Command = (),
    *,
    timeout: float | None = None,
    ccache: str | os.PathLike[str] | None = None,
    source_ip: str | None = None,
) -> RemctlSimpleResult:
    """Run a command on ``host`` and return its result (manual, remctl.remctl).

    ``port``, ``principal`` and ``command`` are as for `Remctl.open()` and
    `Remctl.command()`. ``timeout`` is the most that the whole call may take,
    in seconds, however busily the server sends (`Remctl.set_timeout()` limits
    each silence instead); None or 0 for no limit. ``ccache`` and ``source_ip``
    are as for `Remctl.set_ccache()` and `Remctl.set_source_ip()`.

    Raises ValueError or TypeError for an invalid argument, RemctlTimeoutError
    when the timeout ran out, and RemctlProtocolError for any other failure,
    the server's refusal included (its ``code`` then says which).
    """
    number = port_number(port)
    arguments = command_list(command)
    connection = _remctl.Connection()
    if ccache is not None:
        connection.set_ccache(path_or_name(ccache))
    if source_ip is not None:
        connection.set_source_ip(source_ip)
    try:
        connection.set_deadline(timeout)
    except RemctlError as error:
        raise ValueError(str(error)) from None
    try:
        connection.open(host, number, principal)
        result = run_on(connection, arguments)
    except RemctlProtocolError:
        raise
    except RemctlTimeoutError as error:
        if timeout:
            raise
        # The system's own patience ran out, as it did for the old binding.
        raise RemctlProtocolError(str(error)) from None
    except RemctlError as error:
        raise RemctlProtocolError(str(error)) from None
    finally:
        connection.close()
    return result
