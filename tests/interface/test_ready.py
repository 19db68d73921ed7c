"""`ready` and `fileno()`: what is needed to wait with select and never in `output()`."""

import select
import struct
import time
from collections.abc import Callable

import pytest
from remctl import Remctl, RemctlOutput
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile

PATIENCE = 10.0  # seconds; the answer lies there


def read(client: Remctl) -> list[RemctlOutput]:
    """An answer, as the documentation says how to wait for it."""
    tokens: list[RemctlOutput] = []
    while not tokens or tokens[-1].type == "output":
        if not client.ready:
            assert select.select([client], [], [], PATIENCE)[0], f"after {len(tokens)} tokens"
        tokens.append(client.output())
    return tokens


def answer(count: int, length: int) -> Callable[[Connection], None]:
    """Answers each command with so many tokens, sent in one go."""
    plain = b"\2\3\1" + struct.pack("!I", length) + bytes(length)

    def script(connection: Connection) -> None:
        while True:
            connection.recv_command()
            tokens = [connection.wrap(plain) for _ in range(count)]
            connection.send_raw(b"".join(tokens) + connection.wrap(b"\2\4\0"))

    return script


@pytest.mark.parametrize(("count", "length"), [(3, 1), (40, 60_000), (7, 100_000), (5, 300_000)])
def test_tokens_that_were_read_ahead(hostile: MakeHostile, count: int, length: int) -> None:
    """select does not see them, but `ready` does, so nobody waits for them without end."""
    server = hostile(answer(count, length))
    with Remctl(server.host, server.port, server.principal) as client:
        for _ in range(3):
            client.command(["test"])
            tokens = read(client)
            assert [len(token.output or b"") for token in tokens] == [length] * count + [0]


def test_it_is_not_ready_before_the_answer(server: Server) -> None:
    """Also of a second command, when the answer to the first was read to its end."""
    with Remctl("localhost", server.port) as client:
        for _ in range(2):
            client.command(["test", "stream", "2", "0.3"])
            assert not client.ready
            start = time.monotonic()
            assert len(read(client)) >= 2
            assert time.monotonic() - start > 0.2
            assert client.ready  # to say that there is no more
            assert client.output().type == "done"


def test_an_answer_that_came_while_a_large_command_was_sent(hostile: MakeHostile) -> None:
    """It lies read ahead before the first `output()`."""

    def script(connection: Connection) -> None:
        connection.recv_message()  # the first part of the command
        connection.send_status(7)
        connection.wait_closed()

    server = hostile(script)
    with Remctl(server.host, server.port, server.principal) as client:
        client.set_timeout(PATIENCE)
        client.command([bytes(3_000_000)])
        assert client.ready or select.select([client], [], [], PATIENCE)[0]
        assert client.output().status == 7
