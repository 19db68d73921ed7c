"""A TCP server in threads, the base of every server that the tests make up."""

import contextlib
import socket
import struct
import threading

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def reset(sock: socket.socket) -> None:
    """Close a TCP socket so that the other end gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class FakeServer:
    """Accepts connections on a free port of the loopback interface, each in a thread.

    A derived class gives `serve`. What it raises is kept and raised again when the server is
    closed; but for OSError and EOFError, which say only that the client has gone away.

    Attributes:
        host, port: where it listens; `host` is an address.
        connections: how many connections it has accepted.
    """

    def __init__(
        self, family: socket.AddressFamily = socket.AF_INET, receive_buffer: int = 0
    ) -> None:
        self.host = LOOPBACK[family]
        self.connections = 0
        self._errors: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closing = False
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((self.host, 0))
        self._listener.listen(128)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def serve(self, sock: socket.socket) -> None:
        """Serve one connection; it is closed when this returns."""
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._closing:
                    sock.close()
                    return
                self.connections += 1
                self._open.add(sock)
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            self.serve(sock)
        except (OSError, EOFError):
            pass
        except BaseException as error:
            self._errors.append(error)
        finally:
            with self._lock:
                self._open.discard(sock)
                sock.close()

    def close(self) -> None:
        """Hang up on everybody; raise what went wrong in `serve`."""
        with self._lock:
            self._closing = True
            for sock in (self._listener, *self._open):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a thread of a made-up server hangs"
        self._listener.close()
        if self._errors:
            raise self._errors[0]

    def __enter__(self) -> "FakeServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
