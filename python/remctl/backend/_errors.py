"""How a command fails."""


class BackendError(Exception):
    """The command failed, and the client is to know why: `command subcommand: message`.

    Args:
        message: what the client reads on standard error.
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
    """The command was called in a wrong way: a `BackendError` of status 2."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message, status)


def unknown(kind: str, word: str) -> str:
    """That a word names nothing of a kind; the word itself only where a terminal can show it."""
    return f"unknown {kind}: {word}" if word.isprintable() else f"unknown {kind}"
