"""A noop, for which libremctl has the server's socket itself: what would tell it from other calls.

During one, libremctl's number is not its end of the socket pair, but the server's socket.
"""

import asyncio
import fcntl
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import remctl
from remctl import Remctl, RemctlError
from remctl.testing import Server

from tests.fix_hostile import Connection, HostileServer, MakeHostile
from tests.support.forks import in_child
from tests.support.tokens import Message
from tests.support.traces import descriptors


def client_of(server: HostileServer) -> Remctl:
    return Remctl("localhost", server.port, server.principal)


def hello(client: Remctl) -> None:
    assert client.run(["test", "hello"]).stdout == b"hello world\n"


def expect_noop(connection: Connection) -> None:
    assert connection.recv_message()[1] == Message.NOOP


def test_commands_and_noops_take_turns(server: Server) -> None:
    with Remctl("localhost", server.port) as client:
        hello(client)
        before = descriptors()
        for _ in range(3):
            assert client.noop()
            assert client.noop()
            hello(client)
        assert descriptors() == before


@pytest.mark.parametrize("end", [Connection.close, Connection.reset])
def test_a_server_that_ends_the_connection(hostile: MakeHostile, end: object) -> None:
    def script(connection: Connection) -> None:
        expect_noop(connection)
        end(connection)  # type: ignore[operator]

    client = client_of(hostile(script))
    with pytest.raises(
        RemctlError, match=r"^error receiving token: unexpected end of file"
    ) as caught:
        client.noop()
    assert caught.value.kind == "lost"


def test_a_token_that_is_too_long_is_a_breach_of_the_protocol(hostile: MakeHostile) -> None:
    def script(connection: Connection) -> None:
        expect_noop(connection)
        connection.send_raw(b"\x44\xff\xff\xff\xff")
        connection.wait_closed()

    with pytest.raises(RemctlError, match="token too larger") as caught:
        client_of(hostile(script)).noop()
    assert caught.value.kind == "protocol"


class TestAnAnswerInPieces:
    """Each of them within the longest silence, all of them together after it."""

    @pytest.fixture
    def slow(self, hostile: MakeHostile) -> HostileServer:
        def script(connection: Connection) -> None:
            expect_noop(connection)
            answer = connection.wrap(bytes([3, Message.NOOP]))
            connection.send_slowly(answer, len(answer) // 8, 0.1)
            connection.wait_closed()

        return hostile(script)

    def test_is_no_silence(self, slow: HostileServer) -> None:
        client = client_of(slow)
        client.set_timeout(0.4)
        assert client.noop()

    def test_is_limited_by_the_time_of_the_call(self, slow: HostileServer) -> None:
        client = client_of(slow)
        begin = time.monotonic()
        with pytest.raises(RemctlError, match="timed out"):
            client.noop(timeout=0.3)
        assert time.monotonic() - begin < 0.6

    def test_in_an_event_loop(self, slow: HostileServer) -> None:
        async def main() -> None:
            async with remctl.AsyncRemctl("localhost", slow.port, slow.principal) as client:
                client.set_timeout(0.4)
                assert await client.noop()

        asyncio.run(main())


class TestWhileItWaits:
    """The server has the question and says nothing."""

    @pytest.fixture
    def client(self, hostile: MakeHostile) -> Iterator[Remctl]:
        asked = threading.Event()

        def script(connection: Connection) -> None:
            expect_noop(connection)
            asked.set()
            connection.wait_closed()

        client = client_of(hostile(script))
        ended: list[RemctlError] = []

        def ask() -> None:
            try:
                client.noop()
            except RemctlError as error:
                ended.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert asked.wait(10)
        yield client
        client.close()
        thread.join(10)
        assert len(ended) == 1

    @pytest.mark.forks
    def test_a_child_has_no_copy_of_the_socket(self, client: Remctl) -> None:
        """Neither under its own number nor under libremctl's."""
        mine = descriptors()
        connection = mine[str(client.fileno())]
        assert list(mine.values()).count(connection) == 2
        assert in_child(lambda: connection in descriptors().values()) == "False"

    def test_close_ends_it(self, client: Remctl) -> None:
        begin = time.monotonic()
        client.close()
        assert time.monotonic() - begin < 1


class TestTheCallersOwnSocket:
    """It may be non-blocking, as its owner likes; libremctl would not wait on it then."""

    @pytest.mark.parametrize("blocking", [True, False])
    def test_is_left_as_it_is(self, server: Server, blocking: bool) -> None:
        with socket.create_connection(("localhost", server.port)) as mine:
            mine.setblocking(blocking)
            flags = fcntl.fcntl(mine, fcntl.F_GETFL)
            client = Remctl()
            client.open_socket(mine, "localhost")
            for _ in range(3):
                assert client.noop()
                assert fcntl.fcntl(mine, fcntl.F_GETFL) == flags
            hello(client)
            client.close()

    def test_may_become_non_blocking_meanwhile(self, hostile: MakeHostile) -> None:
        asked = threading.Event()
        go_on = threading.Event()

        def script(connection: Connection) -> None:
            expect_noop(connection)
            answer = connection.wrap(bytes([3, Message.NOOP]))
            connection.send_raw(answer[:5])
            asked.set()
            assert go_on.wait(10)
            connection.send_raw(answer[5:])
            connection.wait_closed()

        server = hostile(script)
        with socket.create_connection(("localhost", server.port)) as mine:
            client = Remctl()
            client.open_socket(mine, "localhost", server.principal)
            answers: list[bool] = []
            thread = threading.Thread(target=lambda: answers.append(client.noop()))
            thread.start()
            assert asked.wait(10)
            mine.setblocking(False)
            go_on.set()
            thread.join(10)
            assert answers == [True]
            client.close()


def test_without_a_free_descriptor(server: Server) -> None:
    with Remctl("localhost", server.port) as client:
        hello(client)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.open("/dev/null", os.O_RDONLY)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
        try:
            assert client.noop()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        hello(client)
