"""What the package logs, with the standard logging, by topic.

A module that may have something to say asks `remctl._remctl.listening()` first, and says it with
`remctl._remctl.note()`. Importing this does not import logging: the extension asks for
`loggers()` when the program has done so. Before that nobody listens.
"""

from __future__ import annotations

from remctl._errors import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger

#: The topics: numbers that the extension knows too.
CONNECTIONS, CREDENTIALS, POOLS = range(3)

_NAMES = {
    CONNECTIONS: "remctl",
    CREDENTIALS: "remctl.credentials",
    POOLS: "remctl.pool",
}


_loggers: dict[int, Logger] = {}


def loggers() -> dict[int, Logger]:
    """The logger of each topic.

    Each is looked up once. getLogger() takes a lock of the whole of logging, and an exception
    from a signal handler just then would leave it locked.
    """
    if not _loggers:
        from logging import getLogger

        _loggers.update({topic: getLogger(name) for topic, name in _NAMES.items()})
    return _loggers


def write(
    topic: int,
    text: str,
    host: str | None,
    port: int | None,
    connection: int | None,
    command: str | None,
    seconds: float | None,
    bytes: int | None,
    status: int | None,
    kind: str | None,
) -> None:
    """Log a text: on one line, whatever a server's or a user's words have in them.

    The others are attributes of the record, for machines; None where it does not say that.
    """
    loggers()[topic].debug(
        "%s",
        printable(text),
        extra={
            "remctl_host": host,
            "remctl_port": port,
            "remctl_connection": connection,
            "remctl_command": None if command is None else printable(command),
            "remctl_seconds": seconds,
            "remctl_bytes": bytes,
            "remctl_status": status,
            "remctl_kind": kind,
        },
    )
