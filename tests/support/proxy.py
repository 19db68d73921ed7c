"""A TCP proxy whose traffic a test can stop, cut and count."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.fake import LOOPBACK, reset

UP, DOWN = "up", "down"  # from the client to the server, and back


@dataclass(eq=False)
class Direction:
    """Bytes on their way from one socket to another."""

    name: str
    source: socket.socket
    target: socket.socket
    waiting: bytearray = field(default_factory=bytearray)
    ended: bool = False  # the source has sent all it will
    finished: bool = False  # and the target knows


class Proxy:
    """Carries connections to a server, in a thread that owns every socket.

    Attributes:
        host, port: where it listens; `host` is an address.
        connections: how many connections it has carried.
        count: how many bytes it has passed on, in each direction (`"up"`, `"down"`).
    """

    def __init__(
        self, target: tuple[str, int], family: socket.AddressFamily = socket.AF_INET
    ) -> None:
        self.target = target
        self.host = LOOPBACK[family]
        self.connections = 0
        self.count = {UP: 0, DOWN: 0}
        self._paused = False
        self._limits: dict[str, tuple[int, Callable[[], None]]] = {}
        self._open: list[Direction] = []
        self._orders: list[tuple[Callable[[], None], threading.Event]] = []
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server((self.host, 0), family=family)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._waker, self._woken = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Pass nothing on and accept nothing until `resume`; connections stay open."""
        self._order(lambda: self._set_paused(True))

    def resume(self) -> None:
        """Go on after `pause`."""
        self._order(lambda: self._set_paused(False))

    def cut(self) -> None:
        """End every connection in good order, in both directions: both ends get a FIN."""
        self._order(lambda: self._hang_up(socket.socket.close))

    def reset(self) -> None:
        """End every connection with a reset, in both directions."""
        self._order(lambda: self._hang_up(reset))

    def after(self, count: int, direction: str, what: Callable[["Proxy"], None]) -> None:
        """Do `what` when so many bytes more have passed in one direction, and not one more.

        `what` is one of `Proxy.pause`, `Proxy.cut` and `Proxy.reset`.
        """

        def limit() -> None:
            self._limits[direction] = (
                self.count[direction] + count,
                lambda: what(self),
            )

        self._order(limit)

    def close(self) -> None:
        """End every connection and the proxy. Harmless the second time."""
        if self._thread.is_alive():
            self._order(self._stop)
            self._thread.join()
        # Not in the thread: it may have seen the order before it was woken for it.
        self._waker.close()

    # What follows runs in the thread.

    def _order(self, order: Callable[[], None]) -> None:
        if threading.current_thread() is self._thread:
            order()
            return
        done = threading.Event()
        self._orders.append((order, done))
        self._waker.send(b"!")
        assert done.wait(10), "the proxy hangs"

    def _run(self) -> None:
        while self._running:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    self._woken.recv(4096)
                elif key.fileobj is self._listener:
                    self._accept()
            while self._orders:
                order, done = self._orders.pop(0)
                order()
                done.set()
            if not self._paused and self._running:
                for direction in list(self._open):
                    if direction in self._open:
                        self._move(direction)
                self._watch()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            client, _ = self._listener.accept()
            server = socket.create_connection(self.target)
            for sock in (client, server):
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._open += [
                Direction(UP, client, server),
                Direction(DOWN, server, client),
            ]

    def _move(self, direction: Direction) -> None:
        """Read what there is and pass it on, as far as both ends and the limit allow."""
        name = direction.name
        try:
            if not direction.waiting and not direction.ended:
                with contextlib.suppress(BlockingIOError):
                    data = direction.source.recv(1 << 18)
                    direction.ended = not data
                    direction.waiting += data
            limit, then = self._limits.get(name, (None, lambda: None))
            room = len(direction.waiting) if limit is None else limit - self.count[name]
            if direction.waiting[:room]:
                with contextlib.suppress(BlockingIOError):
                    sent = direction.target.send(direction.waiting[:room])
                    del direction.waiting[:sent]
                    self.count[name] += sent
            if self.count[name] == limit:
                del self._limits[name]
                then()
            elif direction.ended and not direction.waiting and not direction.finished:
                direction.finished = True
                direction.target.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(direction, reset)
            return
        pair = self._pair(direction)
        if pair and all(one.finished for one in pair):
            self._drop(direction, socket.socket.close)

    def _pair(self, direction: Direction) -> list[Direction]:
        ends = {direction.source, direction.target}
        return [one for one in self._open if one.source in ends]

    def _drop(self, direction: Direction, end: Callable[[socket.socket], None]) -> None:
        for one in self._pair(direction):
            self._open.remove(one)
            with contextlib.suppress(KeyError):
                self._selector.unregister(one.source)
            end(one.source)

    def _watch(self) -> None:
        """Have the selector wait for what can be done next."""
        events = {one.source: 0 for one in self._open}
        for one in self._open:
            if one.waiting:
                events[one.target] |= selectors.EVENT_WRITE
            elif not one.ended:
                events[one.source] |= selectors.EVENT_READ
        for sock, mask in events.items():
            self._register(sock, mask)

    def _register(self, sock: socket.socket, mask: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(sock)
        if mask:
            self._selector.register(sock, mask)

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        self._register(self._listener, 0 if paused else selectors.EVENT_READ)
        if paused:
            for one in self._open:
                self._register(one.source, 0)

    def _hang_up(self, end: Callable[[socket.socket], None]) -> None:
        while self._open:
            self._drop(self._open[0], end)

    def _stop(self) -> None:
        self._running = False
        self._hang_up(socket.socket.close)
        for sock in (self._listener, self._woken):
            sock.close()
        self._selector.close()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
