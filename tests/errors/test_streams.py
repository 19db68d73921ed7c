"""A stream never hides a refusal, and tells how it ended; lines are put together."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import remctl
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_pools import InLoop

REFUSED = ["no", "such"]


@pytest.fixture(params=["blocking", "asynchronous"])
def streamed(request: pytest.FixtureRequest) -> Callable[..., list[Any]]:
    """What a stream gives, then what it raises or its status; and then that of a good command."""

    def collect(where: tuple[Any, ...], command: list[str], how: str, **keywords: Any) -> list[Any]:
        seen: list[Any] = []
        with remctl.Remctl(*where) as client:
            stream = client.stream(command, **keywords)
            try:
                for item in stream.lines() if how == "lines" else stream:
                    assert how == "lines" or stream.status is None or item[0] == "status"
                    seen.append(item)
                seen.append(stream.status)
            except remctl.RemctlError as error:
                seen.append((error.kind, error.may_have_run, error.command, stream.status))
            seen.append(client.run(["test", "hello"]).status)
        return seen

    def in_loop(where: tuple[Any, ...], command: list[str], how: str, **keywords: Any) -> list[Any]:
        run: InLoop = request.getfixturevalue("in_loop")
        seen: list[Any] = []

        async def main() -> None:
            async with (
                remctl.AsyncRemctl(*where) as client,
                client.stream(command, **keywords) as stream,
            ):
                try:
                    async for item in stream.lines() if how == "lines" else stream:
                        assert how == "lines" or stream.status is None or item[0] == "status"
                        seen.append(item)
                    seen.append(stream.status)
                except remctl.RemctlError as error:
                    seen.append((error.kind, error.may_have_run, error.command, stream.status))
                seen.append((await client.run(["test", "hello"])).status)

        made: Callable[[], Awaitable[Any]] = main
        run(made)
        return seen

    return collect if request.param == "blocking" else in_loop


@pytest.mark.parametrize("how", ["tokens", "lines"])
def test_a_refusal_is_raised_and_the_connection_stays(
    streamed: Callable[..., list[Any]], in_loop: InLoop, server: Server, how: str
) -> None:
    where = (server.host, server.port)
    refused = ("unknown_command", False, "no such", None)
    assert streamed(where, REFUSED, how) == [refused, 0]


def test_a_refusal_can_be_a_token(
    streamed: Callable[..., list[Any]], in_loop: InLoop, server: Server
) -> None:
    where = (server.host, server.port)
    token = ("error", b"Unknown command", None, None, 5)
    assert streamed(where, REFUSED, "tokens", raise_errors=False) == [token, None, 0]


def test_lines_are_put_together(
    streamed: Callable[..., list[Any]], in_loop: InLoop, hostile: MakeHostile
) -> None:
    def script(connection: Connection) -> None:
        connection.recv_command()
        for stream, data in [(1, b"a\xc3"), (2, b"x\n"), (1, b"\xa4b\n\nlast"), (2, b"y\xff")]:
            connection.send_output(stream, data)
        connection.send_status(3)
        connection.recv_command()
        connection.send_status(0)
        connection.wait_closed()

    server = hostile(script)
    where = (server.host, server.port, server.principal)
    lines = [(2, "x"), (1, "a\u00e4b"), (1, ""), (1, "last"), (2, "y\ufffd")]
    assert streamed(where, ["test", "it"], "lines") == [*lines, 3, 0]
