"""The common base of `Stream` and `AsyncStream`: the state of an answer that is being read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from remctl._client_base import ClientBase
from remctl._errors import RemctlProtocolError, refused
from remctl._output import RemctlOutput


class StreamBase:
    """The state of the answer to one command."""

    status: int | None = None
    """The exit status, 0 to 255, once the stream has ended. None before that, and if the server
    refused the command or the connection failed."""

    def __init__(self, remctl: ClientBase, words: str, *, raise_errors: bool) -> None:
        self._client = remctl
        self._words = words
        self._raise_errors = raise_errors
        self._silent = True  # no output has arrived
        self._lines = _Lines()

    def _note(self, token: RemctlOutput) -> None:
        """Update the state from a token."""
        if token.type == "output":
            self._silent = False
        elif token.type == "status":
            self.status = token.status

    def _checked(self, token: RemctlOutput) -> RemctlOutput:
        """Return the token, or raise RemctlProtocolError for an error token."""
        if token.type == "error" and self._raise_errors:
            raise self._refusal(token)
        return token

    def _lines_of(self, token: RemctlOutput) -> Iterator[tuple[int, str]]:
        """The lines that a token completes; after them, RemctlProtocolError for an error token."""
        self._lines.add(token)
        yield from self._lines_left()
        if token.type == "error":
            raise self._refusal(token)

    def _lines_left(self) -> Iterator[tuple[int, str]]:
        """The complete lines that were not returned yet."""
        whole = self._lines.whole
        while whole:
            yield whole.popleft()

    def _refusal(self, token: RemctlOutput) -> RemctlProtocolError:
        text = (token.output or b"").decode("utf-8", "backslashreplace")
        self._client._connection.note(text)
        error = refused(
            text,
            token.error or 0,
            silent=self._silent,
            host=self._client._host,
            port=self._client._port,
            command=self._words,
        )
        self._client._raised(error)
        return error


class _Lines:
    """Joins output to lines as it arrives."""

    def __init__(self) -> None:
        self.whole: deque[tuple[int, str]] = deque()
        self._begun: dict[int, list[bytes]] = {}

    def add(self, token: RemctlOutput) -> None:
        """Add a token; the end of the answer also completes a last line without a newline."""
        if token.type != "output":
            for stream in list(self._begun):
                self._complete(stream)
            return
        stream = 1 if token.stream == 1 else 2
        *lines, rest = (token.output or b"").split(b"\n")
        for line in lines:
            self._begun.setdefault(stream, []).append(line)
            self._complete(stream)
        if rest:
            self._begun.setdefault(stream, []).append(rest)

    def _complete(self, stream: int) -> None:
        line = b"".join(self._begun.pop(stream))
        self.whole.append((stream, line.decode("utf-8", "replace")))
