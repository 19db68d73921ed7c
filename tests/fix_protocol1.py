"""A server that speaks only protocol 1 of remctl, as servers did before 2006."""

import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from remctl.testing import Realm

from tests.support.fake import FakeServer
from tests.support.gss import accept_context
from tests.support.tokens import Flag, receive_token, token, unpack_arguments

Answer = Callable[[list[bytes]], tuple[bytes, int]]


def echo(command: list[bytes]) -> tuple[bytes, int]:
    """The command's words joined by spaces, and status 0."""
    return b" ".join(command) + b"\n", 0


class Protocol1Server(FakeServer):
    """One command to a connection, its output and exit status in one answer.

    Attributes:
        answer: a function from the command to its output and status; may be set at any time.
        commands: the commands received so far.
        principal: who the server is.
    """

    def __init__(self, realm: Realm, answer: Answer = echo) -> None:
        self.realm = realm
        self.answer = answer
        self.commands: list[list[bytes]] = []
        self.principal = f"host/localhost@{realm.name}"
        super().__init__()

    def serve(self, sock: socket.socket) -> None:
        context = accept_context(sock, self.realm, Flag(0))
        flags, data = receive_token(sock)
        assert flags == Flag.DATA | Flag.SEND_MIC, flags
        plain = context.unwrap(data).message
        sock.sendall(token(Flag.MIC, context.get_signature(plain)))
        command = unpack_arguments(plain)
        self.commands.append(command)
        output, status = self.answer(command)
        result = struct.pack("!iI", status, len(output)) + output
        sock.sendall(token(Flag.DATA, context.wrap(result, encrypt=True).message))


@pytest.fixture
def protocol1(realm: Realm) -> Iterator[Protocol1Server]:
    """A protocol-1 server; set `protocol1.answer` for other answers than an echo."""
    server = Protocol1Server(realm)
    yield server
    server.close()
