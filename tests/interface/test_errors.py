"""The exceptions, and what `error()` says when."""

import io
import sys
import traceback

import pytest
import remctl
from remctl._codes import meaning
from remctl._errors import Kind, as_protocol_error, make
from remctl.testing import Realm, Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_network import DeafServer
from tests.support.ids import shown


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
        assert error.args == ("Unknown command", 5)

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

    @pytest.mark.parametrize("second", ["5", 5.0, None, b"5"], ids=shown)
    def test_what_is_no_int_is_no_code(self, second: object) -> None:
        error = remctl.RemctlProtocolError("text", second)
        assert error.code is None
        assert error.args == ("text", second)

    def test_a_bool_is_an_int_as_everywhere_in_python(self) -> None:
        assert remctl.RemctlProtocolError("text", True).code is remctl.ErrorCode.INTERNAL


KINDS = [
    remctl.RemctlError,
    remctl.RemctlProtocolError,
    remctl.RemctlNotOpenedError,
    remctl.RemctlTimeoutError,
    remctl.RemctlCommandError,
]
every_kind = pytest.mark.parametrize("kind", KINDS)


class TestArguments:
    """Exceptions take and keep any arguments, as the old binding's did."""

    @every_kind
    @pytest.mark.parametrize(
        "arguments",
        [(), ("text",), ("text", 5), (5, "text"), ("a", "b", "c", "d", "e", "f"), (None,), (b"x",)],
        ids=shown,
    )
    def test_any_are_kept(
        self, kind: type[remctl.RemctlError], arguments: tuple[object, ...]
    ) -> None:
        error = kind(*arguments)
        assert error.args == arguments
        assert repr(error) == f"{kind.__name__}{arguments!r}".replace(",)", ")")

    @every_kind
    def test_the_text_is_the_first(self, kind: type[remctl.RemctlError]) -> None:
        assert str(kind("text")) == str(kind("text", 7, "more")) == "text"
        assert str(kind()) == ""

    @every_kind
    def test_without_a_text_they_are_shown_as_python_does(
        self, kind: type[remctl.RemctlError]
    ) -> None:
        assert str(kind(b"text")) == "b'text'"
        assert str(kind(110, "timed out")) == "(110, 'timed out')"

    @every_kind
    def test_by_name_there_are_none(self, kind: type[remctl.RemctlError]) -> None:
        with pytest.raises(TypeError, match="keyword argument"):
            kind(text="text")  # type: ignore[call-arg]

    def test_a_timeout_is_an_os_error_without_a_number(self) -> None:
        error = remctl.RemctlTimeoutError(2, "text")
        assert (error.errno, error.strerror, error.filename) == (None, None, None)


class TestFields:
    """What every exception says of the call."""

    @every_kind
    def test_by_default(self, kind: type[remctl.RemctlError]) -> None:
        error = kind("text")
        assert (error.host, error.port, error.command) == (None, None, None)
        assert (error.hint, error.partial) == (None, None)
        assert error.may_have_run is True
        assert kind.may_have_run is True
        assert vars(error).keys() <= {"result"}

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("connect", remctl.RemctlError),
            ("timeout", remctl.RemctlTimeoutError),
            ("not_opened", remctl.RemctlNotOpenedError),
        ],
    )
    def test_are_given_by_the_one_that_makes_them(
        self, name: Kind, kind: type[remctl.RemctlError]
    ) -> None:
        partial = remctl.RemctlSimpleResult(b"half")
        error = make(
            name,
            "text",
            host="h",
            port=1,
            command="a b",
            hint="Do it.",
            partial=partial,
            may_have_run=False,
        )
        assert type(error) is kind
        assert str(error) == "text"
        assert (error.host, error.port, error.command, error.hint) == ("h", 1, "a b", "Do it.")
        assert error.partial is partial
        assert error.may_have_run is False
        assert type(make(name, "text")) is kind
        assert make(name, "text").may_have_run is True

    def test_a_hint_is_a_note_too(self) -> None:
        error = make("connect", "text", hint="Do it.")
        assert vars(error)["__notes__"] == ["Do it."]
        assert str(error) == "text"
        if sys.version_info >= (3, 11):
            error.add_note("And that.")
            assert traceback.format_exception_only(error)[1:] == ["Do it.\n", "And that.\n"]
        assert "__notes__" not in vars(make("connect", "text"))

    @pytest.mark.parametrize("code", [*range(12), 77])
    def test_a_refusal_says_whether_the_command_may_have_run(
        self, hostile: MakeHostile, code: int
    ) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_error(code, b"no")
            connection.recv_command()
            connection.send_output(1, b"half")
            connection.send_error(code, b"no")
            connection.wait_closed()

        target = hostile(script)
        with remctl.Remctl(target.host, target.port, target.principal) as client:
            for partial in (remctl.RemctlSimpleResult(), remctl.RemctlSimpleResult(b"half")):
                with pytest.raises(remctl.RemctlProtocolError, match="no") as caught:
                    client.run(["test", b"\xff", "secret"])
                error = caught.value
                assert str(error) == rf"test \xff on {target.host}: no"
                assert (error.host, error.port) == (target.host, target.port)
                assert error.command == "test \\xff"
                assert error.partial == partial
                refused = code in (2, 3, 4, 5, 6, 7, 8, 10)
                assert error.may_have_run is not (refused and partial.stdout is None)

    @pytest.mark.parametrize("verb", ["command", "run", "stream", "noop"])
    def test_what_is_asked_of_a_closed_connection_has_not_run(
        self, server: Server, verb: str
    ) -> None:
        """Whatever has become of the command before, which `output()` tells of."""
        connection = remctl._remctl.Connection()
        connection.open(server.host, server.port)
        connection.command([b"test", b"hello"])
        connection.close()
        with pytest.raises(remctl.RemctlNotOpenedError) as caught:
            connection.output()
        assert caught.value.may_have_run
        with pytest.raises(remctl.RemctlNotOpenedError) as caught:
            getattr(connection, verb)(*([] if verb == "noop" else [[b"test", b"hello"]]))
        assert not caught.value.may_have_run

    @pytest.mark.parametrize(("code", "may_have_run"), [(4, False), (1, True)])
    def test_a_closed_connection_still_says_whether_a_refused_command_may_have_run(
        self, hostile: MakeHostile, code: int, may_have_run: bool
    ) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_error(code, b"no")
            connection.wait_closed()

        target = hostile(script)
        client = remctl.Remctl(target.host, target.port, target.principal)
        client.command(["test", "hello"])
        assert client.output().type == "error"
        client.close()
        with pytest.raises(remctl.RemctlNotOpenedError) as caught:
            client.output()
        assert caught.value.may_have_run is may_have_run

    def test_the_simple_call_s_exception_keeps_what_is_known(self) -> None:
        error = make("connect", "text", host="h", command="a b", hint="Do it.", may_have_run=False)
        again = as_protocol_error(error)
        assert type(again) is remctl.RemctlProtocolError
        assert again.args == ("text",)
        assert vars(again) == vars(error)


@pytest.mark.parametrize("meanwhile", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("verb", ["open", "command", "output", "run", "stream", "noop"])
def test_what_is_raised_while_an_error_is_made_takes_its_place(
    server: Server, monkeypatch: pytest.MonkeyPatch, verb: str, meanwhile: type[BaseException]
) -> None:
    """By a signal's handler, which runs wherever Python code does."""

    def interrupted(*arguments: object, **keywords: object) -> None:
        raise meanwhile

    arguments: list[object] = [["test", "hello"]] if verb in ("command", "run", "stream") else []
    if verb == "open":
        arguments = [server.host, server.port]
    with remctl.Remctl(server.host, server.port) as client:
        if verb == "output":
            client.command(["test", "sleep", "5"])
        monkeypatch.setattr("remctl._errors.make", interrupted)
        with pytest.raises(meanwhile):
            getattr(client, verb)(*arguments, timeout=0)
        monkeypatch.undo()
        client.open(server.host, server.port)
        assert client.run(["test", "hello"]).status == 0


class TestCommandError:
    """What a status other than 0 is told as."""

    @staticmethod
    def text(stderr: bytes | None, host: str | None = None, command: str | None = None) -> str:
        """The text for an answer."""
        result = remctl.RemctlSimpleResult(b"out", stderr, 3)
        error = remctl.RemctlCommandError(result)
        error.host, error.command = host, command
        assert error.result is result
        return str(error)

    def test_names_command_host_status_and_the_last_line_of_stderr(self, server: Server) -> None:
        result = remctl.remctl(server.host, server.port, command=["test", "mix", "3"])
        with pytest.raises(remctl.RemctlCommandError) as caught:
            result.check()
        assert str(caught.value) == f"test mix on {server.host} exited with status 3: err 2"
        assert (caught.value.host, caught.value.command) == (server.host, "test mix")
        assert caught.value.may_have_run

    @pytest.mark.parametrize("letter", ["x", "ü", "€", "🎈"])
    def test_a_long_line_is_cut_and_says_so(self, letter: str) -> None:
        longest = 500
        whole = self.text((letter * longest).encode())
        assert whole == f"command exited with status 3: {letter * longest}"
        assert self.text((letter * (longest + 1)).encode()) == whole + "..."
        assert self.text((letter * 3000).encode()) == whole + "..."

    def test_says_what_it_knows(self) -> None:
        assert self.text(None) == "command exited with status 3"
        assert self.text(None, None, "a b") == "a b exited with status 3"
        assert self.text(b"no\n", "h") == "command on h exited with status 3: no"

    @pytest.mark.parametrize(
        ("stderr", "line"),
        [
            (b"one\ntwo", "two"),
            (b"one\ntwo\n\n \n", "two"),
            (b"one\r\ntwo\r\n", "two"),
            (b"10%\r20%\rbroken\r", "broken"),
            (b"\x1b[31mred\x1b[0m\a", r"\x1b[31mred\x1b[0m\x07"),
            (b"tab\there", r"tab\there"),
            ("\u202e\u2028\x85\x7f.".encode(), r"\u202e\u2028\x85\x7f."),
            ("käse".encode(), "käse"),
            (b"caf\xe9", "caf\N{REPLACEMENT CHARACTER}"),
            (b"x" * 500, "x" * 500),
            (b"x" * 501, "x" * 500 + "..."),
            (b"x" * (10 << 20), "x" * 500 + "..."),
        ],
        ids=lambda value: repr(value[:20]),
    )
    def test_the_last_line_is_safe_to_show(self, stderr: bytes, line: str) -> None:
        assert self.text(stderr) == f"command exited with status 3: {line}"

    @pytest.mark.parametrize("stderr", [b"", b"\n \n", None, "a str"], ids=shown)
    def test_without_a_line_there_is_none(self, stderr: bytes | None) -> None:
        assert self.text(stderr) == "command exited with status 3"

    def test_control_characters_of_a_command_are_escaped_too(self) -> None:
        assert self.text(None, "h", "a\n\x1b[2J") == r"a\n\x1b[2J on h exited with status 3"

    def test_without_a_result_it_has_an_empty_one(self) -> None:
        assert remctl.RemctlCommandError("text").result == remctl.RemctlSimpleResult()


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
@pytest.mark.parametrize("text", [b"out of cheese", b"", "käse".encode(), b"\xff"], ids=shown)
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
        said = text.decode(errors="backslashreplace")
        assert str(caught.value) == f"a on {target.host}: {said or meaning(code)}"
        assert caught.value.code == code
        assert isinstance(caught.value.code, remctl.ErrorCode) == (1 <= code <= 10)
        assert client.error() == (said or "no error")


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

    @pytest.mark.parametrize("how", ["run", "files", "stream", "lines"])
    def test_after_a_refusal(self, server: Server, how: str) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            with pytest.raises(remctl.RemctlError):
                if how == "run":
                    client.run(["nothing"])
                elif how == "files":
                    client.run(["nothing"], stdout=io.BytesIO())
                elif how == "stream":
                    list(client.stream(["nothing"]))
                else:
                    list(client.stream(["nothing"]).lines())
            assert client.error() == "Unknown command"
            client.run(["test", "hello"])
            assert client.error() == "no error"

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
                client.command("test")  # type: ignore[arg-type]
            assert client.error() == "no error"
