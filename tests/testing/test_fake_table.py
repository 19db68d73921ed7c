"""What only a fake can be told, and how it takes the place of the real thing."""

import ast
import asyncio
import inspect
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
import remctl
from remctl.testing import Command, FakeRemctl, FakeServer, Realm, fake_remctl
from remctl.testing._fake_connection import FakeConnection, FakeSession
from remctl.testing._fake_reactor import FakeOperation, FakeReactor


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

        class Empty:
            pass

        assert set(vars(FakeRemctl)) - set(vars(Empty)) == {"__init__", "calls"}
        real = list(inspect.signature(remctl.Remctl.__init__).parameters.values())
        fake = list(inspect.signature(FakeRemctl.__init__).parameters.values())
        assert [p.name for p in fake] == ["self", "commands", *(p.name for p in real[1:4])]

    @pytest.mark.parametrize("fake", [FakeConnection, FakeSession, FakeOperation, FakeReactor])
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
        arguments: dict[type, list[Any]] = {
            FakeConnection: [FakeServer({})],
            FakeSession: [0, FakeConnection(FakeServer({}))],
            FakeOperation: [print],
            FakeReactor: [],
        }
        instance = fake(*arguments[fake])
        for method in methods:
            if any(isinstance(one, ast.Name) for one in method.decorator_list):
                assert not callable(getattr(instance, method.name))
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

    def test_a_loop_that_has_run_before(self, realm: Realm) -> None:
        async def main() -> None:
            with pytest.raises(remctl.RemctlError, match="port 1"):
                await remctl.aremctl("localhost", 1, command=["test"])
            with fake_remctl({"test": {"it": "hello"}}):
                result = await remctl.aremctl("example.org", command=["test", "it"])
                assert result.stdout == b"hello"
            with pytest.raises(remctl.RemctlError, match="port 1"):
                await remctl.aremctl("localhost", 1, command=["test"])

        asyncio.run(main())
