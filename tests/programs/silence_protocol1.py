"""A server of protocol 1 that falls silent, for `tests.programs.silence`.

libremctl itself connects to such servers, and waits for them.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from remctl.testing import Realm

from tests.fix_protocol1 import Protocol1Server
from tests.programs.silence_ground import Ground, Kind, Place


class SilentProtocol1(Protocol1Server):
    """See above.

    Attributes:
        mute_from: the number of the first connection that is accepted and no more.
        goes_on: set to answer commands that are to wait.
    """

    def __init__(self, realm: Realm) -> None:
        self.mute_from = sys.maxsize
        self.goes_on = threading.Event()
        super().__init__(realm, self._answer)

    def _answer(self, command: list[bytes]) -> tuple[bytes, int]:
        if command[0] == Kind.STALL.value.encode():
            self.goes_on.wait()
        return b"", 0

    def serve(self, sock: socket.socket) -> None:
        """See `FakeServer`."""
        if self.connections >= self.mute_from:
            while sock.recv(65536):
                pass
            return
        super().serve(sock)

    def arrived(self) -> list[bytes]:
        """The second words of all commands that have come."""
        return [command[1] for command in self.commands]


@contextmanager
def _place(ground: Ground) -> Iterator[tuple[SilentProtocol1, Place]]:
    server = SilentProtocol1(ground.realm)
    place = ground.place(Kind.STALL)
    place.host, place.port, place.arrived = server.host, server.port, server.arrived
    try:
        yield server, place
    finally:
        server.goes_on.set()
        server.close()


@contextmanager
def second_connection(ground: Ground) -> Iterator[tuple[Place, AbstractContextManager[object]]]:
    """libremctl's own connection, which follows the one that has shown the protocol."""

    @contextmanager
    def silence() -> Iterator[None]:
        server.mute_from = server.connections + 2
        yield

    with _place(ground) as (server, place):
        yield place, silence()


@contextmanager
def before_the_answer(ground: Ground) -> Iterator[tuple[Place, AbstractContextManager[object]]]:
    """A command has come, and is not answered."""
    with _place(ground) as (_, place):
        yield place, nullcontext()
