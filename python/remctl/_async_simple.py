"""The simplified interface for event loops: what `remctl()` is for threads."""

from __future__ import annotations

import os

from remctl import _remctl
from remctl._arguments import (
    Command,
    Port,
    Seconds,
    command_list,
    first_words,
    port_number,
    seconds,
)
from remctl._async_client import like
from remctl._errors import RemctlError, RemctlSimpleResult
from remctl._loops import running_loop
from remctl._simple import as_the_simple_call, remctl
from remctl._verbs import result_of, set_tickets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._credentials import Credentials
else:
    Credentials = object


@like(remctl)
async def aremctl(
    host: str,
    port: Port = None,
    principal: str | None = None,
    command: Command = (),
    *,
    timeout: Seconds | None = None,
    ccache: str | os.PathLike[str] | Credentials | None = None,
    keytab: str | os.PathLike[str] | None = None,
    source_ip: str | None = None,
) -> RemctlSimpleResult:
    number = port_number(port)
    arguments = command_list(command)
    limit = None if timeout is None else seconds(timeout)
    connection = _remctl.Connection()
    if source_ip is not None:
        connection.set_source_ip(source_ip)
    words = first_words(arguments)
    loop = running_loop()
    try:
        set_tickets(connection, ccache, keytab)
        answer = await loop.finish(
            loop.reactor.simple(
                connection, loop.caller(), host, number, principal, arguments, limit
            )
        )
        return result_of(answer, host, number or None, words)
    except RemctlError as error:
        raise as_the_simple_call(error, host, number, words, timeout) from None
    finally:
        connection.close()


aremctl.__module__ = "remctl"
