"""The simplified interface: one call for one command."""

import os

from remctl import _remctl
from remctl._arguments import (
    Command,
    Port,
    Seconds,
    c_string,
    command_list,
    first_words,
    host_name,
    path_or_name,
    port_number,
    seconds,
)
from remctl._errors import (
    RemctlError,
    RemctlProtocolError,
    RemctlSimpleResult,
    RemctlTimeoutError,
    as_protocol_error,
    make,
)
from remctl._running import run_on


def remctl(
    host: str,
    port: Port = None,
    principal: str | None = None,
    command: Command = (),
    *,
    timeout: Seconds | None = None,
    ccache: str | os.PathLike[str] | None = None,
    source_ip: str | None = None,
) -> RemctlSimpleResult:
    """Run a command on ``host`` and return its result (manual, remctl.remctl).

    ``port``, ``principal`` and ``command`` are as for `Remctl.open()` and
    `Remctl.command()`. ``timeout`` is the most that the whole call may take,
    in seconds, however busily the server sends (`Remctl.set_timeout()` limits
    each silence instead). None is no limit; 0 or less is too late at once, so
    that what is left of some other limit can be passed. ``ccache`` and
    ``source_ip`` are as for `Remctl.set_ccache()` and `Remctl.set_source_ip()`.

    Raises ValueError or TypeError for an invalid argument, RemctlTimeoutError
    when the timeout ran out, and RemctlProtocolError for any other failure,
    the server's refusal included (its ``code`` then says which).
    """
    number = port_number(port)
    arguments = command_list(command)
    limit = None if timeout is None else seconds(timeout)
    connection = _remctl.Connection()
    if ccache is not None:
        connection.set_ccache(path_or_name(ccache))
    if source_ip is not None:
        connection.set_source_ip(source_ip)
    if limit is not None:
        if limit <= 0:
            host_name(host)
            if principal is not None:
                c_string(principal, "principal")
            raise make(
                "timeout",
                "timed out before anything was sent",
                host=host,
                port=number or None,
                command=first_words(arguments),
                may_have_run=False,
            )
        connection.set_deadline(limit)
    try:
        connection.open(host, number, principal)
        return run_on(connection, arguments, host, number or None)
    except RemctlProtocolError:
        raise
    except RemctlTimeoutError as error:
        if limit is not None:
            raise
        # The system's own patience ran out, as it did for the old binding.
        raise as_protocol_error(error) from None
    except RemctlError as error:
        raise as_protocol_error(error) from None
    finally:
        connection.close()


remctl.__module__ = "remctl"
