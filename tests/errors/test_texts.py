"""What errors say of where they happened."""

import asyncio
import copy
import pickle
from collections.abc import Callable

import pytest
import remctl
import trio
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile

DENIED = ["test", "denied", "secret"]
FULL = "test denied on {}: Access denied"


async def _run(server: Server) -> None:
    async with remctl.AsyncRemctl(server.host, server.port) as client:
        await client.run(DENIED)


async def _stream(server: Server) -> None:
    async with (
        remctl.AsyncRemctl(server.host, server.port) as client,
        client.stream(DENIED) as stream,
    ):
        async for _ in stream:
            pass


def _blocking_run(server: Server) -> None:
    with remctl.Remctl(server.host, server.port) as client:
        client.run(DENIED)


def _blocking_stream(server: Server) -> None:
    with remctl.Remctl(server.host, server.port) as client:
        list(client.stream(DENIED))


def _many(server: Server) -> None:
    (outcome,) = remctl.run_many([remctl.Target(server.host, server.port)], DENIED)
    outcome.check()


FULL_CALLS: dict[str, Callable[[Server], object]] = {
    "run": _blocking_run,
    "stream": _blocking_stream,
    "pool": lambda server: (
        remctl.ConnectionPool(server.host, server.port, min_size=0).run(DENIED)
    ),
    "run_many": _many,
    "asyncio run": lambda server: asyncio.run(_run(server)),
    "asyncio stream": lambda server: asyncio.run(_stream(server)),
    "trio run": lambda server: trio.run(_run, server),
}


async def _simple(server: Server) -> None:
    await remctl.aremctl(server.host, server.port, command=DENIED)


SIMPLE_CALLS: dict[str, Callable[[Server], object]] = {
    "remctl": lambda server: (remctl.remctl(server.host, server.port, command=DENIED)),
    "asyncio": lambda server: asyncio.run(_simple(server)),
    "trio": lambda server: trio.run(_simple, server),
}


class TestARefusal:
    @pytest.mark.parametrize("call", FULL_CALLS.values(), ids=list(FULL_CALLS))
    def test_names_command_and_host(self, server: Server, call: Callable[[Server], object]) -> None:
        with pytest.raises(remctl.RemctlProtocolError) as caught:
            call(server)
        error = caught.value
        for again in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert str(again) == FULL.format(server.host)
            assert again.args[0] == "Access denied"

    @pytest.mark.parametrize("call", SIMPLE_CALLS.values(), ids=list(SIMPLE_CALLS))
    def test_of_a_simple_call_is_in_the_server_s_words_alone(
        self, server: Server, call: Callable[[Server], object]
    ) -> None:
        with pytest.raises(remctl.RemctlProtocolError) as caught:
            call(server)
        assert str(caught.value) == "Access denied"
        (note,) = (text for text in vars(caught.value)["__notes__"] if "command" in text)
        assert note == f"The command was 'test denied' on {server.host}."

    def test_leaves_error_as_the_library_has_it(self, server: Server) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            with pytest.raises(remctl.RemctlProtocolError):
                client.run(DENIED)
            assert client.error() == "Access denied"

    def test_shows_what_a_command_s_words_hide_from_a_terminal(self, server: Server) -> None:
        with (
            remctl.Remctl(server.host, server.port) as client,
            pytest.raises(remctl.RemctlProtocolError) as caught,
        ):
            client.run(["\33[2J", "x"])
        assert str(caught.value) == rf"\x1b[2J x on {server.host}: Unknown command"

    def test_without_a_text_says_what_its_code_means(self, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_error(6, b"")
            connection.wait_closed()

        server = hostile(script)
        with (
            remctl.Remctl(server.host, server.port, server.principal) as client,
            pytest.raises(remctl.RemctlProtocolError) as caught,
        ):
            client.run(["test", "hello"])
        assert str(caught.value) == f"test hello on {server.host}: access denied (error 6)"


class TestAHostWithAPort:
    """A str stays a host in `run_many()`; the error says how to give a port."""

    def test_is_told_how_to_be_written(self) -> None:
        (outcome,) = remctl.run_many(["nohost.invalid:4373"], ["test", "hello"])
        assert outcome.error is not None
        assert outcome.error.kind == "resolve"
        advice = 'Target.parse("nohost.invalid:4373")'
        assert str(outcome.error).startswith("unknown host nohost.invalid:4373: ")
        assert advice in str(outcome.error)
        assert advice in str(outcome.error.hint)

    def test_serves_when_it_is_written_so(self, server: Server) -> None:
        targets = [remctl.Target.parse(f"{server.host}:{server.port}")]
        (outcome,) = remctl.run_many(targets, ["test", "hello"])
        assert outcome.ok

    def test_another_unknown_host_is_told_nothing_of_it(self) -> None:
        (outcome,) = remctl.run_many(["nohost.invalid"], ["test", "hello"])
        assert "parse" not in str(outcome.error)
