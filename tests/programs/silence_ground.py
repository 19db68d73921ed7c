"""What `tests.programs.silence` stands on: a realm, tickets, names, and a server to fall silent."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import select
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remctl import Remctl, RemctlError, remctl
from remctl.testing import Realm

from tests.fix_hostile import Connection
from tests.support import hosts
from tests.support.obliging import Kind, Manner, ObligingServer
from tests.support.tokens import Flag, receive_token, token

#: The names that `/etc/hosts` has at first, and DNS is asked for when they are not there.
HOST, KDC = "host.silent.test", "kdc.silent.test"

#: Where no name server answers.
NAME_SERVER = "127.0.0.153"

#: The first letters of the second word of a command, for answers that no `Kind` is.
DRIPS, PIECE = b"drips", b"piece"


class _Connection(Connection):
    server: FallingSilent

    def recv_message(self) -> tuple[int, int, bytes]:
        message = super().recv_message()
        self.server.reading.wait()
        return message

    def send_noop(self) -> None:
        answer = self.wrap(b"\3\7")
        length = {Kind.ANSWER: len(answer), Kind.HALF: len(answer) // 2}
        self.send_raw(answer[: length.get(self.server.noops, 0)])
        if self.server.noops is not Kind.ANSWER:
            self.wait_closed()


class FallingSilent(ObligingServer):
    """An `ObligingServer` with more ways to say nothing.

    Attributes:
        noops: how a noop is answered: not at all (`STALL`), with `HALF` of a token, or as is right.
        half_a_handshake: whether new connections get half of the server's token.
        reading: cleared while nothing is read beyond the token that comes next.
    """

    def __init__(self, realm: Realm) -> None:
        self.noops = Kind.ANSWER
        self.half_a_handshake = False
        self.reading = threading.Event()
        self.reading.set()
        super().__init__(realm)

    def serve(self, sock: socket.socket) -> None:
        """See `FakeServer`."""
        connection = _Connection(sock, self.realm)
        connection.server = self
        self.meet(connection)
        self.oblige(connection)

    def meet(self, connection: Connection) -> None:
        """See `ObligingServer`."""
        if self.half_a_handshake:
            for _ in range(2):
                receive_token(connection.sock)
            connection.send_raw(token(Flag.CONTEXT | Flag.PROTOCOL, bytes(200))[:100])
            connection.wait_closed()
            raise EOFError
        super().meet(connection)

    def answer(self, connection: Connection, kind: Kind, nonce: bytes) -> bool:
        """See `ObligingServer`."""
        if nonce.startswith(DRIPS):
            while not select.select([connection.sock], [], [], 0.1)[0]:
                connection.send_output(1, b".")
            return False
        if nonce.startswith(PIECE):
            connection.send_output(1, nonce)
            answer = connection.wrap(b"\2\4\0")
            connection.send_raw(answer[: len(answer) // 2])
            connection.wait_closed()
        return super().answer(connection, kind, nonce)


@dataclass
class Place:
    """What one call is made on.

    Attributes:
        command: what the verbs send.
        arrived: the second words of all commands that have come to the server.
        tokens: how many tokens of its answer come.
        tickets: `ccache=` or `keytab=` of what is made.
    """

    host: str
    port: int
    principal: str
    command: list[bytes]
    arrived: Callable[[], list[bytes]]
    tokens: int = 0
    tickets: dict[str, Any] = field(default_factory=dict)


@dataclass
class Ground:
    """What all calls are made on.

    Attributes:
        named: the file that is `/etc/hosts`, where it is our own: DNS can fall silent then.
    """

    realm: Realm
    server: FallingSilent
    folder: Path
    named: Path | None
    tickets: dict[bool, bytes] = field(default_factory=dict)  # with one for the server, or without
    keytab: Path = Path()
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def place(self, kind: Kind = Kind.ANSWER, prefix: bytes = b"", *more: bytes) -> Place:
        """The server, and a command that no other place has."""
        nonce = prefix + b"%d" % next(self.numbers)
        command = [kind.value.encode(), nonce, *more]
        server = self.server
        return Place(server.host, server.port, server.principal, command, lambda: server.record)

    def cache(self, *, whole: bool) -> Path:
        """A new cache, with a ticket for the server or without."""
        cache = self.folder / f"cache{next(self.numbers)}"
        cache.write_bytes(self.tickets[whole])
        return cache

    def new_keytab(self) -> Path:
        """A keytab that no Credentials of this process know."""
        return Path(shutil.copy(self.keytab, self.folder / f"keytab{next(self.numbers)}"))

    def ran(self, place: Place) -> bool:
        """Whether the command has come to the server."""
        return place.command[1] in place.arrived()

    @contextlib.contextmanager
    def configured(self, pattern: str, text: str) -> Iterator[None]:
        """Another krb5.conf meanwhile."""
        before = os.environ["KRB5_CONFIG"]
        changed, count = re.subn(pattern, text, Path(before).read_text())
        assert count, pattern
        file = self.folder / "krb5.conf"
        file.write_text(changed)
        os.environ["KRB5_CONFIG"] = str(file)
        try:
            yield
        finally:
            os.environ["KRB5_CONFIG"] = before

    @contextlib.contextmanager
    def forgotten(self) -> Iterator[None]:
        """Only DNS has the names, and it does not answer."""
        assert self.named is not None
        before = self.named.read_text()
        self.named.write_text("127.0.0.1 localhost\n")
        try:
            yield
        finally:
            self.named.write_text(before)

    @contextlib.contextmanager
    def server_is(self, **state: Any) -> Iterator[None]:
        """Attributes of the server are different meanwhile."""
        before = {name: getattr(self.server, name) for name in state}
        for name, value in state.items():
            setattr(self.server, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(self.server, name, value)

    @contextlib.contextmanager
    def server_reads_nothing(self) -> Iterator[None]:
        """Beyond one token."""
        self.server.reading.clear()
        try:
            yield
        finally:
            self.server.reading.set()


def launcher(folder: Path) -> list[str]:
    """The words to put before a command for which DNS is silent."""
    (folder / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
    mounts = "".join(
        f'mount --bind "{folder}/{name}" "$(readlink -f /etc/{name})" && '
        for name in ("resolv.conf", "nsswitch.conf")
    )
    names = {name: ["127.0.0.1"] for name in ("localhost", HOST, KDC)}
    return [*hosts.launcher(folder, names), "sh", "-c", mounts + 'exec "$@"', "sh"]


def make_what_stays() -> None:
    """Make what this process makes once and keeps, which is not a leak of the call after which it
    is found: the descriptor that a thread's waits are ended by, and what all uvloop's loops have.
    """
    with contextlib.suppress(RemctlError):
        Remctl()._connection.output()
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.new_event_loop().close()


@contextlib.contextmanager
def grounds(realm: Realm, named: Path | None = None) -> Iterator[Ground]:
    """All of it, in a realm whose variables are in the environment."""
    make_what_stays()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="remctl-silence-")))
        if named is not None:
            mute = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            mute.bind((NAME_SERVER, 53))
        server = FallingSilent(realm)
        stack.callback(server.close)
        ground = Ground(realm, server, folder, named)
        cache = folder / "cache"
        realm.kinit(ccache=cache)
        ground.tickets[False] = cache.read_bytes()
        place = ground.place()
        remctl(place.host, place.port, place.principal, place.command, ccache=cache)
        ground.tickets[True] = cache.read_bytes()
        client = f"silence{os.getpid()}"
        realm.add_principal(client, "secret")
        ground.keytab = realm.make_keytab(client)
        yield ground


__all__ = ["DRIPS", "HOST", "KDC", "PIECE", "FallingSilent", "Ground", "Kind", "Manner", "Place"]
