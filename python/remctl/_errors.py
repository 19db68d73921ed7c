"""The exceptions, and the error codes of the protocol."""

from __future__ import annotations

import enum

from remctl._types import RemctlSimpleResult


class ErrorCode(enum.IntEnum):
    """Error codes of the remctl protocol (section 2.6, MESSAGE_ERROR)."""

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


class RemctlError(Exception):
    """A network or authentication error, or a call that makes no sense now.

    The text is libremctl's, the same that ``Remctl.error()`` returns.
    """


class RemctlProtocolError(RemctlError):
    """A simple call or ``run()`` failed, or was refused by the server.

    ``str()`` gives the text alone. ``code`` is the protocol's error code: an
    `ErrorCode` where it is a known one, another int where it is not, and None
    where the error is not the server's answer (a network error, say).
    """

    code: ErrorCode | int | None

    def __init__(self, message: str = "", code: int | None = None) -> None:
        super().__init__(message)
        try:
            self.code = None if code is None else ErrorCode(code)
        except ValueError:
            self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.code), self.__dict__


class RemctlNotOpenedError(RemctlError):
    """There is no open connection."""


class RemctlTimeoutError(RemctlError, TimeoutError):
    """Nothing came from the server in time. Also a `TimeoutError`."""


class RemctlCommandError(RemctlError):
    """A command ended with a status other than 0; see ``RemctlSimpleResult.check()``.

    ``result`` is the whole result, with what the command wrote.
    """

    result: RemctlSimpleResult

    def __init__(self, result: RemctlSimpleResult) -> None:
        super().__init__(f"command exited with status {result.status}")
        self.result = result

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.result,), self.__dict__
