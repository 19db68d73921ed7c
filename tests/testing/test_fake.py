"""A fake answers as a server does: the same tests, on a real server and on the fake."""

import ast
import gc
import inspect
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import pytest
import remctl
from remctl.testing import Answer, Call, Command, FakeRemctl, FakeServer, Realm, fake_remctl
from remctl.testing._fake_connection import FakeConnection, FakeSession

from tests.fix_realm import FOLDER

PENDING = "^output of the previous command is pending"


@dataclass
class Target:
    """A server that is real or not, and what its functions were called with and have raised."""

    port: int
    calls: list[Call] = field(default_factory=list)
    exceptions: list[BaseException] = field(default_factory=list)

    def client(self, **keywords: Any) -> remctl.Remctl:
        return remctl.Remctl("localhost", self.port, **keywords)


def lines(call: Call) -> Answer:
    return "".join(f"line {number}\n" for number in range(int(call.args[0])))


def both(call: Call) -> Answer:
    return ("out", b"err\xff", int(call.args[0]))


def arguments(call: Call) -> Answer:
    return repr(call.args)


def standard_input(call: Call) -> Answer:
    return (call.stdin, repr(call.args), 0)


def broken(call: Call) -> Answer:
    raise LookupError("broken")


COMMANDS: dict[str, dict[str, Any]] = {
    "test": {
        "lines": lines,
        "both": both,
        "args": arguments,
        "last": Command(standard_input, stdin="last"),
        "third": Command(standard_input, stdin=3),
        "broken": broken,
        "user": lambda call: call.user,
        "where": lambda call: f"{call.host} {call.port}",
    },
    "first": {"ALL": lambda call: f"all {call.command}", "never": lambda call: "never"},
    "bare": {"EMPTY": lambda call: f"empty {call.command}", "not": lambda call: "not"},
    "ALL": {"everywhere": lambda call: f"everywhere {call.command}"},
}


@pytest.fixture(scope="class", params=["real", "fake"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The real server and the fake one."""
    if request.param == "real":
        realm: Realm = request.getfixturevalue("realm")
        drop = {"drop": FOLDER / "drop"}
        with realm.server({**COMMANDS, "test": {**COMMANDS["test"], **drop}}) as server:
            yield Target(server.port, [], server.exceptions)
    else:
        gone = {"drop": remctl.RemctlError("error receiving token: unexpected end of file")}
        with fake_remctl({**COMMANDS, "test": {**COMMANDS["test"], **gone}}) as fake:
            yield Target(23456, fake.calls, fake.exceptions)


@pytest.fixture
def client(target: Target) -> Iterator[remctl.Remctl]:
    """A client that is open."""
    with target.client() as client:
        yield client


def still_right(client: remctl.Remctl) -> bool:
    """Whether the next answer belongs to the next command."""
    return client.run(["test", "args", "again"]).stdout == b"('again',)"


class TestAnswers:
    def test_a_result(self, client: remctl.Remctl) -> None:
        result = client.run(["test", "both", "3"])
        assert type(result) is remctl.RemctlSimpleResult
        assert result == remctl.RemctlSimpleResult(b"out", b"err\xff", 3)

    def test_nothing_is_none(self, client: remctl.Remctl) -> None:
        assert client.run(["test", "lines", "0"]) == remctl.RemctlSimpleResult(None, None, 0)

    def test_the_simple_call(self, target: Target) -> None:
        result = remctl.remctl("localhost", target.port, command=["test", "both", "255"])
        assert result == remctl.RemctlSimpleResult(b"out", b"err\xff", 255)

    def test_tokens(self, client: remctl.Remctl) -> None:
        client.command(["test", "both", "7"])
        tokens = [client.output() for _ in range(5)]
        assert {type(token) for token in tokens} == {remctl.RemctlOutput}
        assert set(tokens[:2]) == {
            ("output", b"out", 1, None, None),
            ("output", b"err\xff", 2, None, None),
        }
        assert tokens[2:] == [
            ("status", None, None, 7, None),
            ("done", None, None, None, None),
            ("done", None, None, None, None),
        ]

    def test_much_comes_in_pieces(self, client: remctl.Remctl) -> None:
        client.command(["test", "lines", "10000"])
        *pieces, status = list(client)
        assert len(pieces) > 10
        assert b"".join(piece.output or b"" for piece in pieces).count(b"\n") == 10000
        assert status.status == 0

    def test_done_before_the_first_command(self, client: remctl.Remctl) -> None:
        assert client.output() == ("done", None, None, None, None)

    def test_noop(self, client: remctl.Remctl) -> None:
        assert client.noop() is True

    @pytest.mark.parametrize(
        "words", [["a b", "", "ü", b"\xff", 7], [], [b"x" * 100000]], ids=["odd", "none", "long"]
    )
    def test_arguments(self, client: remctl.Remctl, words: list[object]) -> None:
        texts = [w.decode("utf-8", "surrogateescape") if isinstance(w, bytes) else w for w in words]
        expected = repr(tuple(map(str, texts))).encode()
        assert client.run(["test", "args", *words]).stdout == expected

    @pytest.mark.parametrize(
        ("command", "stdout", "args"),
        [
            (["test", "last", "a", b"\0in"], b"\0in", b"('a',)"),
            (["test", "last", "in"], b"in", b"()"),
            (["test", "last"], b"last", b"()"),
            (["test", "third", "a"], None, b"('a',)"),
            (["test", "third", "a", "in", "c"], b"in", b"('a', 'c')"),
        ],
    )
    def test_standard_input(
        self, client: remctl.Remctl, command: list[object], stdout: bytes | None, args: bytes
    ) -> None:
        result = client.run(command)
        assert (result.stdout, result.stderr) == (stdout, args)

    def test_the_user_and_the_host(self, client: remctl.Remctl, target: Target) -> None:
        assert client.run(["test", "user"]).stdout == b"user@REMCTL.TEST"
        assert client.run(["test", "where"]).stdout == f"localhost {target.port}".encode()

    @pytest.mark.parametrize(
        ("command", "answer"),
        [
            (["first", "never"], b"all ('first', 'never')"),
            (["first"], b"all ('first',)"),
            (["bare"], b"empty ('bare',)"),
            (["anything", "everywhere", "x"], b"everywhere ('anything', 'everywhere', 'x')"),
        ],
    )
    def test_the_first_that_fits(
        self, client: remctl.Remctl, command: list[str], answer: bytes
    ) -> None:
        assert client.run(command).stdout == answer

    @pytest.mark.parametrize("command", [["no", "such"], ["no"], ["test"], [""], ["bare", "x"]])
    def test_unknown(self, client: remctl.Remctl, command: list[str]) -> None:
        client.command(command)
        assert client.output() == ("error", b"Unknown command", None, None, 5)
        assert client.output().type == "done"
        with pytest.raises(remctl.RemctlProtocolError, match=r"^Unknown command$") as caught:
            client.run(command)
        assert caught.value.code is remctl.ErrorCode.UNKNOWN_COMMAND
        assert still_right(client)

    @pytest.mark.parametrize("command", [["test", "args", "a\0b"], ["test", "args\0"]])
    def test_zero_bytes_are_refused(self, client: remctl.Remctl, command: list[str]) -> None:
        client.command(command)
        assert client.output() == ("error", b"Invalid command token", None, None, 4)

    def test_an_exception_of_a_function(self, client: remctl.Remctl, target: Target) -> None:
        result = client.run(["test", "broken"])
        assert (result.stdout, result.status) == (None, 255)
        first, place, *_, last = (result.stderr or b"").decode().splitlines()
        assert first.startswith("Traceback")
        assert place.endswith("in broken")
        assert last == "LookupError: broken"
        assert isinstance(target.exceptions[-1], LookupError)


class TestState:
    @pytest.mark.parametrize("call", ["command", "run", "stream", "noop"])
    def test_pending_output_is_in_the_way(self, client: remctl.Remctl, call: str) -> None:
        client.command(["test", "both", "0"])
        with pytest.raises(remctl.RemctlError, match=PENDING):
            getattr(client, call)(*([] if call == "noop" else [["test", "lines", "1"]]))
        assert client.error().startswith("output of the previous command is pending")
        assert [token.type for token in client] == ["output", "output", "status"]
        assert still_right(client)

    @pytest.mark.parametrize("call", ["command", "run", "stream", "noop", "output", "fileno"])
    @pytest.mark.parametrize("state", ["never", "closed"])
    def test_not_opened(self, target: Target, call: str, state: str) -> None:
        client = remctl.Remctl()
        assert client.error() == "no error"
        if state == "closed":
            client = target.client()
            client.close()
        args = [["test", "args"]] if call in ("command", "run", "stream") else []
        with pytest.raises(remctl.RemctlNotOpenedError, match=r"^no currently open connection$"):
            getattr(client, call)(*args)
        assert client.error() == "no currently open connection"
        assert not client.opened

    def test_opened_and_closed(self, target: Target) -> None:
        with target.client() as client:
            assert client.opened
            assert "open" in repr(client)
            client.command(["test", "args"])
            client.open("localhost", target.port)
            assert client.output().type == "done"
        assert not client.opened
        client.close()
        client.open("localhost", target.port)
        assert still_right(client)
        client.close()

    def test_settings(self, client: remctl.Remctl) -> None:
        client.set_timeout(5)
        client.set_timeout(None)
        client.set_source_ip("127.0.0.1")
        with pytest.raises(remctl.RemctlError, match="timeout") as caught:
            client.set_timeout(-1)
        assert client.error() == str(caught.value)
        with pytest.raises(ValueError, match="nonsense"):
            client.set_source_ip("nonsense")
        with pytest.raises(TypeError):
            client.set_ccache(7)  # type: ignore[arg-type]

    def test_bad_arguments(self, client: remctl.Remctl) -> None:
        commands: list[Any] = ["test", 7, []]
        for command in commands:
            with pytest.raises((TypeError, ValueError)):
                client.run(command)
        with pytest.raises(ValueError, match="invalid port"):
            client.open("localhost", 99999)

    def test_a_failure_drops_the_connection_and_the_next_command_makes_another(
        self, client: remctl.Remctl
    ) -> None:
        client.command(["test", "drop"])
        with pytest.raises(remctl.RemctlError, match="unexpected end of file") as caught:
            client.output()
        assert client.error() == str(caught.value)
        assert client.opened
        with pytest.raises(remctl.RemctlError, match=r"^no connection open$"):
            client.output()
        assert still_right(client)

    def test_a_failure_of_the_simple_call_is_a_protocol_error(self, target: Target) -> None:
        with pytest.raises(remctl.RemctlProtocolError, match="unexpected end of file") as caught:
            remctl.remctl("localhost", target.port, command=["test", "drop"])
        assert caught.value.code is None


class TestStream:
    def test_tokens(self, client: remctl.Remctl) -> None:
        with client.stream(["test", "both", "7"]) as stream:
            assert type(stream) is remctl.Stream
            assert [token.type for token in stream] == ["output", "output", "status"]
            assert list(stream) == []
        assert still_right(client)

    def test_an_error(self, client: remctl.Remctl) -> None:
        assert [token.error for token in client.stream(["no", "such"])] == [5]
        assert still_right(client)

    def test_left_early(self, client: remctl.Remctl) -> None:
        for _ in client.stream(["test", "lines", "10000"]):
            break
        gc.collect()
        with pytest.raises(remctl.RemctlError, match=r"^no connection open$"):
            client.output()
        assert still_right(client)
        with client.stream(["test", "lines", "10000"]) as stream:
            next(stream)
        assert list(stream) == []
        assert still_right(client)

    @pytest.mark.parametrize("call", ["command", "run", "stream", "noop"])
    def test_the_connection_is_its_own(self, client: remctl.Remctl, call: str) -> None:
        with client.stream(["test", "lines", "3"]) as stream:
            next(stream)
            with pytest.raises(remctl.RemctlError, match=PENDING):
                getattr(client, call)(*([] if call == "noop" else [["test", "args"]]))
            assert [token.status for token in stream][-1] == 0
        assert still_right(client)

    def test_other_threads_wait_for_its_end(self, client: remctl.Remctl) -> None:
        done: list[bool] = []
        thread = threading.Thread(target=lambda: done.append(still_right(client)))
        with client.stream(["test", "lines", "3"]) as stream:
            next(stream)
            thread.start()
            thread.join(0.1)
            assert done == []
            list(stream)
        thread.join(10)
        assert done == [True]

    def test_closing_the_client_ends_it(self, client: remctl.Remctl) -> None:
        stream = client.stream(["test", "lines", "3"])
        client.close()
        with pytest.raises(remctl.RemctlError, match="closed during the stream"):
            next(stream)
        assert list(stream) == []

    def test_a_failure_ends_it(self, client: remctl.Remctl) -> None:
        stream = client.stream(["test", "drop"])
        with pytest.raises(remctl.RemctlError, match="unexpected end of file"):
            next(stream)
        assert list(stream) == []
        assert still_right(client)


class TestTable:
    """What only a fake can be told."""

    @pytest.mark.parametrize(
        ("entry", "result"),
        [
            (b"\xff", (b"\xff", None, 0)),
            ("ü", ("ü".encode(), None, 0)),
            (7, (None, None, 7)),
            (None, (None, None, 0)),
            ((b"out", "err", 3), (b"out", b"err", 3)),
            (lambda call: call.host, (b"example.org", None, 0)),
            (Command(lambda call: call.stdin, stdin="last"), (b"x", None, 0)),
        ],
    )
    def test_answers(self, entry: Any, result: tuple[bytes, bytes, int]) -> None:
        with fake_remctl({"test": {"it": entry}}):
            found = remctl.remctl("example.org", command=["test", "it", "x"])
        assert found == remctl.RemctlSimpleResult(*result)

    @pytest.mark.parametrize("entry", [1.5, 256, True, ("a", "b"), [], Command("/bin/true")])
    def test_what_is_no_answer(self, entry: Any) -> None:
        with pytest.raises((TypeError, ValueError)):
            FakeServer({"test": {"it": entry}})

    @pytest.mark.parametrize(
        "entry",
        [
            remctl.RemctlTimeoutError("timed out"),
            remctl.RemctlTimeoutError,
            lambda call: remctl.RemctlTimeoutError("timed out"),
        ],
    )
    def test_an_exception_is_raised_by_the_client(self, entry: Any) -> None:
        with fake_remctl({"test": {"it": entry}}):
            client = remctl.Remctl("example.org")
            with pytest.raises(remctl.RemctlTimeoutError):
                client.run(["test", "it"])
            client.command(["test", "it"])
            with pytest.raises(remctl.RemctlTimeoutError):
                client.output()

    def test_a_protocol_error_with_a_code_is_the_server_s_refusal(self) -> None:
        refusal = remctl.RemctlProtocolError("Access denied", remctl.ErrorCode.ACCESS)
        client = FakeRemctl({"test": {"it": refusal}}, "example.org")
        client.command(["test", "it"])
        assert client.output() == ("error", b"Access denied", None, None, 6)
        with pytest.raises(remctl.RemctlProtocolError, match="Access denied") as caught:
            client.run(["test", "it"])
        assert caught.value.code is remctl.ErrorCode.ACCESS

    def test_it_may_answer_otherwise_the_second_time(self) -> None:
        answers: Iterator[Any] = iter([remctl.RemctlError("lost"), "found"])
        client = FakeRemctl({"test": {"it": lambda call: next(answers)}}, "example.org")
        with pytest.raises(remctl.RemctlError, match="lost"):
            client.run(["test", "it"])
        assert client.run(["test", "it"]).stdout == b"found"

    def test_unreachable_hosts(self) -> None:
        with fake_remctl({"test": {"it": "hello"}}, unreachable=["down.example.org"]) as fake:
            with pytest.raises(remctl.RemctlError, match=r"^cannot connect to down\.example\.org"):
                remctl.Remctl("down.example.org")
            with pytest.raises(remctl.RemctlProtocolError, match="cannot connect"):
                remctl.remctl("down.example.org", command=["test", "it"])
            assert remctl.remctl("up.example.org", command=["test", "it"]).status == 0
            assert [(call.host, call.port) for call in fake.calls] == [("up.example.org", 4373)]

    def test_calls(self) -> None:
        client = FakeRemctl({"test": {"it": Command(lambda call: None, stdin="last")}}, "a", 7)
        client.run(["test", "it", "x", "secret"])
        with pytest.raises(remctl.RemctlProtocolError):
            client.run(["no", b"\xff"])
        assert [call.command for call in client.calls] == [("test", "it", "x"), ("no", "\udcff")]
        assert client.calls[0].stdin == b"secret"
        assert (client.calls[0].host, client.calls[0].port) == ("a", 7)
        assert client.server.calls is client.calls


class TestInPlaceOfTheReal:
    def test_it_is_one_for_who_asks_and_for_the_types(self) -> None:
        client: remctl.Remctl = FakeRemctl({})
        assert isinstance(client, remctl.Remctl)
        assert not client.opened

    def test_its_methods_are_the_real_ones(self) -> None:
        """With their signatures and docstrings."""
        assert set(vars(FakeRemctl)) - set(vars(type("Empty", (), {}))) == {"__init__", "calls"}
        real = list(inspect.signature(remctl.Remctl.__init__).parameters.values())
        fake = list(inspect.signature(FakeRemctl.__init__).parameters.values())
        assert [p.name for p in fake] == ["self", "commands", *(p.name for p in real[1:4])]

    @pytest.mark.parametrize("fake", [FakeConnection, FakeSession])
    def test_what_is_below_has_the_interface_of_the_extension(self, fake: type) -> None:
        """Names, parameters and their defaults, as the stub has them."""
        stub = ast.parse(resources.files("remctl").joinpath("_remctl.pyi").read_text())
        (body,) = (
            node.body
            for node in stub.body
            if isinstance(node, ast.ClassDef) and node.name == fake.__name__.removeprefix("Fake")
        )
        methods = [
            node
            for node in body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        ]
        instance = fake(FakeServer({}))
        for method in methods:
            if any(isinstance(one, ast.Name) for one in method.decorator_list):
                assert isinstance(inspect.getattr_static(fake, method.name), property)
                continue
            ours = getattr(instance, method.name)
            if ours.__self__ is not instance:
                continue  # the extension's own
            args = method.args
            defaults = [ast.literal_eval(default) for default in args.defaults]
            required: list[Any] = [inspect.Parameter.empty] * (len(args.args) - len(defaults))
            wanted = [(arg.arg, d) for arg, d in zip(args.args, required + defaults, strict=True)]
            found = [(p.name, p.default) for p in inspect.signature(ours).parameters.values()]
            assert found == wanted[1:], method.name
        public = {name for name in dir(fake) if not name.startswith("_")} | set(vars(instance))
        assert {method.name for method in methods} <= public

    def test_the_real_one_is_back_afterwards(self) -> None:
        with pytest.raises(LookupError), fake_remctl({}):
            raise LookupError
        with pytest.raises(remctl.RemctlError, match="port 1"):
            remctl.Remctl("localhost", 1)

    def test_for_names_imported_before(self) -> None:
        from remctl import Remctl
        from remctl import remctl as simple

        with fake_remctl({"test": {"it": "hello"}}):
            assert simple("example.org", command=["test", "it"]).stdout == b"hello"
            with Remctl("example.org") as client:
                assert client.run(["test", "it"]).stdout == b"hello"

    def test_within_one_another(self) -> None:
        with fake_remctl({"test": {"it": "outer"}}):
            with fake_remctl({"test": {"it": "inner"}}):
                assert remctl.remctl("a", command=["test", "it"]).stdout == b"inner"
            assert remctl.remctl("a", command=["test", "it"]).stdout == b"outer"
