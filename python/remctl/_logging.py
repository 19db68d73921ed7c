"""Passes the package's log entries to the standard logging module.

A module calls `remctl._remctl.listening()` first, and then `remctl._remctl.note()` to log
something. Importing this module does not import logging: the extension calls `loggers()` when
the program has imported it. Before that nothing is logged.
"""

from __future__ import annotations

from remctl._errors import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger

#: The topics, with the same numbers as in the extension.
CONNECTIONS, CREDENTIALS, POOLS = range(3)

_NAMES = {
    CONNECTIONS: "remctl",
    CREDENTIALS: "remctl.credentials",
    POOLS: "remctl.pool",
}


_loggers: dict[int, Logger] = {}


def loggers() -> dict[int, Logger]:
    """The logger of each topic.

    Each is looked up once. getLogger() takes logging's global lock, and an exception from a
    signal handler at that moment would leave it locked.
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
    """Log a text on one line, with control characters escaped.

    The other arguments become attributes of the record; None if the entry does not have them.
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
