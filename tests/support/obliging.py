"""A server that does what a command tells it to, and keeps a record of what it was told."""

import contextlib
import socket
import struct
import threading
from enum import Enum

from remctl.testing import Realm

from tests.fix_hostile import Connection, HostileServer
from tests.support.fake import reset
from tests.support.tokens import Message, unpack_arguments


class Kind(Enum):
    """What the first word of a command asks for; the second comes back in the answer."""

    ANSWER = "answer"  # output, its own error output, and status 3
    QUIET = "quiet"  # status 0 and nothing else
    MANY = "many"  # two hundred tokens, all at once
    REFUSE = "refuse"  # error 5
    STALL = "stall"  # nothing at all
    HALF = "half"  # one token of output, then nothing
    HANG_UP = "hang up"  # the end of the connection
    RESET = "reset"
    CUT = "cut"  # one token of output and a part of the next, then the end
    EXTRA = "extra"  # an answer, and a token that nobody asked for
    PART = "part"  # an answer, and part of a token
    LAST = "last"  # an answer, then the end of the connection


class Manner(Enum):
    """How new connections are met."""

    SERVE = "serve"
    RESET = "reset"
    DEAF = "deaf"  # no word of a handshake


def output(stream: int, data: bytes) -> bytes:
    """A message with output."""
    return b"\2\3" + struct.pack("!BI", stream, len(data)) + data


def status(value: int) -> bytes:
    """A message with an exit status."""
    return bytes([2, Message.STATUS, value])


class ObligingServer(HostileServer):
    """See above.

    Attributes:
        manner: how new connections are met; may be set at any time.
        record: the second words of all commands that came, in order.
    """

    def __init__(self, realm: Realm) -> None:
        self.manner = Manner.SERVE
        self.record: list[bytes] = []
        self._idle = threading.Condition()
        self._serving: set[Connection] = set()
        super().__init__(realm, self.oblige, handshake=self.meet)

    def meet(self, connection: Connection) -> None:
        """Shake hands, or do as `manner` says."""
        if self.manner is Manner.RESET:
            reset(connection.sock)
            raise EOFError
        if self.manner is Manner.DEAF:
            connection.wait_closed()
            raise EOFError
        # Before the client hears of it: it may have us hang up at once.
        with self._idle:
            self._serving.add(connection)
        try:
            connection.accept()
        except BaseException:
            self._forget(connection)
            raise

    def _forget(self, connection: Connection) -> None:
        with self._idle:
            self._serving.discard(connection)
            connection.sock.close()
            self._idle.notify_all()

    def oblige(self, connection: Connection) -> None:
        """Do what one command after another says."""
        try:
            while self.take_one(connection):
                pass
        finally:
            self._forget(connection)

    def take_one(self, connection: Connection) -> bool:
        """Read a message and do what it says; whether to go on."""
        version, kind, rest = connection.recv_message()
        if kind == Message.NOOP:
            assert version == 3
            connection.send_noop()
            return True
        if kind == Message.QUIT:
            return False
        assert kind == Message.COMMAND
        parts = rest[2:]
        while rest[1] not in (0, 3):
            _, kind, rest = connection.recv_message()
            assert kind == Message.COMMAND
            parts += rest[2:]
        word, nonce, *_ = unpack_arguments(parts)
        with self._idle:
            self.record.append(nonce)
            self._idle.notify_all()
        return self.answer(connection, Kind(word.decode()), nonce)

    def answer(self, connection: Connection, kind: Kind, nonce: bytes) -> bool:
        """Answer as the kind says; whether the connection goes on."""
        first = output(1, nonce)
        match kind:
            case Kind.REFUSE:
                connection.send_error(5, b"unknown " + nonce)
                return True
            case Kind.STALL:
                connection.wait_closed()
            case Kind.HALF:
                connection.send_raw(connection.wrap(first))
                connection.wait_closed()
            case Kind.HANG_UP:
                pass
            case Kind.RESET:
                connection.reset()
            case Kind.CUT:
                whole, rest = connection.wrap(first), connection.wrap(first)
                connection.send_raw(whole + rest[: len(rest) // 2])
            case _:
                messages = {
                    Kind.ANSWER: [first, output(2, b"err " + nonce), status(3)],
                    Kind.QUIET: [status(0)],
                    Kind.MANY: [first, *[output(1, b"x")] * 199, status(3)],
                    Kind.EXTRA: [first, status(3), output(1, b"unasked")],
                }.get(kind, [first, status(3)])
                answer = b"".join(map(connection.wrap, messages))
                connection.send_raw(answer + (b"\x44\0\0" if kind is Kind.PART else b""))
                return kind is not Kind.LAST
        return False

    def hang_up(self) -> None:
        """End every connection, and wait until that is done."""
        with self._idle:
            for connection in self._serving:
                with contextlib.suppress(OSError):  # its client has gone already
                    connection.sock.shutdown(socket.SHUT_RDWR)
        self.wait_for_end()

    def wait_for_end(self) -> None:
        """Wait until every connection has ended."""
        with self._idle:
            assert self._idle.wait_for(lambda: not self._serving, 20), "the server hangs"

    def wait_for(self, nonce: bytes) -> None:
        """Wait until a command has come."""
        with self._idle:
            assert self._idle.wait_for(lambda: nonce in self.record, 20), f"no {nonce!r}"
