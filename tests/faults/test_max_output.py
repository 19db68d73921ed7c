"""`max_output=`: a host that floods ends its call, and takes no memory."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import remctl
from remctl import ErrorKind, RemctlError, RemctlProtocolError
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_pools import InLoop

# Twelve bytes of output.
HELLO = ["test", "hello"]
FLOOD = ["test", "flood"]
LIMIT = 100_000


def flood(connection: Connection) -> None:
    """Send output without an end, of both kinds."""
    connection.recv_command()
    while True:
        connection.send_output(1, b"x" * 4096)
        connection.send_output(2, b"y" * 1024)


def simple(server: Any, command: list[str], **arguments: Any) -> Any:
    return remctl.remctl(server.host, server.port, server.principal, command, **arguments)


def run(server: Any, command: list[str], **arguments: Any) -> Any:
    with remctl.Remctl(server.host, server.port, server.principal) as client:
        return client.run(command, **arguments)


def pool(server: Any, command: list[str], **arguments: Any) -> Any:
    with remctl.ConnectionPool(server.host, server.port, server.principal) as pool:
        return pool.run(command, **arguments)


def target(server: Any) -> remctl.Target:
    return remctl.Target(server.host, server.port, server.principal)


def many(server: Any, command: list[str], **arguments: Any) -> Any:
    (outcome,) = remctl.run_many([target(server)], command, **arguments)
    return outcome.check()


def each(server: Any, command: list[str], **arguments: Any) -> Any:
    (outcome,) = remctl.for_each([target(server)], lambda r: r.run(command), **arguments)
    outcome.check()
    return outcome.value


async def asimple(server: Any, command: list[str], **arguments: Any) -> Any:
    return await remctl.aremctl(server.host, server.port, server.principal, command, **arguments)


async def arun(server: Any, command: list[str], **arguments: Any) -> Any:
    async with remctl.AsyncRemctl(server.host, server.port, server.principal) as client:
        return await client.run(command, **arguments)


async def apool(server: Any, command: list[str], **arguments: Any) -> Any:
    async with remctl.AsyncConnectionPool(server.host, server.port, server.principal) as pool:
        return await pool.run(command, **arguments)


async def amany(server: Any, command: list[str], **arguments: Any) -> Any:
    async for outcome in remctl.arun_many([target(server)], command, **arguments):
        return outcome.check()


async def aeach(server: Any, command: list[str], **arguments: Any) -> Any:
    async for outcome in remctl.afor_each([target(server)], lambda r: r.run(command), **arguments):
        outcome.check()
        return outcome.value


BLOCKING = [simple, run, pool, many, each]
IN_LOOPS = [asimple, arun, apool, amany, aeach]


def check_error(error: RemctlError) -> None:
    """The error of a flood."""
    assert error.kind is ErrorKind.TOO_LARGE
    assert error.may_have_run
    assert not error.retryable
    assert str(error) == f"more output than max_output allows ({LIMIT} bytes)"
    assert error.command == "test flood"
    assert error.host is not None
    partial = error.partial
    assert partial is not None
    assert partial.status is None
    kept = len(partial.stdout or b"") + len(partial.stderr or b"")
    assert LIMIT - 5120 <= kept <= LIMIT


@pytest.mark.parametrize("call", BLOCKING)
class TestBlocking:
    def test_more_is_an_error(self, hostile: MakeHostile, call: Callable[..., Any]) -> None:
        server = hostile(flood)
        with pytest.raises(RemctlError) as caught:
            call(server, FLOOD, max_output=LIMIT)
        check_error(caught.value)
        assert isinstance(caught.value, RemctlProtocolError) == (call is simple)

    def test_as_much_is_none(self, server: Server, call: Callable[..., Any]) -> None:
        assert call(server, HELLO, max_output=12).text == "hello world\n"
        with pytest.raises(RemctlError) as caught:
            call(server, HELLO, max_output=11)
        assert caught.value.kind is ErrorKind.TOO_LARGE

    @pytest.mark.parametrize("value", [-1, 1.5, "10"])
    def test_it_is_a_number(self, server: Server, call: Callable[..., Any], value: Any) -> None:
        with pytest.raises((TypeError, ValueError), match="max_output must be"):
            call(server, HELLO, max_output=value)


@pytest.mark.parametrize("call", IN_LOOPS)
class TestInEventLoops:
    def test_more_is_an_error(
        self, hostile: MakeHostile, in_loop: InLoop, call: Callable[..., Awaitable[Any]]
    ) -> None:
        server = hostile(flood)

        async def main() -> None:
            with pytest.raises(RemctlError) as caught:
                await call(server, FLOOD, max_output=LIMIT)
            check_error(caught.value)

        in_loop(main)

    def test_as_much_is_none(
        self, server: Server, in_loop: InLoop, call: Callable[..., Awaitable[Any]]
    ) -> None:
        async def main() -> None:
            assert (await call(server, HELLO, max_output=12)).text == "hello world\n"
            with pytest.raises(RemctlError) as caught:
                await call(server, HELLO, max_output=0)
            assert caught.value.kind is ErrorKind.TOO_LARGE

        in_loop(main)


@pytest.mark.parametrize("call", [run, pool])
def test_what_goes_into_files_counts(hostile: MakeHostile, call: Callable[..., Any]) -> None:
    file, server = io.BytesIO(), hostile(flood)
    with pytest.raises(RemctlError) as caught:
        call(server, FLOOD, max_output=LIMIT, stdout=file)
    partial = caught.value.partial
    assert partial is not None
    assert partial.stdout is None
    assert LIMIT - 5120 <= len(file.getvalue()) + len(partial.stderr or b"") <= LIMIT


def test_into_files_of_many_hosts_too(hostile: MakeHostile) -> None:
    file, server = io.BytesIO(), hostile(flood)
    with pytest.raises(RemctlError) as caught:
        many(server, FLOOD, max_output=LIMIT, stdout=lambda _: file)
    assert caught.value.kind is ErrorKind.TOO_LARGE
    assert len(file.getvalue()) <= LIMIT


def test_the_next_command_has_a_connection_of_its_own(server: Server) -> None:
    with remctl.Remctl(server.host, server.port, server.principal) as client:
        with pytest.raises(RemctlError):
            client.run(["test", "lines", "100"], max_output=10)
        assert client.run(HELLO, max_output=12).text == "hello world\n"


def test_a_job_s_own_limit_is_the_call_s(server: Server) -> None:
    async def job(r: remctl.JobRemctl) -> str:
        return (await r.run(HELLO, max_output=20)).text

    (outcome,) = remctl.for_each([target(server)], job, max_output=1)
    assert outcome.value == "hello world\n"
