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


_MEANINGS = {
    1: "internal server failure",
    2: "invalid format in a token",
    3: "unknown message type",
    4: "invalid command format in a token",
    5: "unknown command",
    6: "access denied",
    7: "too many arguments",
    8: "too much data in the arguments",
    9: "unexpected message",
    10: "no help for this command",
}


def meaning(code: int) -> str:
    """The meaning of a code, for an error token without a text."""
    return f"{_MEANINGS.get(code, 'refused by the server')} (error {code})"
