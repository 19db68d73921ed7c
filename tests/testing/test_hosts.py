"""Several hosts in one realm, and servers and KDCs that hang."""

import socket
import subprocess
from contextlib import ExitStack

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.support.network import has_ipv6

NAME = {"test": {"name": '#!/bin/sh\necho "$REMCTL_COMMAND at $HOST"\n'}}


def name_of(host: str, port: int) -> bytes | None:
    return remctl.remctl(host, port, command=["test", "name"]).stdout


def test_servers_on_addresses_of_their_own_share_a_port(realm: Realm) -> None:
    with ExitStack() as stack:
        port = None
        servers: list[Server] = []
        for number in range(2, 5):
            address = f"127.0.0.{number}"
            server = realm.server(NAME, addresses=[address], port=port, env={"HOST": address})
            servers.append(stack.enter_context(server))
            port = server.port
        for server in servers:
            assert server.principal == f"host/{server.host}@{realm.name}"
            assert name_of(server.host, server.port) == f"test at {server.host}\n".encode()
        servers[1].stop()
        with pytest.raises(remctl.RemctlProtocolError, match="cannot connect"):
            name_of(servers[1].host, servers[1].port)
        assert name_of(servers[2].host, servers[2].port) == b"test at 127.0.0.4\n"


def test_one_server_for_every_address(realm: Realm) -> None:
    hosts = [f"127.0.1.{number}" for number in range(1, 5)]
    realm.add_host(*hosts)
    keytab = realm.keytab.read_bytes()
    realm.add_host(*hosts)  # there already
    assert realm.keytab.read_bytes() == keytab
    with realm.server(NAME, addresses=["0.0.0.0"], env={"HOST": "x"}) as server:
        assert {name_of(host, server.port) for host in [server.host, *hosts]} == {b"test at x\n"}


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_the_host_of_a_server_without_ipv4(realm: Realm) -> None:
    with realm.server(NAME, addresses=["::1"]) as server:
        assert server.host == "::1"
        assert server.principal == f"host/::1@{realm.name}"


def test_a_port_that_is_taken(realm: Realm) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = realm.server(NAME, port=sock.getsockname()[1])
        with pytest.raises(RuntimeError, match="Address already in use"):
            server.start()


class TestPause:
    def test_a_server_that_hangs_and_goes_on(self, own_server: Server) -> None:
        with remctl.Remctl(own_server.host, own_server.port) as connection:
            own_server.pause()
            connection.set_timeout(0.2)
            with pytest.raises(remctl.RemctlTimeoutError):
                connection.run(["test", "hello"])
            with pytest.raises(remctl.RemctlTimeoutError):
                connection.open(own_server.host, own_server.port)
            own_server.resume()
            connection.set_timeout(None)
            connection.open(own_server.host, own_server.port)
            assert connection.run(["test", "hello"]).stdout == b"hello world\n"

    def test_its_commands_hang_too(self, own_server: Server) -> None:
        with remctl.Remctl(own_server.host, own_server.port) as connection:
            with connection.stream(["test", "stream", "3", "0.01"]) as lines:
                next(lines)
                own_server.pause()
                connection.set_timeout(0.2)
                with pytest.raises(remctl.RemctlTimeoutError):
                    list(lines)
            own_server.resume()

    def test_a_command_that_starts_programs_all_the_time(self, realm: Realm) -> None:
        # A shell waits for its child in vfork(), and cannot be stopped while that is.
        spin = "#!/bin/sh\nwhile :; do /bin/true; done\n"
        with (
            realm.server({"test": {"spin": spin}}) as server,
            remctl.Remctl(server.host, server.port) as connection,
        ):
            connection.command(["test", "spin"])
            for _ in range(150):
                server.pause()
                server.resume()

    def test_stopping_a_paused_server(self, own_server: Server) -> None:
        own_server.pause()
        own_server.stop()
        for call in (own_server.pause, own_server.resume):
            with pytest.raises(RuntimeError, match="the server does not run"):
                call()

    def test_a_kdc_that_hangs(self) -> None:
        with Realm() as realm:
            realm.pause_kdc()
            with pytest.raises(subprocess.TimeoutExpired):
                subprocess.run(["kvno", "host/localhost"], env=realm.daemon_env, timeout=0.5)
            realm.resume_kdc()
            subprocess.run(["kvno", "host/localhost"], env=realm.daemon_env, check=True)
            realm.stop_kdc()
            for call in (realm.pause_kdc, realm.resume_kdc):
                with pytest.raises(RuntimeError, match="the KDC does not run"):
                    call()
