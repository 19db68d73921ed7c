"""The error codes of the protocol, and the kinds of errors."""

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


class ErrorKind(str, enum.Enum):
    """The kind of an error: `RemctlError.kind`.

    The members are strings: ``error.kind == "lost"``. Later versions may add
    members, so handle those that you do not know.
    """

    __module__ = "remctl"

    RESOLVE = "resolve"
    """The name of the host has no address, or the name service did not answer."""
    CONNECT = "connect"
    """No TCP connection: refused, unreachable or filtered."""
    TICKET = "ticket"
    """A problem with the client's credentials: no ticket, an expired one, an unusable
    keytab."""
    KDC = "kdc"
    """No KDC has answered."""
    AUTHENTICATE = "authenticate"
    """Authentication failed: an unknown principal, a wrong key, or clocks that are apart."""
    DENIED = "denied"
    """The server does not allow this client to run the command (error 6)."""
    UNKNOWN_COMMAND = "unknown_command"
    """The server has no such command (error 5)."""
    REFUSED = "refused"
    """Any other refusal by the server; see ``code``."""
    TIMEOUT = "timeout"
    """A time limit has passed; the text says in which step."""
    LOST = "lost"
    """The connection broke, or the worker of an executor died."""
    PROTOCOL = "protocol"
    """The server has violated the protocol."""
    TOO_LARGE = "too_large"
    """The output is larger than the caller's limit."""
    NOT_STARTED = "not_started"
    """The command was not started on this host (of many hosts)."""
    MISUSE = "misuse"
    """A call that is invalid in the current state: not open, output pending, a closed pool, a
    wrong thread."""
    LOCAL = "local"
    """A problem of this machine: descriptors, threads, the Kerberos configuration."""

    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, format_spec: str) -> str:
        return str.__format__(self, format_spec)
