"""What a call failed of, for programs."""

import enum


class ErrorKind(str, enum.Enum):
    """What a call failed of: `RemctlError.kind`.

    The members are strings: ``error.kind == "lost"``. Later versions may add
    members, so handle those that you do not know.
    """

    __module__ = "remctl"

    RESOLVE = "resolve"
    """The name of the host has no address, or the name service did not answer."""
    CONNECT = "connect"
    """No TCP connection: refused, unreachable, filtered."""
    TICKET = "ticket"
    """The client's own credentials: no ticket, an expired one, an unusable keytab."""
    KDC = "kdc"
    """No KDC has answered."""
    AUTHENTICATE = "authenticate"
    """Client and server do not accept each other: an unknown principal, a wrong key, clocks."""
    DENIED = "denied"
    """The server does not allow this client to run the command (error 6)."""
    UNKNOWN_COMMAND = "unknown_command"
    """The server has no such command (error 5)."""
    REFUSED = "refused"
    """Any other refusal of the server; ``code`` says which."""
    TIMEOUT = "timeout"
    """A limit of the caller's has passed; the text says what was waited for."""
    LOST = "lost"
    """The connection broke, or the worker of an executor died."""
    PROTOCOL = "protocol"
    """The server sent something that the protocol does not allow here."""
    TOO_LARGE = "too_large"
    """The output is larger than the caller's limit."""
    NOT_STARTED = "not_started"
    """One of many hosts that the command was never started on."""
    MISUSE = "misuse"
    """A call that is invalid now: not open, output pending, a closed pool, another thread's."""
    LOCAL = "local"
    """This machine: descriptors, threads, its Kerberos configuration."""

    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, format_spec: str) -> str:
        return str.__format__(self, format_spec)
