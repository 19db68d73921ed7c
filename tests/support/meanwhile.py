"""A relay to a server that does something in the middle of an authentication."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable

from remctl.testing import Server


class Relay:
    """A way to a server, which does something in the middle of the first authentication."""

    def __init__(self, server: Server, meanwhile: Callable[[], object]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._server = server
        self._meanwhile = meanwhile
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> "Relay":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was shut down
            while True:
                near, _ = self._listener.accept()
                thread = threading.Thread(target=self._carry, args=(near, len(self._threads) == 1))
                self._threads.append(thread)
                thread.start()

    def _carry(self, near: socket.socket, first: bool) -> None:
        with near, socket.create_connection((self._server.host, self._server.port)) as far:
            if first:
                token = b""
                while len(token) < 200:  # beyond the first one, which is empty
                    token += near.recv(65536)
                self._meanwhile()
                far.sendall(token)
            while True:
                ready, _, _ = select.select([near, far], [], [])
                for sock in ready:
                    data = sock.recv(65536)
                    if not data:
                        return
                    (far if sock is near else near).sendall(data)
