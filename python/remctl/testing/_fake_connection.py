"""The extension's Connection and Session with answers from a table instead of a network.

They behave like the real ones (refusals while an answer is pending, the state after a failure,
turns), so that the rest of the package works in the same way. The tests compare the two.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, Protocol
from weakref import ref

from remctl import RemctlError
from remctl._arguments import Encoded, Seconds, c_string, host_name, seconds
from remctl._errors import make
from remctl._remctl import Connection

Token = tuple[str, bytes | None, int | None, int | None, int | None]
Tokens = list[Token | BaseException]
"""An answer; an exception in it is a failure of the connection."""

DONE: Token = ("done", None, None, None, None)
REMCTL_PORT = 4373
_PENDING = "output of the previous command is pending: read {} before the next command"


class Source(Protocol):
    """The source of the answers."""

    def refusal(self, host: str, port: int) -> BaseException | None:
        """Why a host cannot be connected to; None if it can."""

    def answer(self, host: str, port: int, command: list[bytes]) -> Tokens:
        """The answer of a host to a command."""


class FakeSession:
    """The exclusive use of a connection for one stream."""

    def __init__(self, caller: int, connection: FakeConnection) -> None:
        self.caller = caller
        self.failure: RemctlError | None = None
        self.refused: Token | None = None
        self._told: set[int] = set()
        self._connection = connection

    def __del__(self) -> None:
        self._connection.lost(self)

    def end(self) -> None:
        """Let other calls through. Calling it again does nothing."""
        self._connection.end(self)

    def hand_to(self, caller: int) -> None:
        """Hand the stream over to another caller."""
        self.caller = caller

    def told(self, caller: int) -> bool:
        """Whether a caller was already told how it ended; marks it as told."""
        told = caller in self._told
        self._told.add(caller)
        return told

    @property
    def inherited(self) -> bool:
        """False: the child of a fork can use the fake, since there is no real connection."""
        return False


class FakeConnection:
    """A connection without a server; see `remctl._remctl.Connection`."""

    def __init__(self, source: Source) -> None:
        self.settings = Connection()  # a real one, which is never opened
        self._source = source
        self._where: tuple[str, int] | None = None
        self._server: tuple[str | None, int | None, str | None] | None = None
        self._connected = False
        self._answer: deque[Token | BaseException] = deque()
        self._asked = False
        self._error = "no error"
        self._changed = threading.Condition()
        # Only the caller keeps the stream alive: when the object goes, the stream ends.
        self._session: ref[FakeSession] | None = None
        self._session_id = 0
        self._caller: int | None = None
        self.watchers: set[Callable[[], None]] = set()

    def __getattr__(self, name: str) -> Any:
        """Pass settings, which have no effect here, to the real connection."""
        if not name.startswith("set_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.settings, name)

    def set_timeout(self, timeout: Seconds | None) -> None:
        """Check the argument; there is no silence to limit."""
        with self._failing():
            self.settings.set_timeout(timeout)

    # Whose turn it is.

    @contextlib.contextmanager
    def acting_for(self, caller: int) -> Iterator[None]:
        """Make calls in the block as this caller of a reactor, and not as this thread."""
        with self._changed:
            self._caller = caller
            try:
                yield
            finally:
                self._caller = None

    def free_for(self, caller: int, session: FakeSession | None) -> bool:
        """Whether no other caller's stream blocks a call."""
        other = self._present()
        return other is None or session is not None or other.caller == caller

    @contextlib.contextmanager
    def _turn(
        self, session: FakeSession | None, timeout: Seconds | None, asked: bool = False
    ) -> Iterator[None]:
        """Wait for the end of another caller's stream, and take the turn for the block.

        `asked`: the call is about a command that was sent.
        """
        limit = None if timeout is None else seconds(timeout)
        with self._failing(), self._changed:
            if limit is not None and limit <= 0:
                text = "timed out before anything was sent"
                raise make("timeout", text, may_have_run=asked, lasting=True)
            caller = self._caller or threading.get_ident()
            if not self._changed.wait_for(lambda: self.free_for(caller, session), limit):
                text = "the connection is in use by other calls: timed out"
                raise make("timeout", text, may_have_run=asked)
            if session is not None and session.failure is not None and not session.told(caller):
                raise copy(session.failure)
            self._error = "no error"
            yield

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Record the text of a failure."""
        try:
            yield
        except RemctlError as error:
            self._error = str(error)
            raise

    def _present(self) -> FakeSession | None:
        return None if self._session is None else self._session()

    def lost(self, session: FakeSession) -> None:
        """End a stream whose object is gone."""
        with self._changed:
            if self._session is not None and self._session_id == id(session):
                self._drop()
        self.end(session)

    def end(self, session: FakeSession) -> None:
        """Let other calls through."""
        with self._changed:
            if self._session is not None and self._session_id == id(session):
                self._session = None
                self._changed.notify_all()
        for watcher in list(self.watchers):
            watcher()

    # The verbs.

    def open(
        self,
        host: str | bytes,
        port: int = 0,
        principal: str | bytes | None = None,
        timeout: Seconds | None = None,
    ) -> None:
        """Connect and authenticate."""
        host_name(host)
        if principal is not None:
            c_string(principal, "principal")
        self.close()
        with self._turn(None, timeout):
            name = host.decode() if isinstance(host, bytes) else host
            refusal = self._source.refusal(name, port)
            if refusal is not None:
                raise refusal
            self._where, self._connected = (name, port), True
            who = principal.decode() if isinstance(principal, bytes) else principal
            self._server = name, port or REMCTL_PORT, who

    def open_descriptor(
        self,
        descriptor: int,
        host: str | bytes | None,
        principal: str | bytes | None = None,
        timeout: Seconds | None = None,
    ) -> None:
        """Authenticate over a connected socket, which is not used."""
        self.open(host or "localhost", 0, principal, timeout)
        name, _, who = self._server or (None, None, None)
        self._server = name if host else None, None, who

    def close(self) -> None:
        """Close the connection."""
        self._where, self._connected = None, False
        self._answer.clear()
        self._error = "no currently open connection"
        session = self._present()
        if session is not None:
            text = "the connection was closed during the stream"
            session.failure = make("lost", text, lasting=True)
            self.end(session)

    @property
    def opened(self) -> bool:
        """True from a successful open to close."""
        return self._where is not None

    def require_opened(self) -> None:
        """Raise RemctlNotOpenedError if no connection is open."""
        self._require_opened(asked=False)

    def _require_opened(self, asked: bool) -> None:
        """The same; `asked` as for a turn."""
        with self._failing():
            if self._where is None:
                raise make("not_opened", "no currently open connection", may_have_run=asked)

    @property
    def expires(self) -> float | None:
        """None: there are no tickets."""
        return None

    @property
    def server(self) -> tuple[str | None, int | None, str | None] | None:
        """(host, port, principal) of the last successful open; None before that."""
        return self._server

    @property
    def pending(self) -> bool:
        """True while a command's answer has not been read to its end."""
        return bool(self._answer)

    @property
    def ready(self) -> bool:
        """True if output() can return a token without waiting."""
        return bool(self._answer)

    @property
    def token_ready(self) -> bool:
        """True if output() would return a token and not raise."""
        return bool(self._answer) and not isinstance(self._answer[0], BaseException)

    def fileno(self) -> int:
        """Return -1: there is no descriptor."""
        return -1

    def error(self) -> str:
        """Return the text of the last failure, or "no error"."""
        return self._error

    def note(self, text: str) -> None:
        """Make error() return this."""
        self._error = text

    def command(self, command: list[Encoded], timeout: Seconds | None = None) -> None:
        """Send a command: a list of bytes-like objects."""
        with self._turn(None, timeout):
            self._send(command)

    def _send(self, command: list[Encoded]) -> None:
        self._require_idle()
        assert self._where is not None
        answer = self._source.answer(*self._where, list(map(bytes, command)))
        first = answer[0]
        if isinstance(first, RemctlError) and not first.may_have_run:
            self._drop()
            raise first
        self._connected = self._asked = True
        self._answer.extend(answer)

    def _require_idle(self) -> None:
        self.require_opened()
        if self._answer:
            how = "it to its end with output(), or close the connection,"
            raise make("misuse", _PENDING.format(how), may_have_run=False)

    def output(self, session: FakeSession | None = None, timeout: Seconds | None = None) -> Token:
        """Read a token: (type, output, stream, status, error)."""
        with self._turn(session, timeout, asked=True):
            if session is not None and session is not self._present():
                return DONE
            self._require_opened(asked=self._asked)
            if not self._connected:
                raise make("lost", "no connection open", lasting=True)
            if not self._answer:
                return DONE
            token = self._answer.popleft()
            if isinstance(token, BaseException):
                self._drop()
                if session is not None and isinstance(token, RemctlError):
                    session.failure = token
                    session.told(self._caller or threading.get_ident())
                    self.end(session)
                raise token
            if session is not None and token[0] == "error":
                session.refused = token
                session.told(self._caller or threading.get_ident())
            return token

    def simple(
        self,
        host: str | bytes,
        port: int,
        principal: str | bytes | None,
        command: list[Encoded],
        timeout: Seconds | None,
    ) -> tuple[bytes | None, bytes | None, int | None, int | None, str]:
        """open() and run(), with one timeout for both."""
        self.open(host, port, principal, timeout)
        return self.run(command, timeout)

    def run(
        self, command: list[Encoded], timeout: Seconds | None = None
    ) -> tuple[bytes | None, bytes | None, int | None, int | None, str]:
        """Send a command and read its answer: (stdout, stderr, status, error, error text)."""
        with self._turn(None, timeout):
            self._send(command)
            written: dict[int | None, bytes] = {}
            while (token := self.output())[0] == "output":
                written[token[2]] = written.get(token[2], b"") + (token[1] or b"")
            text = (token[1] or b"").decode("utf-8", "replace")
            return written.get(1), written.get(2), token[3], token[4], text

    def stream(self, command: list[Encoded], timeout: Seconds | None = None) -> FakeSession:
        """Send a command and reserve the connection for its answer."""
        with self._turn(None, timeout):
            if self._present() is not None:
                how = "the stream to its end, or close it,"
                raise make("misuse", _PENDING.format(how), may_have_run=False)
            self._send(command)
            session = FakeSession(self._caller or threading.get_ident(), self)
            self._session, self._session_id = ref(session), id(session)
            return session

    def noop(self, timeout: Seconds | None = None) -> bool:
        """Return True: it is answered."""
        with self._turn(None, timeout):
            self._require_idle()
            return True

    def leave(self, session: FakeSession) -> None:
        """End a stream. If it was not read to its end, the connection is dropped."""
        with self._changed:
            if self._present() is session:
                self._drop()
                self.end(session)

    def abandon(self, caller: int | None = None) -> None:
        """Drop the connection, if an answer is pending outside any stream."""
        with self._changed:
            if self._present() is None and self._answer:
                self._drop()

    def refusal(self, session: FakeSession, caller: int | None = None) -> Token | None:
        """Return the error token that ended the stream, if any; each caller gets it once."""
        if session.refused is None or session.told(caller or threading.get_ident()):
            return None
        return session.refused

    def cut(self, session: FakeSession) -> None:
        """End a stream that has lost a token: its other readers get an error."""
        with self._changed:
            if self._present() is session:
                text = "the stream was cut short: a call that read it was cancelled or interrupted"
                session.failure = make("lost", text, lasting=True)
                self.leave(session)

    def _drop(self) -> None:
        self._connected = False
        self._answer.clear()
