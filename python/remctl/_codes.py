"""The error codes of the protocol."""

import enum


class ErrorCode(enum.IntEnum):
    """Error codes of the remctl protocol (section 2.6, MESSAGE_ERROR)."""

    __module__ = "remctl"

    INTERNAL = 1
    """Internal server failure."""
    BAD_TOKEN = 2
    """Invalid format in a token."""
    UNKNOWN_MESSAGE = 3
    """Unknown message type."""
    BAD_COMMAND = 4
    """Invalid command format in a token."""
    UNKNOWN_COMMAND = 5
    """Unknown command."""
    ACCESS = 6
    """Access denied."""
    TOOMANY_ARGS = 7
    """Argument count exceeds the server's limit."""
    TOOMUCH_DATA = 8
    """Argument size exceeds the server's limit."""
    UNEXPECTED_MESSAGE = 9
    """Message type not valid now."""
    NO_HELP = 10
    """No help defined for this command."""
