"""The exceptions, and what `error()` says when."""

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_network import DeafServer


class TestHierarchy:
    @pytest.mark.parametrize(
        ("child", "parents"),
        [
            (remctl.RemctlError, [Exception]),
            (remctl.RemctlProtocolError, [remctl.RemctlError]),
            (remctl.RemctlNotOpenedError, [remctl.RemctlError]),
            (remctl.RemctlTimeoutError, [remctl.RemctlError, TimeoutError]),
            (remctl.RemctlCommandError, [remctl.RemctlError]),
        ],
    )
    def test_of(self, child: type, parents: list[type]) -> None:
        assert list(child.__bases__) == parents
        assert child.__module__ == "remctl"

    def test_no_other_is_a_timeout(self) -> None:
        assert not issubclass(remctl.RemctlProtocolError, TimeoutError)
        assert not issubclass(remctl.RemctlTimeoutError, remctl.RemctlProtocolError)


class TestProtocolError:
    def test_its_text_is_plain(self) -> None:
        error = remctl.RemctlProtocolError("Unknown command", 5)
        assert str(error) == "Unknown command"
        assert error.args == ("Unknown command",)

    @pytest.mark.parametrize("code", list(remctl.ErrorCode))
    def test_known_codes_are_error_codes(self, code: remctl.ErrorCode) -> None:
        error = remctl.RemctlProtocolError("", int(code))
        assert error.code is code
        assert error.code == int(code)

    @pytest.mark.parametrize("code", [0, 11, 77, 2**32 - 1])
    def test_others_are_numbers(self, code: int) -> None:
        assert remctl.RemctlProtocolError("", code).code == code
        assert type(remctl.RemctlProtocolError("", code).code) is int

    def test_none_where_the_server_did_not_answer(self) -> None:
        assert remctl.RemctlProtocolError("no network").code is None


def test_the_codes_are_the_protocol_s() -> None:
    assert {code.name: int(code) for code in remctl.ErrorCode} == {
        "INTERNAL": 1,
        "BAD_TOKEN": 2,
        "UNKNOWN_MESSAGE": 3,
        "BAD_COMMAND": 4,
        "UNKNOWN_COMMAND": 5,
        "ACCESS": 6,
        "TOOMANY_ARGS": 7,
        "TOOMUCH_DATA": 8,
        "UNEXPECTED_MESSAGE": 9,
        "NO_HELP": 10,
    }


@pytest.mark.parametrize("code", [1, 2, 10, 11, 77, 2**31, 2**32 - 1])
@pytest.mark.parametrize("text", [b"out of cheese", b"", "käse".encode(), b"\xff"], ids=repr)
def test_a_server_s_error_as_a_token_and_as_an_exception(
    hostile: MakeHostile, code: int, text: bytes
) -> None:
    def script(connection: Connection) -> None:
        for _ in range(2):
            connection.recv_command()
            connection.send_error(code, text)
        connection.wait_closed()

    target = hostile(script)
    with remctl.Remctl(target.host, target.port, target.principal) as client:
        client.command(["a"])
        assert client.output() == ("error", text, None, None, code)
        with pytest.raises(remctl.RemctlProtocolError) as caught:
            client.run(["a"])
        assert str(caught.value) == text.decode(errors="backslashreplace")
        assert caught.value.code == code
        assert isinstance(caught.value.code, remctl.ErrorCode) == (1 <= code <= 10)
        assert client.error() == (str(caught.value) or "no error")


@pytest.mark.parametrize(
    ("lie", "text"),
    [
        (lambda c: c.send_output(3, b"third stream"), "unexpected stream"),
        (lambda c: c.send_raw(b"\x44\xff\xff\xff\xff"), "too large"),
        (lambda c: c.send_message(99), "unknown message type 99"),
        (lambda c: c.close(), "^error receiving token: unexpected end of file$"),
    ],
)
def test_a_server_that_lies_is_a_plain_error(hostile: MakeHostile, lie: object, text: str) -> None:
    def script(connection: Connection) -> None:
        connection.recv_command()
        lie(connection)  # type: ignore[operator]

    target = hostile(script)
    with remctl.Remctl(target.host, target.port, target.principal) as client:
        with pytest.raises(remctl.RemctlError, match=text) as caught:
            client.run(["a"])
        assert type(caught.value) is remctl.RemctlError
        assert client.error() == str(caught.value)
    with pytest.raises(remctl.RemctlProtocolError, match=text) as refused:
        remctl.remctl(target.host, target.port, target.principal, ["a"])
    assert refused.value.code is None


class TestError:
    """`Remctl.error()`: the text of the last failure."""

    def test_when_nothing_was_done(self) -> None:
        assert remctl.Remctl().error() == "no error"

    def test_after_success(self, server: Server) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            assert client.error() == "no error"
            client.run(["test", "hello"])
            assert client.error() == "no error"

    def test_when_closed(self, server: Server) -> None:
        client = remctl.Remctl(server.host, server.port)
        client.close()
        assert client.error() == "no currently open connection"

    def test_after_a_failed_open(self, realm: Realm) -> None:
        client = remctl.Remctl()
        with pytest.raises(remctl.RemctlError) as caught:
            client.open("localhost", 1)
        assert client.error() == str(caught.value)
        assert client.error().startswith("cannot connect to localhost (port 1): ")

    def test_after_a_timeout(self, deaf: DeafServer) -> None:
        client = remctl.Remctl()
        client.set_timeout(0.05)
        with pytest.raises(remctl.RemctlTimeoutError) as caught:
            client.open(deaf.host, deaf.port)
        assert client.error() == str(caught.value) == "error receiving token: timed out"

    def test_after_a_refused_setting(self) -> None:
        client = remctl.Remctl()
        with pytest.raises(remctl.RemctlError, match=r"^invalid timeout -1$"):
            client.set_timeout(-1)
        assert client.error() == "invalid timeout -1"

    def test_after_a_command_that_was_refused_locally(self, server: Server) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            client.command(["test", "hello"])
            with pytest.raises(remctl.RemctlError) as caught:
                client.command(["test", "hello"])
            assert client.error() == str(caught.value)

    def test_a_success_clears_it(self, server: Server) -> None:
        client = remctl.Remctl()
        with pytest.raises(remctl.RemctlError):
            client.open("localhost", 1)
        client.open(server.host, server.port)
        assert client.error() == "no error"
        client.close()

    def test_an_argument_that_makes_no_sense_leaves_it(self, server: Server) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            with pytest.raises(TypeError):
                client.command("test")
            assert client.error() == "no error"
