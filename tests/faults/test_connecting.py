"""Ways to the server: addresses, families, ports, and sockets of the caller's."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from remctl import Remctl, RemctlError, RemctlTimeoutError, remctl
from remctl.testing import Realm, Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_network import DeafServer, full_listener
from tests.fix_realm import ENVIRONMENT, PROGRAMS
from tests.fix_wan import FarServer
from tests.support import hosts
from tests.support.network import has_ipv6
from tests.support.proxy import Proxy
from tests.support.traces import descriptors, nothing_left


class TestAddresses:
    @pytest.fixture
    def with_names(self, tmp_path: Path) -> list[str]:
        """The words before a command for which `many.test` has addresses that do not answer."""
        if not hosts.available():
            pytest.skip("host names of our own take root")
        return hosts.launcher(
            tmp_path,
            {
                # The system sorts them: the nearest to our own address come first.
                "many.test": ["127.0.0.2", "127.0.0.3", "127.0.0.77"],
                "refuses.test": ["127.0.0.7", "127.0.0.8", "127.0.0.1"],
                "nobody.test": ["127.0.0.7", "127.0.0.8"],
                "localhost": ["127.0.0.1"],
            },
        )

    def run(self, with_names: list[str], code: str) -> str:
        lines = ["import time", "from remctl import *", "start = time.monotonic()", code]
        result = subprocess.run(
            [*with_names, sys.executable, "-c", "\n".join(lines)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.stderr == ""
        return result.stdout

    def test_staggered(self, with_names: list[str], realm: Realm) -> None:
        """The third address is tried half a second after the first, not after its timeout."""
        with (
            realm.server({"test": PROGRAMS}, addresses=["127.0.0.77"], env=ENVIRONMENT) as server,
            full_listener("127.0.0.2", server.port),
            full_listener("127.0.0.3", server.port),
        ):
            said = self.run(
                with_names,
                f"r = remctl('many.test', {server.port}, 'host/localhost', ['test', 'hello'])\n"
                "print(r.stdout, time.monotonic() - start)",
            )
        output, taken = said.rsplit(" ", 1)
        assert output == "b'hello world\\n'"
        assert 0.5 <= float(taken) < 1.0

    def test_refused_ones_cost_nothing(self, with_names: list[str], server: Server) -> None:
        said = self.run(
            with_names,
            f"r = remctl('refuses.test', {server.port}, 'host/localhost', ['test', 'hello'])\n"
            "print(time.monotonic() - start)",
        )
        assert float(said) < 0.4

    def test_when_none_answers(self, with_names: list[str]) -> None:
        said = self.run(
            with_names,
            "try:\n    Remctl('nobody.test', 4999)\nexcept RemctlError as error:\n    print(error)",
        )
        assert said == "cannot connect to nobody.test (port 4999): Connection refused\n"

    def test_unknown_host(self, with_names: list[str]) -> None:
        said = self.run(
            with_names,
            "try:\n    Remctl('unknown.test')\nexcept RemctlError as error:\n    print(error)",
        )
        assert re.fullmatch(r"unknown host unknown\.test: .+\n", said)

    def test_the_name_is_looked_up_once(self, with_names: list[str], tmp_path: Path) -> None:
        """For both of the standard ports."""
        if shutil.which("strace") is None:
            pytest.skip("it takes strace")
        opened = tmp_path / "opened"
        said = self.run(
            [*with_names, "strace", "-f", "-e", "trace=openat", "-o", str(opened)],
            "try:\n    Remctl('nobody.test')\nexcept RemctlError as error:\n    print(error)",
        )
        assert said == "cannot connect to nobody.test (port 4373): Connection refused\n"
        assert opened.read_text().count('"/etc/hosts"') == 1

    def test_the_standard_ports(self) -> None:
        """Without a port it is 4373 and then 4444; the error is that of the first."""
        with pytest.raises(RemctlError) as caught:
            Remctl("127.0.0.9")
        assert str(caught.value) == "cannot connect to 127.0.0.9 (port 4373): Connection refused"

    def test_the_old_port_is_a_second_chance(self, server: Server) -> None:
        with socket.create_server(("127.0.0.9", 4444)) as listener:
            accepted = threading.Thread(target=lambda: listener.accept()[0].close())
            accepted.start()
            with pytest.raises(RemctlError, match="unexpected end of file"):
                Remctl("127.0.0.9", principal=server.principal)
            accepted.join()

    def test_a_server_that_the_kdc_does_not_know(self, server: Server) -> None:
        """Nothing is sent to it; the error is the Kerberos library's."""
        for _ in range(2):
            with pytest.raises(RemctlError, match=r"GSS-API error.*not found in Kerberos database"):
                Remctl("localhost", server.port, "host/nobody")

    def test_without_a_ticket(self, server: Server, tmp_path: Path) -> None:
        client = Remctl()
        client.set_ccache(tmp_path / "none")
        with pytest.raises(RemctlError, match=r"GSS-API error.*[Nn]o credentials"):
            client.open("localhost", server.port)
        with pytest.raises(RemctlError, match="GSS-API error"):
            remctl("localhost", server.port, None, ["test"], ccache=tmp_path / "none")

    def test_both_families(self, own_server: Server) -> None:
        for host in ["127.0.0.1", *(["::1"] if has_ipv6() else [])]:
            with Remctl(host, own_server.port) as client:
                assert client.run(["test", "hello"]).status == 0


class TestSource:
    def test_it_is_where_the_connection_comes_from(self, hostile: MakeHostile) -> None:
        peers: list[str] = []

        def script(connection: Connection) -> None:
            peers.append(connection.sock.getpeername()[0])
            connection.recv_command()
            connection.send_status(0)

        server = hostile(script)
        for source in ("127.0.0.11", "127.0.0.12"):
            with Remctl() as client:
                client.set_source_ip(source)
                client.open(server.host, server.port, server.principal)
                client.run(["test"])
            remctl(server.host, server.port, server.principal, ["test"], source_ip=source)
        assert peers == ["127.0.0.11"] * 2 + ["127.0.0.12"] * 2

    def test_it_restricts_the_family(self, server: Server) -> None:
        client = Remctl()
        client.set_source_ip("::1")
        with pytest.raises(RemctlError) as caught:
            client.open("127.0.0.1", server.port)
        assert str(caught.value) == (
            f"cannot connect to 127.0.0.1 (port {server.port}): "
            "no address in the family of the source address ::1"
        )

    def test_an_address_of_another_machine(self, server: Server) -> None:
        client = Remctl()
        client.set_source_ip("192.0.2.1")
        with pytest.raises(RemctlError) as caught:
            client.open("127.0.0.1", server.port)
        assert str(caught.value) == (
            f"cannot connect to 127.0.0.1 (port {server.port}): Cannot assign requested address"
        )

    @pytest.mark.parametrize("source", ["", "localhost", "127.0.0.256"])
    def test_what_is_no_address(self, source: str) -> None:
        with pytest.raises(ValueError, match="source"):
            Remctl().set_source_ip(source)


class TestOpenSocket:
    @pytest.fixture
    def tcp(self, server: Server) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            yield sock

    @pytest.fixture
    def unix(self, server: Server) -> Iterator[socket.socket]:
        """A UNIX socket, the end of a tunnel to the server."""
        ours, theirs = socket.socketpair()
        far = socket.create_connection(("127.0.0.1", server.port))

        def carry(source: socket.socket, target: socket.socket) -> None:
            try:
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        threads = [
            threading.Thread(target=carry, args=ends) for ends in ((theirs, far), (far, theirs))
        ]
        for thread in threads:
            thread.start()
        with ours:
            yield ours
        with contextlib.suppress(OSError):  # the server may have hung up
            far.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
        theirs.close()
        far.close()

    @pytest.fixture(params=["tcp", "unix"])
    def sock(self, request: pytest.FixtureRequest) -> socket.socket:
        chosen: socket.socket = request.getfixturevalue(request.param)
        return chosen

    def test_everything_works_over_it(self, server: Server, sock: socket.socket) -> None:
        client = Remctl()
        client.set_timeout(10)
        client.open_socket(sock, "localhost")
        assert client.opened
        assert client.run(["test", "hello"]).stdout == b"hello world\n"
        assert client.noop()
        assert len(client.run(["test", "bytes", "3000000"]).stdout or b"") == 3_000_000
        assert client.run([b"test", b"stdin", bytes(1_000_000)]).status == 0
        client.set_timeout(0.2)
        with pytest.raises(RemctlTimeoutError, match="error receiving token: timed out"):
            client.run(["test", "sleep", "20"])

    def test_a_principal_instead_of_a_host(self, server: Server, sock: socket.socket) -> None:
        client = Remctl()
        client.open_socket(sock, principal=server.principal)
        assert client.run(["test", "hello"]).status == 0
        client.close()

    def test_whose_it_is(self, server: Server, sock: socket.socket) -> None:
        """The caller's, who closes it when it likes; a duplicate is used."""
        client = Remctl()
        client.open_socket(sock, "localhost")
        number = sock.fileno()
        assert client.fileno() != number
        sock.close()
        assert client.run(["test", "hello"]).status == 0
        client.close()

    def test_it_stays_open_after_the_object_is_closed(
        self, server: Server, sock: socket.socket
    ) -> None:
        client = Remctl()
        client.open_socket(sock, "localhost")
        client.close()
        assert os.fstat(sock.fileno())
        assert sock.recv(1) == b""  # the connection has ended

    def test_it_is_not_left_open_when_it_fails(self, deaf: DeafServer) -> None:
        with nothing_left():
            sock = socket.create_connection((deaf.host, deaf.port))
            client = Remctl()
            client.set_timeout(0.1)
            with pytest.raises(RemctlTimeoutError):
                client.open_socket(sock, "localhost")
            assert not client.opened
            sock.close()

    def test_a_lost_connection_is_not_made_again(self, server: Server, proxy: Proxy) -> None:
        with socket.create_connection((proxy.host, proxy.port)) as sock:
            client = Remctl()
            client.open_socket(sock, principal=server.principal)
            proxy.cut()
            time.sleep(0.05)
            with pytest.raises(RemctlError, match=r"use open_socket\(\)"):
                client.run(["test", "hello"])
        with socket.create_connection((proxy.host, proxy.port)) as sock:
            client.open_socket(sock, principal=server.principal)
            assert client.run(["test", "hello"]).status == 0

    def test_what_is_refused(self, tmp_path: Path) -> None:
        client = Remctl()
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with datagrams, pytest.raises(ValueError, match="stream socket"):
            client.open_socket(datagrams, "localhost")
        closed = socket.socket()
        closed.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            client.open_socket(closed, "localhost")
        with socket.socket() as unconnected, pytest.raises(RemctlError):
            client.open_socket(unconnected, "localhost")


class TestRoundTrips:
    """On a link with a round trip of 40 ms."""

    @pytest.mark.measures
    def test_open_command_and_status_take_three(self, far: FarServer) -> None:
        """TCP's, the handshake's and the command's. The goodbye waits for nobody."""
        remctl(far.server.host, far.server.port, None, ["test", "status", "3"])  # the ticket
        best = 1.0
        for _ in range(3):
            far.wan.counts()
            start = time.monotonic()
            client = Remctl(far.server.host, far.server.port)
            assert client.run(["test", "status", "3"]).status == 3
            best = min(best, time.monotonic() - start)
            assert far.wan.counts()["round_trips"] == 3
            client.close()
        assert 3 * far.wan.round_trip <= best < 4 * far.wan.round_trip

    def test_noop_and_command_take_one(self, far: FarServer) -> None:
        with Remctl(far.server.host, far.server.port) as client:
            client.noop()
            for call in (client.noop, lambda: client.run(["test", "status", "0"])):
                far.wan.counts()
                call()
                assert far.wan.counts()["round_trips"] == 1


def test_reopening_leaves_no_descriptor(server: Server) -> None:
    client = Remctl("localhost", server.port)
    before = len(descriptors())
    for _ in range(20):
        client.open("localhost", server.port)
    assert len(descriptors()) == before
    client.close()
