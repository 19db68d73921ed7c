"""The exceptions of commands."""


class BackendError(Exception):
    """The command failed; the client gets the reason: `command subcommand: message`.

    Args:
        message: the text for the client's standard error.
        status: the exit status, from 1 to 255.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        if not isinstance(status, int) or not 1 <= status <= 255:
            raise ValueError(f"status must be a number from 1 to 255, not {status!r}")
        super().__init__(message, status)
        self.message: str = message
        self.status: int = status

    def __str__(self) -> str:
        return str(self.message)


class UsageError(BackendError):
    """The command was called incorrectly: a `BackendError` with status 2."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message, status)


def unknown(kind: str, word: str) -> str:
    """The message for an unknown word, which is shown only if it is printable."""
    return f"unknown {kind}: {word}" if word.isprintable() else f"unknown {kind}"
