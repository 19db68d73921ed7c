"""A server that shakes hands properly and then does whatever a test wants."""

import socket
import struct
import time
from collections.abc import Callable, Iterator

import gssapi
import pytest
from remctl.testing import Realm

from tests.support import fake
from tests.support.fake import FakeServer
from tests.support.gss import accept_context
from tests.support.tokens import Flag, Message, receive_token, token, unpack_arguments


class Connection:
    """One connection, in the hands of a test's script."""

    def __init__(self, sock: socket.socket, realm: Realm) -> None:
        self.sock = sock
        self.realm = realm
        self.context: gssapi.SecurityContext | None = None

    def accept(self, protocol: Flag = Flag.PROTOCOL) -> None:
        """Shake hands as a true server does (with `Flag(0)`: one of protocol 1)."""
        self.context = accept_context(self.sock, self.realm, protocol)

    def recv_message(self) -> tuple[int, int, bytes]:
        """The next message: its protocol version, its type and the rest of it."""
        assert self.context is not None
        flags, data = receive_token(self.sock)
        assert flags == Flag.DATA | Flag.PROTOCOL, flags
        plain = self.context.unwrap(data).message
        return plain[0], plain[1], plain[2:]

    def recv_command(self) -> list[bytes]:
        """The next command, put together if it comes in parts."""
        parts = b""
        while True:
            _, kind, rest = self.recv_message()
            if kind == Message.QUIT:
                raise EOFError("the client said goodbye")
            assert kind == Message.COMMAND, kind
            parts += rest[2:]
            if rest[1] in (0, 3):  # not continued, or the last part
                return unpack_arguments(parts)

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def send_slowly(self, data: bytes, chunk: int, interval: float) -> None:
        """Send bytes in pieces of `chunk` bytes, `interval` seconds apart."""
        for start in range(0, len(data), chunk):
            if start:
                time.sleep(interval)
            self.sock.sendall(data[start : start + chunk])

    def wrap(self, plain: bytes, flags: int = Flag.DATA | Flag.PROTOCOL) -> bytes:
        """A token with `plain` encrypted in it, as it travels."""
        assert self.context is not None
        return token(flags, self.context.wrap(plain, encrypt=True).message)

    def send_token(self, flags: int, plain: bytes) -> None:
        """Send a token with `plain` encrypted in it."""
        self.send_raw(self.wrap(plain, flags))

    def send_message(self, kind: int, rest: bytes = b"", version: int = 2) -> None:
        """Send a message of protocol 2."""
        self.send_raw(self.wrap(bytes([version, kind]) + rest))

    def send_output(self, stream: int, data: bytes) -> None:
        """Send output of a command."""
        self.send_message(Message.OUTPUT, struct.pack("!BI", stream, len(data)) + data)

    def send_status(self, status: int) -> None:
        """Send the exit status of a command."""
        self.send_message(Message.STATUS, bytes([status]))

    def send_error(self, code: int, text: bytes) -> None:
        """Send an error instead of output or a status."""
        self.send_message(Message.ERROR, struct.pack("!II", code, len(text)) + text)

    def send_version(self, version: int) -> None:
        """Say that `version` is the highest protocol that this server speaks."""
        self.send_message(Message.VERSION, bytes([version]))

    def send_noop(self) -> None:
        """Answer a noop."""
        self.send_message(Message.NOOP, version=3)

    def wait_closed(self) -> None:
        """Read what the client sends, and throw it away, until it hangs up."""
        while self.sock.recv(65536):
            pass

    def close(self) -> None:
        """Hang up in good order: the client reads an end of file."""
        self.sock.close()

    def reset(self) -> None:
        """Hang up with a reset."""
        fake.reset(self.sock)


Script = Callable[[Connection], None]


class HostileServer(FakeServer):
    """Runs a script on every connection; the connection is closed when the script returns.

    `handshake` takes the place of `Connection.accept`. `receive_buffer` is the size of the
    kernel's buffer in bytes, to be full the sooner.
    """

    def __init__(
        self,
        realm: Realm,
        script: Script,
        handshake: Script = Connection.accept,
        receive_buffer: int = 0,
    ) -> None:
        self.realm = realm
        self.script = script
        self.handshake = handshake
        self.principal = f"host/localhost@{realm.name}"
        super().__init__(receive_buffer=receive_buffer)

    def serve(self, sock: socket.socket) -> None:
        connection = Connection(sock, self.realm)
        self.handshake(connection)
        self.script(connection)


MakeHostile = Callable[..., HostileServer]


@pytest.fixture
def hostile(realm: Realm) -> Iterator[MakeHostile]:
    """A function that makes hostile servers; its arguments are `HostileServer`'s, but `realm`."""
    servers: list[HostileServer] = []

    def make(script: Script, **options: object) -> HostileServer:
        servers.append(HostileServer(realm, script, **options))  # type: ignore[arg-type]
        return servers[-1]

    yield make
    for server in servers:
        server.close()
