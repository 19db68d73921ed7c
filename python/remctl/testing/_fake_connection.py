"""The extension's Connection and Session again, on answers from a table instead of a network.

What is true of a real connection is true here, so that all which the package makes on it works
as it does there: what is refused while an answer is pending, what a failure leaves behind,
whose turn it is among threads. The tests hold the two against each other.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from remctl import RemctlError, RemctlNotOpenedError
from remctl._remctl import Connection

Token = tuple[str, bytes | None, int | None, int | None, int | None]
Tokens = list[Token | BaseException]
"""An answer; an exception in it is a failure of the connection."""

DONE: Token = ("done", None, None, None, None)
_PENDING = "output of the previous command is pending: read {} before the next command"


class Source(Protocol):
    """What the answers come from."""

    def refusal(self, host: str, port: int) -> BaseException | None:
        """Why a host cannot be connected to; None when it can."""

    def answer(self, host: str, port: int, command: list[bytes]) -> Tokens:
        """The answer of a host to a command."""


class FakeSession:
    """The exclusive use of a connection, for the length of one stream."""

    def __init__(self, end: Callable[[FakeSession], None]) -> None:
        self.thread = threading.get_ident()
        self._end = end

    def end(self) -> None:
        """Let other calls through. Harmless the second time."""
        self._end(self)


class FakeConnection:
    """A connection to a server that there is not; see `remctl._remctl.Connection`."""

    def __init__(self, source: Source) -> None:
        # It says what it thinks of settings, which are of no consequence here.
        settings = Connection()
        self.set_ccache = settings.set_ccache
        self.set_source_ip = settings.set_source_ip
        self.set_deadline = settings.set_deadline
        self._settings = settings
        self._source = source
        self._where: tuple[str, int] | None = None
        self._connected = False
        self._answer: deque[Token | BaseException] = deque()
        self._error = "no error"
        self._changed = threading.Condition()
        self._session: FakeSession | None = None

    def set_timeout(self, timeout: float | None) -> None:
        """Set the longest silence, of which there is none."""
        with self._failing():
            self._settings.set_timeout(timeout)

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Note the text of a failure."""
        try:
            yield
        except RemctlError as error:
            self._error = str(error)
            raise

    @contextlib.contextmanager
    def _turn(self, session: FakeSession | None) -> Iterator[None]:
        """Wait for the end of another thread's stream, and let no other thread in meanwhile."""
        with self._failing(), self._changed:
            while self._session not in (None, session):
                assert self._session is not None
                if session is not None or self._session.thread == threading.get_ident():
                    break
                self._changed.wait()
            if session is not None and self._session is not session:
                raise RemctlError("the connection was closed during the stream")
            yield

    def open(self, host: str | bytes, port: int = 0, principal: str | None = None) -> None:
        """Connect and authenticate."""
        self.close()
        with self._turn(None):
            name = host.decode() if isinstance(host, bytes) else host
            refusal = self._source.refusal(name, port)
            if refusal is not None:
                raise refusal
            self._where, self._connected = (name, port), True

    def open_descriptor(
        self, descriptor: int, host: str | bytes | None, principal: str | None = None
    ) -> None:
        """Authenticate over a connected socket, which is left alone."""
        self.open(host or "localhost", 0, principal)

    def close(self) -> None:
        """Close for good."""
        self._where, self._connected = None, False
        self._answer.clear()
        self._end(self._session)

    @property
    def opened(self) -> bool:
        """True from a successful open to close."""
        return self._where is not None

    def require_opened(self) -> None:
        """Raise RemctlNotOpenedError where no connection is open."""
        with self._failing():
            if self._where is None:
                raise RemctlNotOpenedError("no currently open connection")

    @property
    def pending(self) -> bool:
        """True while a command's answer has not been read to its end."""
        return bool(self._answer)

    def fileno(self) -> int:
        """Return -1: there is no descriptor."""
        return -1

    def error(self) -> str:
        """Return the text of the last failure, or "no error"."""
        return self._error

    def _require_idle(self) -> None:
        self.require_opened()
        if self._answer:
            raise RemctlError(
                _PENDING.format("it to its end with output(), or close the connection,")
            )

    def command(self, command: list[bytes], session: FakeSession | None = None) -> None:
        """Send a command: a list of bytes."""
        with self._turn(session):
            self._require_idle()
            assert self._where is not None
            self._connected = True
            self._answer.extend(self._source.answer(*self._where, command))

    def output(self, session: FakeSession | None = None) -> Token:
        """Read a token: (type, output, stream, status, error)."""
        with self._turn(session):
            self.require_opened()
            if not self._connected:
                raise RemctlError("no connection open")
            if not self._answer:
                return DONE
            token = self._answer.popleft()
            if isinstance(token, BaseException):
                self._drop()
                raise token
            return token

    def run(self, command: list[bytes]) -> tuple[bytes | None, bytes | None, int, int | None, str]:
        """Send a command and read its answer: (stdout, stderr, status, error, error text)."""
        with self._turn(None):
            self.command(command)
            written: dict[int | None, bytes] = {}
            while (token := self.output())[0] == "output":
                written[token[2]] = written.get(token[2], b"") + (token[1] or b"")
            text = (token[1] or b"").decode("utf-8", "replace")
            return written.get(1), written.get(2), token[3] or 0, token[4], text

    def noop(self) -> bool:
        """Return True: it is answered."""
        with self._turn(None):
            self._require_idle()
            return True

    def begin(self) -> FakeSession:
        """Reserve the connection for a stream."""
        with self._turn(None):
            if self._session is not None:
                raise RemctlError(_PENDING.format("the stream to its end, or close it,"))
            self._session = FakeSession(self._end)
            return self._session

    def drop(self, session: FakeSession | None = None) -> None:
        """End the connection at once; the next command makes a new one."""
        with self._changed:
            if session is None or self._session is session:
                self._drop()

    def _drop(self) -> None:
        self._connected = False
        self._answer.clear()

    def _end(self, session: FakeSession | None) -> None:
        with self._changed:
            if self._session is session:
                self._session = None
                self._changed.notify_all()
