"""`ErrorKind`."""

import enum


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
