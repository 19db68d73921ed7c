"""Pools of connections to a server of protocol 1, which closes each after one command."""

import socket

import pytest

from tests.fix_protocol1 import Protocol1Server
from tests.pools.conftest import MakePool

pytestmark = pytest.mark.anyio


async def test_each_command_has_a_connection(
    make_pool: MakePool, protocol1: Protocol1Server
) -> None:
    async with make_pool(protocol1.host, protocol1.port, protocol1.principal, max_size=1) as pool:
        for number in range(3):
            answer = await pool.run(["echo", str(number)], timeout=10)
            assert answer.stdout == b"echo %d\n" % number
        stats = pool.stats()
    assert (stats["connections_num"], stats["connections_lost"], stats["returns_bad"]) == (1, 0, 0)
    # The first shows the protocol; libremctl makes one for each command.
    assert protocol1.connections == 4


async def test_one_that_was_idle_is_not_used(
    make_pool: MakePool, protocol1: Protocol1Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remctl._pool_core.TRUSTED", 0.0)
    async with make_pool(protocol1.host, protocol1.port, protocol1.principal) as pool:
        with protocol1._lock:
            for sock in protocol1._open:
                sock.shutdown(socket.SHUT_RDWR)
        assert (await pool.run(["echo"], timeout=10)).stdout == b"echo\n"
