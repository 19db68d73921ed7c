"""What the package logs, with the standard logging.

The extension loads this when the program has imported logging, and before that nobody does: a
module that may have something to say asks `remctl._remctl.listening()` first, and says it with
`remctl._remctl.note()`, by a topic's number in `remctl._topics`.
"""

from __future__ import annotations

from logging import DEBUG, getLogger

from remctl._errors import printable
from remctl._topics import CONNECTIONS, CREDENTIALS, POOLS

__all__ = ["DEBUG", "LOGGERS", "write"]

#: By topic.
LOGGERS = {
    CONNECTIONS: getLogger("remctl"),
    CREDENTIALS: getLogger("remctl.credentials"),
    POOLS: getLogger("remctl.pool"),
}


def write(topic: int, text: str) -> None:
    """Log a text: on one line, whatever a server's or a user's words have in them."""
    LOGGERS[topic].debug("%s", printable(text))
