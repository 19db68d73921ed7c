"""Opening again: after close(), after a failure, and while open."""

import os
import socket
from collections.abc import Callable

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_network import DeafServer

HELLO = ["test", "hello"]


def fails(client: remctl.Remctl, host: str, port: int) -> None:
    """Try to open, and fail."""
    with pytest.raises(remctl.RemctlError):
        client.open(host, port)


def test_after_close(server: Server) -> None:
    """LIBREMCTL.md, row 24."""
    client = remctl.Remctl(server.host, server.port)
    for _ in range(3):
        client.close()
        client.open(server.host, server.port)
        assert client.run(HELLO).stdout == b"hello world\n"
    client.close()


def test_after_a_with_block(server: Server) -> None:
    client = remctl.Remctl(server.host, server.port)
    for _ in range(2):
        with client:
            if not client.opened:
                client.open(server.host, server.port)
            assert client.run(HELLO).status == 0


def test_after_a_failed_open(server: Server) -> None:
    client = remctl.Remctl()
    fails(client, "localhost", 1)
    client.open(server.host, server.port)
    assert client.run(HELLO).status == 0
    client.close()


def test_a_failed_open_leaves_it_not_open(server: Server) -> None:
    client = remctl.Remctl(server.host, server.port)
    fails(client, "localhost", 1)
    assert client.opened is False
    with pytest.raises(remctl.RemctlNotOpenedError):
        client.command(HELLO)


def test_a_second_open_closes_the_first(hostile: MakeHostile, server: Server) -> None:
    goodbyes: list[str] = []

    def script(connection: Connection) -> None:
        try:
            connection.recv_command()
        except EOFError as error:
            goodbyes.append(str(error))

    first = hostile(script)
    client = remctl.Remctl(first.host, first.port, first.principal)
    client.open(server.host, server.port)
    first.close()
    assert goodbyes == ["the client said goodbye"]
    assert client.run(HELLO).status == 0
    client.close()


def test_output_that_is_pending_does_not_survive(server: Server) -> None:
    client = remctl.Remctl(server.host, server.port)
    client.command(["test", "octets"])
    client.open(server.host, server.port)
    assert client.output().type == "done"
    assert client.run(HELLO).stdout == b"hello world\n"
    client.close()


def test_settings_survive(server: Server, realm: Realm) -> None:
    client = remctl.Remctl()
    client.set_source_ip("127.0.0.9")
    client.set_timeout(0.2)
    for _ in range(2):
        client.open("127.0.0.1", server.port, server.principal)
        with socket.socket(fileno=socket.dup(client.fileno())) as sock:
            assert sock.getsockname()[0] == "127.0.0.9"
        with pytest.raises(remctl.RemctlTimeoutError):
            client.run(["test", "sleep", "5"])
        client.close()


@pytest.mark.parametrize(
    "second",
    [
        lambda client, deaf: fails(client, "localhost", 1),
        lambda client, deaf: fails(client, "host.invalid", 4373),
        lambda client, deaf: fails(client, deaf.host, deaf.port),
    ],
    ids=["refused", "unknown", "deaf"],
)
def test_a_failed_second_open_closes_no_file_of_ours(
    server: Server, deaf: DeafServer, second: Callable[[remctl.Remctl, DeafServer], None]
) -> None:
    """LIBREMCTL.md, row 3: the library's handle keeps the number of a closed descriptor."""
    client = remctl.Remctl(server.host, server.port)
    client.set_timeout(0.2)
    second(client, deaf)
    ours = [os.pipe() for _ in range(20)]  # closing a stale number closes one of these
    client.close()
    del client
    for reading, writing in ours:
        os.write(writing, b"x")
        assert os.read(reading, 1) == b"x"
        os.close(reading)
        os.close(writing)


def test_opening_again_and_again_leaves_no_descriptor(server: Server) -> None:
    client = remctl.Remctl(server.host, server.port)
    client.run(HELLO)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        client.open(server.host, server.port)
        client.run(HELLO)
    assert len(os.listdir("/proc/self/fd")) == before
    client.close()


@pytest.mark.measures
def test_opening_again_and_again_leaks_no_security_context(server: Server) -> None:
    """LIBREMCTL.md, row 4: the library leaks 6 KB for each."""

    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    client = remctl.Remctl()
    for _ in range(100):
        client.open(server.host, server.port)
    before = resident()
    for _ in range(300):
        client.open(server.host, server.port)
    client.close()
    assert resident() - before < 600_000  # the leak: 1.8 MB


def test_it_connects_again_by_itself_after_a_hang_up(own_server: Server) -> None:
    """LIBREMCTL.md, row 12."""
    with remctl.Remctl(own_server.host, own_server.port) as client:
        assert client.run(HELLO).status == 0
        own_server.restart()
        assert client.run(HELLO).status == 0
        with pytest.raises(remctl.RemctlError, match="unexpected end of file"):
            client.run(["test", "drop"])
        assert client.opened
        assert client.run(HELLO).status == 0


def test_output_and_noop_do_not_connect_by_themselves(server: Server) -> None:
    with remctl.Remctl(server.host, server.port) as client:
        with pytest.raises(remctl.RemctlError):
            client.run(["test", "drop"])
        for call in (client.output, client.noop):
            with pytest.raises(remctl.RemctlError, match=r"^no connection open$"):
                call()
        assert client.run(HELLO).status == 0
