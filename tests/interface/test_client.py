"""The full interface: `remctl.Remctl`."""

import gc
import select
import socket
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.fix_hostile import Connection, MakeHostile
from tests.support.ids import shown


@pytest.fixture
def client(server: Server) -> Iterator[remctl.Remctl]:
    """A client that is open."""
    with remctl.Remctl(server.host, server.port) as client:
        yield client


class TestConstructor:
    def test_with_a_host_it_opens(self, server: Server) -> None:
        client = remctl.Remctl(server.host, server.port, server.principal)
        assert client.opened is True
        client.close()

    def test_by_name(self, server: Server) -> None:
        client = remctl.Remctl(principal=server.principal, port=server.port, host=server.host)
        assert client.opened
        client.close()

    def test_without_a_host_it_does_not(self) -> None:
        assert remctl.Remctl().opened is False
        assert remctl.Remctl(None, 4373, "host/localhost").opened is False

    def test_it_fails_as_open_does(self, realm: Realm) -> None:
        with pytest.raises(remctl.RemctlError, match=r"^cannot connect to localhost \(port 1\)"):
            remctl.Remctl("localhost", 1)


class TestOutput:
    def test_output_then_status_then_done_for_ever(self, client: remctl.Remctl) -> None:
        assert client.command(["test", "mix", "200"]) is None  # type: ignore[func-returns-value]
        tokens = []
        while (token := client.output()).type == "output":
            assert token[3:] == (None, None)
            tokens.append(token)
        for stream, written in ((1, b"out 1\nout 2\n"), (2, b"err 1\nerr 2\n")):
            parts = [token.output or b"" for token in tokens if token.stream == stream]
            assert b"".join(parts) == written
        assert token == ("status", None, None, 200, None)
        for _ in range(2):
            assert client.output() == ("done", None, None, None, None)

    def test_an_error_token_then_done(self, client: remctl.Remctl) -> None:
        client.command(["no", "such"])
        assert client.output() == ("error", b"Unknown command", None, None, 5)
        assert client.output() == ("done", None, None, None, None)
        assert client.output().type == "done"

    def test_done_where_no_command_was_sent(self, client: remctl.Remctl) -> None:
        assert client.output() == ("done", None, None, None, None)

    def test_a_token_is_a_named_tuple(self, client: remctl.Remctl) -> None:
        client.command(["test", "hello"])
        token = client.output()
        assert type(token) is remctl.RemctlOutput
        type_, output, stream, status, error = token
        assert (type_, output, stream, status, error) == (
            token.type,
            token.output,
            token.stream,
            token.status,
            token.error,
        )
        assert repr(token) == (
            "RemctlOutput(type='output', output=b'hello world\\n', "
            "stream=1, status=None, error=None)"
        )
        assert [token.type for token in client] == ["status"]

    def test_a_token_outlives_the_next_call(self, client: remctl.Remctl) -> None:
        """LIBREMCTL.md, row 15: the library's memory is good until the next call."""
        client.command(["test", "bytes", "300000"])
        tokens = list(client)
        client.run(["test", "octets"])
        client.close()
        data = b"".join(token.output or b"" for token in tokens)
        assert data == (b"0123456789abcde\n" * 18750)

    def test_many_commands_on_one_connection(self, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            for number in range(5):
                connection.recv_command()
                connection.send_output(1, b"%d" % number)
                connection.send_status(number)
            connection.wait_closed()

        target = hostile(script)
        with remctl.Remctl(target.host, target.port, target.principal) as client:
            for number in range(5):
                client.command(["next"])
                assert client.output() == ("output", b"%d" % number, 1, None, None)
                assert client.output() == ("status", None, None, number, None)
        assert target.connections == 1


class TestIteration:
    def test_over_the_tokens_of_the_answer(self, client: remctl.Remctl) -> None:
        client.command(["test", "lines", "3"])
        tokens = list(client)
        assert b"".join(token.output or b"" for token in tokens) == b"line 1\nline 2\nline 3\n"
        assert tokens[-1] == ("status", None, None, 0, None)
        assert list(client) == []

    def test_it_goes_on_where_output_left_off(self, client: remctl.Remctl) -> None:
        client.command(["test", "hello"])
        client.output()
        assert [token.type for token in client] == ["status"]


class TestRun:
    def test_returns_the_whole_answer(self, client: remctl.Remctl) -> None:
        result = client.run(["test", "mix", "9"])
        assert result == remctl.RemctlSimpleResult(b"out 1\nout 2\n", b"err 1\nerr 2\n", 9)
        assert client.output().type == "done"

    def test_the_server_s_refusal_is_raised_and_the_connection_is_kept(
        self, hostile: MakeHostile
    ) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_error(5, b"Unknown command")
            connection.recv_command()
            connection.send_status(0)
            connection.wait_closed()

        target = hostile(script)
        with remctl.Remctl(target.host, target.port, target.principal) as client:
            with pytest.raises(remctl.RemctlProtocolError, match="Unknown command") as caught:
                client.run(["a"])
            assert caught.value.code is remctl.ErrorCode.UNKNOWN_COMMAND
            assert client.run(["b"]).status == 0
        assert target.connections == 1


class TestPending:
    """LIBREMCTL.md, rows 17 and 18: no answer goes to the wrong question."""

    def test_a_command_before_the_answer_was_read_is_refused(self, client: remctl.Remctl) -> None:
        client.command(["test", "hello"])
        for call in (client.command, client.run):
            with pytest.raises(remctl.RemctlError, match="output of the previous command"):
                call(["test", "octets"])
        assert [token.output for token in client] == [b"hello world\n", None]
        assert client.run(["test", "octets"]).stdout == bytes(range(256))

    def test_a_noop_before_the_answer_was_read_is_refused(self, client: remctl.Remctl) -> None:
        client.command(["test", "hello"])
        with pytest.raises(remctl.RemctlError, match="output of the previous command"):
            client.noop()
        assert [token.output for token in client] == [b"hello world\n", None]
        assert client.noop() is True


class TestNoop:
    def test_true_when_the_server_answers(self, client: remctl.Remctl) -> None:
        assert client.noop() is True
        assert client.run(["test", "hello"]).status == 0
        assert client.noop() is True

    def test_false_when_the_server_does_not_know_it(self, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            connection.recv_message()
            connection.send_version(2)
            connection.recv_command()
            connection.send_status(0)
            connection.recv_message()
            connection.send_error(3, b"Unknown message")
            connection.wait_closed()

        target = hostile(script)
        with remctl.Remctl(target.host, target.port, target.principal) as client:
            assert client.noop() is False
            assert client.run(["a"]).status == 0
            assert client.noop() is False
        assert target.connections == 1

    def test_an_error_when_the_connection_failed(self, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            connection.recv_message()

        target = hostile(script)
        client = remctl.Remctl(target.host, target.port, target.principal)
        with pytest.raises(remctl.RemctlError, match=r"^error receiving token: "):
            client.noop()


class TestNotOpened:
    @pytest.mark.parametrize(
        "call",
        [
            lambda client: client.command(["test"]),
            lambda client: client.run(["test"]),
            lambda client: client.stream(["test"]),
            lambda client: client.output(),
            lambda client: next(iter(client)),
            lambda client: client.noop(),
            lambda client: client.fileno(),
        ],
        ids=["command", "run", "stream", "output", "iteration", "noop", "fileno"],
    )
    @pytest.mark.parametrize("state", ["never", "closed", "failed"])
    def test_every_call_says_so(self, server: Server, call: object, state: str) -> None:
        client = remctl.Remctl()
        if state == "closed":
            client.open(server.host, server.port)
            client.close()
        elif state == "failed":
            with pytest.raises(remctl.RemctlError):
                client.open("localhost", 1)
        with pytest.raises(remctl.RemctlNotOpenedError, match=r"^no currently open connection$"):
            call(client)  # type: ignore[operator]
        assert client.error() == "no currently open connection"

    def test_before_the_command_is_looked_at(self) -> None:
        with pytest.raises(remctl.RemctlNotOpenedError):
            remctl.Remctl().command("not a sequence")  # type: ignore[arg-type]


class TestClosing:
    def test_with_closes(self, server: Server) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            assert client.opened
        assert not client.opened

    def test_with_without_a_connection(self) -> None:
        with remctl.Remctl() as client:
            assert not client.opened

    def test_with_hides_no_exception(self, server: Server) -> None:
        with (
            pytest.raises(LookupError),
            remctl.Remctl(server.host, server.port) as client,
        ):
            raise LookupError
        assert not client.opened

    def test_twice_and_before_opening(self, server: Server) -> None:
        client = remctl.Remctl()
        client.close()
        client.open(server.host, server.port)
        client.close()
        client.close()
        assert client.opened is False

    def test_says_goodbye(self, hostile: MakeHostile) -> None:
        goodbyes: list[str] = []

        def script(connection: Connection) -> None:
            try:
                connection.recv_command()
            except EOFError as error:
                goodbyes.append(str(error))

        target = hostile(script)
        remctl.Remctl(target.host, target.port, target.principal).close()
        target.close()
        assert goodbyes == ["the client said goodbye"]

    def test_when_the_object_is_destroyed(self, hostile: MakeHostile) -> None:
        closed: list[bool] = []

        def script(connection: Connection) -> None:
            connection.wait_closed()
            closed.append(True)

        target = hostile(script)
        client = remctl.Remctl(target.host, target.port, target.principal)
        gone = weakref.ref(client)
        del client
        gc.collect()
        assert gone() is None
        target.close()
        assert closed == [True]

    def test_a_server_that_is_gone_is_no_error(self, own_server: Server) -> None:
        client = remctl.Remctl(own_server.host, own_server.port)
        own_server.stop()
        client.close()
        assert not client.opened


class TestFileno:
    def test_is_the_connected_socket_s(self, client: remctl.Remctl, server: Server) -> None:
        with socket.socket(fileno=socket.dup(client.fileno())) as sock:
            assert sock.getpeername()[1] == server.port

    def test_can_be_watched(self, client: remctl.Remctl) -> None:
        client.command(["test", "stream", "2", "0.2"])
        kinds: list[str] = []
        while not kinds or kinds[-1] != "status":
            select.select([client], [], [], 10)
            kinds.append(client.output().type)
        assert kinds == ["output", "output", "status"]

    def test_there_is_none_while_the_connection_is_lost(self, server: Server) -> None:
        client = remctl.Remctl(server.host, server.port)
        with pytest.raises(remctl.RemctlError):
            client.run(["test", "drop"])
        assert client.opened
        with pytest.raises(remctl.RemctlNotOpenedError):
            client.fileno()


@dataclass
class WithNumber:
    """Something that says it has a descriptor."""

    number: object

    def fileno(self) -> object:
        return self.number


class TestOpenSocket:
    def test_over_a_socket_of_the_caller_s(self, server: Server) -> None:
        with socket.create_connection((server.host, server.port)) as sock:
            client = remctl.Remctl()
            client.open_socket(sock, server.host)
        assert client.run(["test", "hello"]).stdout == b"hello world\n"
        assert client.run(["test", "mix", "7"]).status == 7
        client.close()

    @pytest.mark.parametrize("by", ["host", "principal", "both"])
    def test_a_host_or_a_principal_will_do(self, server: Server, by: str) -> None:
        client = remctl.Remctl()
        with socket.create_connection((server.host, server.port)) as sock:
            client.open_socket(
                sock,
                None if by == "principal" else "localhost",
                None if by == "host" else server.principal,
            )
        assert client.run(["test", "hello"]).status == 0
        client.close()

    def test_a_lost_connection_is_not_made_again(self, server: Server) -> None:
        client = remctl.Remctl()
        with socket.create_connection((server.host, server.port)) as sock:
            client.open_socket(sock, server.host)
        with pytest.raises(remctl.RemctlError):
            client.run(["test", "drop"])
        with pytest.raises(remctl.RemctlError, match=r"use open_socket"):
            client.run(["test", "hello"])

    @pytest.mark.parametrize("sock", [7, None, "sock", object(), WithNumber("7")], ids=shown)
    def test_what_is_no_socket_is_told(self, sock: Any) -> None:
        text = f"^sock must be a socket, not {type(sock).__name__}$"
        with pytest.raises(TypeError, match=text):
            remctl.Remctl().open_socket(sock, "localhost")

    @pytest.mark.parametrize("number", [-2, 2**31, 2**70])
    def test_what_is_no_descriptor_is_told(self, number: int) -> None:
        sock: Any = WithNumber(number)
        with pytest.raises(
            ValueError, match=f"^sock must be a socket: its descriptor is {number}$"
        ):
            remctl.Remctl().open_socket(sock, "localhost")

    def test_misuse_is_told(self, server: Server) -> None:
        client = remctl.Remctl()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            with pytest.raises(ValueError, match="stream socket"):
                client.open_socket(sock, server.host)
            with pytest.raises(TypeError, match=r"^host must be a str"):
                client.open_socket(sock)
        with pytest.raises(OSError, match="Bad file descriptor"):
            client.open_socket(sock, server.host)  # closed
        with socket.socket() as sock, pytest.raises(remctl.RemctlError):
            client.open_socket(sock, server.host)  # not connected
        assert not client.opened

    def test_one_without_a_connection_fails_as_any_other_open(self, server: Server) -> None:
        with remctl.Remctl("localhost", server.port) as client, socket.socket() as sock:
            with pytest.raises(remctl.RemctlError, match="not connected") as raised:
                client.open_socket(sock, server.host)
            assert client.error() == str(raised.value)
            assert not client.opened


class TestRepr:
    def test_says_whether_it_is_open(self, client: remctl.Remctl) -> None:
        assert repr(client) == "<remctl.Remctl localhost open>"
        client.close()
        assert repr(client) == "<remctl.Remctl localhost closed>"

    def test_of_a_subclass(self) -> None:
        class Ours(remctl.Remctl):
            pass

        assert repr(Ours()).endswith("TestRepr.test_of_a_subclass.<locals>.Ours closed>")
