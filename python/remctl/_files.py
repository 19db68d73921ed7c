"""Output that goes to files as it arrives (`run(..., stdout=FILE)`)."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Generator
from typing import Any

from remctl._binary_file import BinaryFile
from remctl._client_base import Answer
from remctl._errors import RemctlError, RemctlSimpleResult, make
from remctl._output import RemctlOutput

#: Tokens that have arrived are fetched together, up to this many bytes.
BATCH = 256 * 1024


def checked_file(file: BinaryFile | None, name: str) -> BinaryFile | None:
    """Check that the file accepts bytes; TypeError or ValueError that names the argument."""
    if file is None:
        return None
    # Wrappers of text files (tempfile, codecs) have an encoding too.
    if isinstance(file, io.TextIOBase) or isinstance(getattr(file, "encoding", None), str):
        raise TypeError(f"{name} must be a binary file, not a text file")
    if getattr(file, "closed", False) is True:
        raise ValueError(f"{name} is a closed file")
    if _is_read_only(file):
        raise ValueError(f"{name} must be open for writing")
    if not callable(getattr(file, "write", None)):
        raise TypeError(f"{name} must be a binary file, not {type(file).__name__}")
    return file


def _is_read_only(file: BinaryFile) -> bool:
    """Whether the file says that it is read-only. A user's class may have nothing but write()."""
    kind = type(file)
    if getattr(kind, "write", None) is io.BufferedIOBase.write:
        return True  # BufferedReader has a write() that raises
    writable = getattr(kind, "writable", io.IOBase.writable)
    return writable is not io.IOBase.writable and not file.writable()  # type: ignore[attr-defined]


class Sinks:
    """The files for the two streams of an answer, and the output that is kept.

    All answers together may have at most ``max_output`` bytes, in files and kept; None means no
    limit.
    """

    def __init__(
        self,
        stdout: BinaryFile | None,
        stderr: BinaryFile | None,
        max_output: int | None = None,
    ) -> None:
        self._files = {
            1: checked_file(stdout, "stdout"),
            2: checked_file(stderr, "stderr"),
        }
        self._most = max_output
        #: Whether any command has had output.
        self.wrote: bool = False
        #: Whether the output of each stream so far ends with a line feed, or is empty.
        self.line_ended: dict[int, bool] = {1: True, 2: True}
        self._size = 0
        self.begin()

    def begin(self) -> None:
        """Start with the answer to another command."""
        self._kept: dict[int, io.BytesIO] = {}  # its contents can be taken without a copy
        self._status: int | None = None
        self._code: int | None = None
        self._text = ""

    @property
    def batch(self) -> int:
        """How many bytes to fetch: at most one token more than the limit allows."""
        if self._most is None:
            return BATCH
        return max(1, min(BATCH, self._most - self._size + 1))

    def excess(self, token: RemctlOutput) -> RemctlError | None:
        """The error if a token exceeds the limit; call it before the token is written."""
        if self._most is None or token.type != "output":
            return None
        self._size += len(token.output or b"")
        if self._size <= self._most:
            return None
        return make(
            "too_large",
            f"more output than max_output allows ({self._most} bytes)",
            hint="The command may still run. Ask for less output, or allow more.",
            partial=RemctlSimpleResult(*self._taken_until_now()),
        )

    def steps(self, token: RemctlOutput) -> Generator[Awaitable[Any], Any, None]:
        """Write a token. Yields the awaitables that a file returns; send their results."""
        if token.type == "status":
            self._status = token.status
        elif token.type == "error":
            self._code = token.error
            self._text = (token.output or b"").decode("utf-8", "backslashreplace")
        elif token.type == "output":
            # Like run(), everything that is not standard output counts as standard error.
            stream = 1 if token.stream == 1 else 2
            data = token.output or b""
            file = self._files[stream]
            self.wrote = True
            if data:
                self.line_ended[stream] = data.endswith(b"\n")
            if file is None:
                self._kept.setdefault(stream, io.BytesIO()).write(data)
                return
            while data:
                count = file.write(data)
                if isinstance(count, Awaitable):
                    count = yield count
                data = data[_taken(count, len(data)) :]

    def write(self, token: RemctlOutput) -> None:
        """Write a token; TypeError if a file needs an event loop."""
        for awaitable in self.steps(token):
            if hasattr(awaitable, "close"):
                awaitable.close()
            raise TypeError("write() must return a number: there is no event loop to await it")

    async def awrite(self, token: RemctlOutput) -> None:
        """Write a token, and await the file's awaitables."""
        steps = self.steps(token)
        try:
            awaitable = next(steps)
            while True:
                awaitable = steps.send(await awaitable)
        except StopIteration:
            pass

    def answer(self) -> Answer:
        """The answer in the form of `Connection.run()`; None for a stream that went to a file."""
        return *self._taken_until_now(), self._status, self._code, self._text

    def _taken_until_now(self) -> tuple[bytes | None, bytes | None]:
        stdout, stderr = (
            self._kept[stream].getvalue() if stream in self._kept else None for stream in (1, 2)
        )
        return stdout, stderr


def _taken(count: object, most: int) -> int:
    """The number of bytes that write() has written."""
    if count is None or count == 0:
        raise BlockingIOError("write() took nothing: the file must not be a non-blocking one")
    if not isinstance(count, int) or not 0 < count <= most:
        raise TypeError(f"write() must return how many bytes it took, not {count!r}")
    return count
