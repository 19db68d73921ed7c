"""Networks that fail: listeners that say nothing, black holes, a proxy, a mute KDC."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from remctl.testing import Realm, Server

from tests.support import tun
from tests.support.fake import LOOPBACK, FakeServer
from tests.support.network import has_ipv6
from tests.support.proxy import Proxy


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def family(request: pytest.FixtureRequest) -> socket.AddressFamily:
    """Each address family in turn, for `deaf`, `unread`, `full` and `proxy`."""
    chosen: socket.AddressFamily = request.param
    if chosen == socket.AF_INET6 and not has_ipv6():
        pytest.skip("no IPv6 here")
    return chosen


def _family(request: pytest.FixtureRequest) -> socket.AddressFamily:
    """The family of a test that asks for `family`, else IPv4."""
    if "family" in request.fixturenames:
        chosen: socket.AddressFamily = request.getfixturevalue("family")
        return chosen
    return socket.AF_INET


class DeafServer(FakeServer):
    """Accepts, reads everything and says nothing."""

    def serve(self, sock: socket.socket) -> None:
        while sock.recv(65536):
            pass


class UnreadServer(FakeServer):
    """Accepts, and neither reads nor writes: the client's data fill the kernel's buffers."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._end = threading.Event()
        super().__init__(family, receive_buffer=4096)

    def serve(self, sock: socket.socket) -> None:
        self._end.wait()

    def close(self) -> None:
        self._end.set()
        super().close()


@pytest.fixture
def deaf(request: pytest.FixtureRequest) -> Iterator[DeafServer]:
    """A listener that accepts, reads, and says nothing."""
    server = DeafServer(_family(request))
    yield server
    server.close()


@pytest.fixture
def unread(request: pytest.FixtureRequest) -> Iterator[UnreadServer]:
    """A listener that accepts and never reads."""
    server = UnreadServer(_family(request))
    yield server
    server.close()


@contextlib.contextmanager
def full_listener(host: str, port: int = 0) -> Iterator[tuple[str, int]]:
    """A listener at an address whose queue is full: a connection is never made."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        where = listener.getsockname()[:2]
        for _ in range(10):
            filler = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            filler.settimeout(0.05)
            try:
                filler.connect(where)
            except TimeoutError:
                break
        else:
            raise AssertionError("the queue of the listener does not fill up")
        yield where


@pytest.fixture
def full(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """The address and port of a listener that never accepts."""
    with full_listener(LOOPBACK[_family(request)]) as where:
        yield where


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An IPv4 address from which nothing ever comes back, not even an error."""
    if not tun.available():
        pytest.skip("a black hole takes root and /dev/net/tun")
    descriptor, name = tun.open_tun()
    net = tun.subnet(name)
    tun.ip("addr", "add", f"{net}.1/30", "dev", name)
    tun.ip("link", "set", name, "up")
    yield f"{net}.2"  # the packets lie in the interface's queue, which nobody reads
    os.close(descriptor)


@pytest.fixture
def proxy(request: pytest.FixtureRequest, server: Server) -> Iterator[Proxy]:
    """A proxy to the real server (whose principal must be given, but for `localhost`)."""
    with Proxy(("127.0.0.1", server.port), _family(request)) as proxy:
        yield proxy


class MuteKdc:
    """A KDC that reads every request and answers none.

    Attributes:
        env: the environment of a client that asks it. Its ticket cache holds a ticket for
            the realm, from the true KDC, and none for any service.
        asked: set when a request has come.
    """

    def __init__(self, realm: Realm, folder: Path) -> None:
        self.asked = threading.Event()
        self._tcp = socket.create_server(("127.0.0.1", 0))
        port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", port))
        config = folder / "krb5.conf"
        config.write_text(
            f"[libdefaults]\n"
            f" default_realm = {realm.name}\n"
            f" dns_lookup_kdc = false\n"
            f" dns_lookup_realm = false\n"
            f" dns_canonicalize_hostname = false\n"
            f" rdns = false\n"
            f"[realms]\n"
            f" {realm.name} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
        )
        ccache = realm.kinit(ccache=folder / "ccache")
        self.env = realm.env | {"KRB5_CONFIG": str(config), "KRB5CCNAME": ccache}
        self._accepted: list[socket.socket] = []
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._read_datagrams, self._read_streams)
        ]
        for thread in self._threads:
            thread.start()

    def _read_datagrams(self) -> None:
        while self._udp.recvfrom(65536)[0]:
            self.asked.set()

    def _read_streams(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._accepted.append(self._tcp.accept()[0])
                self.asked.set()

    def close(self) -> None:
        """Go away: clients that still wait get an error."""
        self._tcp.shutdown(socket.SHUT_RDWR)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._udp.getsockname())
        for thread in self._threads:
            thread.join()
        for sock in (self._tcp, self._udp, *self._accepted):
            sock.close()


@pytest.fixture
def mute_kdc(realm: Realm, tmp_path: Path) -> Iterator[MuteKdc]:
    """A KDC that never answers; the tests put `mute_kdc.env` into a client's environment."""
    kdc = MuteKdc(realm, tmp_path)
    yield kdc
    kdc.close()
