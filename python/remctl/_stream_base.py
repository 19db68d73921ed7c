"""What `Stream` and `AsyncStream` share: what is known of an answer that is being read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from remctl._client_base import ClientBase
from remctl._errors import RemctlProtocolError, refused
from remctl._output import RemctlOutput


class StreamBase:
    """The answer to one command, all but the waiting."""

    status: int | None = None
    """The exit status, 0 to 255, once the stream has ended. None before that, and where there is
    none: the server refused the command, or the connection failed."""

    def __init__(self, remctl: ClientBase, words: str, *, raise_errors: bool) -> None:
        self._client = remctl
        self._words = words
        self._raise_errors = raise_errors
        self._silent = True  # no output has come
        self._lines = _Lines()

    def _note(self, token: RemctlOutput) -> None:
        """Keep what a token tells of the whole answer."""
        if token.type == "output":
            self._silent = False
        elif token.type == "status":
            self.status = token.status

    def _checked(self, token: RemctlOutput) -> RemctlOutput:
        """The token; RemctlProtocolError for the server's refusal."""
        if token.type == "error" and self._raise_errors:
            raise self._refusal(token)
        return token

    def _lines_of(self, token: RemctlOutput) -> Iterator[tuple[int, str]]:
        """The lines that a token ends. A refusal is raised after them: no line can tell it."""
        self._lines.add(token)
        yield from self._lines_left()
        if token.type == "error":
            raise self._refusal(token)

    def _lines_left(self) -> Iterator[tuple[int, str]]:
        """The lines that are whole, and were not taken when they were."""
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
    """Puts lines together from output as it comes."""

    def __init__(self) -> None:
        self.whole: deque[tuple[int, str]] = deque()
        self._begun: dict[int, list[bytes]] = {}

    def add(self, token: RemctlOutput) -> None:
        """Take in a token; one that ends the answer ends the lines without a newline, too."""
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
