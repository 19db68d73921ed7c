"""`may_have_run` is False only where the server has not run the command.

A connection is cut at every byte of a command on its way, and of its answer; the server's record
tells what ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from remctl import RemctlError, RemctlProtocolError
from remctl.testing import Command, Realm, Server

from tests.fix_protocol1 import Protocol1Server
from tests.programs.async_worlds import Asynchronous
from tests.programs.cuts import MakeWorld, Trial, Where
from tests.programs.worlds import Blocking
from tests.support.obliging import ObligingServer
from tests.support.proxy import DOWN, UP, Proxy
from tests.support.traces import wait_until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=[Blocking, Asynchronous], ids=["blocking", "asynchronous"])
def make_world(request: pytest.FixtureRequest) -> Iterator[MakeWorld]:
    """Makes objects of each interface in turn, which are ended afterwards."""
    worlds: list[Any] = []

    def end() -> None:
        while worlds:
            world = worlds.pop()
            world.close()
            world.end()

    def make() -> Any:
        end()
        worlds.append(request.param())
        return worlds[-1]

    yield make
    end()


@pytest.fixture
def obliging(realm: Realm) -> Iterator[ObligingServer]:
    """A server that keeps a record."""
    server = ObligingServer(realm)
    yield server
    server.close()


@pytest.mark.parametrize("how", ["open", "open_socket"])
@pytest.mark.parametrize("cut", [Proxy.cut, Proxy.reset])
def test_every_byte_of_a_command(
    make_world: MakeWorld, obliging: ObligingServer, how: str, cut: Callable[[Proxy], None]
) -> None:
    trial = Trial(make_world, obliging, how)
    length = trial.lengths()[UP]
    assert 50 < length < 500
    with Proxy((obliging.host, obliging.port)) as proxy:
        told = [trial.run(proxy, count, UP, cut) for count in range(1, length + 1)]
    # The last byte makes it run, and no byte before that.
    assert [ran for _, ran in told] == [False] * (length - 1) + [True]


@pytest.mark.parametrize("cut", [Proxy.cut, Proxy.reset])
def test_every_byte_of_an_answer(
    make_world: MakeWorld, obliging: ObligingServer, cut: Callable[[Proxy], None]
) -> None:
    trial = Trial(make_world, obliging)
    length = trial.lengths()[DOWN]
    with Proxy((obliging.host, obliging.port)) as proxy:
        told = [trial.run(proxy, count, DOWN, cut) for count in range(1, length)]
    assert set(told) == {(True, True)}


def test_the_last_packet_is_lost(make_world: MakeWorld, obliging: ObligingServer) -> None:
    """Silence instead of an end: at the command's last bytes, and in its answer."""
    trial = Trial(make_world, obliging)
    lengths = trial.lengths()
    with Proxy((obliging.host, obliging.port)) as proxy:
        for direction, length in lengths.items():
            for count in (1, length // 2, length - 1):
                said, _ = trial.run(proxy, count, direction, Proxy.pause)
                assert said is True, (direction, count, length)


@pytest.mark.parametrize("cut", [Proxy.cut, Proxy.reset])
def test_a_command_of_several_pieces(
    make_world: MakeWorld, obliging: ObligingServer, cut: Callable[[Proxy], None]
) -> None:
    """About every edge of a token, and somewhere in between; cuts.py does every byte."""
    data = b"x" * 300_000
    trial = Trial(make_world, obliging)
    length = trial.lengths(data)[UP]
    pieces = 5  # of 64 KiB and what encryption adds
    edge = (length - 1) // pieces + 1
    counts = {1, length - 1, length - 2, *range(7, length, length // 40)}
    for number in range(1, pieces):
        counts |= {number * edge + off for off in range(-6, 7)}
    with Proxy((obliging.host, obliging.port)) as proxy:
        for count in sorted(counts):
            _, ran = trial.run(proxy, count, UP, cut, data)
            assert ran is (count >= length), count


def test_it_is_false_where_that_is_known(make_world: MakeWorld, obliging: ObligingServer) -> None:
    """Else it would be right without a meaning: a command that cannot have left is not run."""
    trial = Trial(make_world, obliging)
    with Proxy((obliging.host, obliging.port)) as proxy:
        said, ran = trial.run(proxy, 100, UP, Proxy.cut, b"x" * 32_000_000)
    assert (said, ran) == (False, False)


class Recording(Protocol1Server):
    """Says when it is done with a connection."""

    ended = 0

    def serve(self, sock: Any) -> None:
        try:
            super().serve(sock)
        finally:
            self.ended += 1


def test_every_byte_of_a_command_of_protocol_1(make_world: MakeWorld, realm: Realm) -> None:
    server = Recording(realm)
    heard, count = 0, 0
    try:
        with Proxy((server.host, server.port)) as proxy:
            while not heard:
                count += 1
                world = make_world()
                world.set_timeout(20)
                world.open(Where(proxy.host, proxy.port, server.principal))
                proxy.after(count, UP, Proxy.cut)
                with pytest.raises(RemctlError) as caught:
                    world.run([b"test", b"it"])
                proxy.cut()
                wait_until(lambda: server.ended == server.connections)
                heard = len(server.commands)
                assert caught.value.may_have_run or not heard, count
    finally:
        server.close()
    assert count > 50


@pytest.fixture
def refusing(realm: Realm) -> Iterator[tuple[Server, list[tuple[str, ...]]]]:
    """A remctld that refuses for many reasons, and a record of what it ran all the same."""
    ran: list[tuple[str, ...]] = []

    def record(call: Any) -> None:
        ran.append(call.command)

    commands = {"it": record, "denied": Command(record, acl=("deny:ANYUSER",))}
    with realm.server({"test": commands}) as server:
        yield server, ran


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ([b"no", b"such"], 5),
        ([b"test", b"no such"], 5),
        ([b"test", b"denied"], 6),
        ([b"test", b"it", *[b"a"] * 5000], 7),
        ([b"test\0", b"it"], 4),
        ([b"help", b"test", b"it"], 10),
    ],
)
def test_remctld_has_run_nothing_that_it_refuses(
    make_world: MakeWorld,
    refusing: tuple[Server, list[tuple[str, ...]]],
    command: list[bytes],
    code: int,
) -> None:
    refuse(make_world(), refusing, command, code)


def test_remctld_has_run_nothing_that_is_too_large(
    make_world: MakeWorld, refusing: tuple[Server, list[tuple[str, ...]]]
) -> None:
    """More than 100 MiB: it says so in the middle of the command."""
    refuse(make_world(), refusing, [b"test", b"it", bytes(110 * 2**20)], 8)


def refuse(
    world: Any, refusing: tuple[Server, list[tuple[str, ...]]], command: list[bytes], code: int
) -> None:
    """Have a command refused, and nothing run."""
    server, ran = refusing
    world.open(Where("localhost", server.port, server.principal))
    with pytest.raises(RemctlProtocolError) as caught:
        world.run(command)
    assert caught.value.code == code
    assert caught.value.may_have_run is False
    # Behind it, on the same connection where that lives on: what was to run has run by now.
    world.run([b"test", b"it", b"after"])
    assert ran == [("test", "it", "after")]
