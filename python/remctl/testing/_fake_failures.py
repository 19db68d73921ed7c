"""The failures that a fake can simulate, one for each `ErrorKind`."""

from __future__ import annotations

from remctl import ErrorCode, ErrorKind, RemctlError, RemctlProtocolError
from remctl._errors import make

_REFUSALS = {
    ErrorKind.DENIED: ("Access denied", ErrorCode.ACCESS),
    ErrorKind.UNKNOWN_COMMAND: ("Unknown command", ErrorCode.UNKNOWN_COMMAND),
    ErrorKind.REFUSED: ("Invalid command token", ErrorCode.BAD_COMMAND),
}

# The texts of a real connection.
_GSS = "GSS-API error initializing context: "
_TEXTS = {
    ErrorKind.RESOLVE: "unknown host {host}: Name or service not known",
    ErrorKind.CONNECT: "cannot connect to {host} (port {port}): Connection refused",
    ErrorKind.TICKET: f"{_GSS}No Kerberos credentials available",
    ErrorKind.KDC: f"{_GSS}Cannot contact any KDC for realm 'REMCTL.TEST'",
    ErrorKind.AUTHENTICATE: f"{_GSS}Server not found in Kerberos database",
    ErrorKind.TIMEOUT: "error receiving token: timed out",
    ErrorKind.LOST: "error receiving token: unexpected end of file",
    ErrorKind.PROTOCOL: "error receiving token: unexpected message type 99 from server",
    ErrorKind.TOO_LARGE: "the output is larger than the limit",
    ErrorKind.NOT_STARTED: "not started",
    ErrorKind.MISUSE: "the connection is in use by other calls",
    ErrorKind.LOCAL: "cannot create a socket: Too many open files",
}

# These happen after the command was sent.
_LATE = {ErrorKind.TIMEOUT, ErrorKind.LOST, ErrorKind.PROTOCOL, ErrorKind.TOO_LARGE}


def failure_of(kind: ErrorKind, host: str, port: int, *, sent: bool) -> RemctlError:
    """The error of a kind; `sent` if a command fails, and not connecting."""
    if kind in _REFUSALS:
        refusal = RemctlProtocolError(*_REFUSALS[kind])
        refusal.may_have_run = False
        return refusal
    text = _TEXTS[kind].format(host=host, port=port or 4373)
    return make(kind.value, text, may_have_run=sent and kind in _LATE)  # type: ignore[arg-type]
