"""A crowd that waits for its turn costs the one whose turn it is nothing."""

import contextlib
import statistics
import threading
import time

import pytest
from remctl import Remctl, RemctlError
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile

TOKENS = 3000
CROWD = 200

pytestmark = pytest.mark.measures


def test_tokens_cost_the_same_whoever_waits(hostile: MakeHostile) -> None:
    """Processor time for a stream whose tokens all lie ready: flat."""
    ready = threading.Event()

    def script(connection: Connection) -> None:
        connection.recv_command()
        answer = b"".join(connection.wrap(b"\2\3\1\0\0\0\1x") for _ in range(TOKENS))
        connection.send_raw(answer + connection.wrap(b"\2\4\0"))
        ready.set()
        connection.wait_closed()

    server = hostile(script)

    def measure(crowd: int) -> float:
        client = Remctl(server.host, server.port, server.principal)
        waiting = threading.Barrier(crowd + 1)

        def wait() -> None:
            waiting.wait()
            with contextlib.suppress(RemctlError):
                client.noop()

        ready.clear()
        stream = client.stream(["test"])
        threads = [threading.Thread(target=wait) for _ in range(crowd)]
        for thread in threads:
            thread.start()
        waiting.wait()
        assert ready.wait(20)
        time.sleep(0.2)  # they have all come to their waits
        start = time.process_time()
        count = sum(1 for _ in stream)
        used = time.process_time() - start
        assert count == TOKENS + 1
        client.close()
        for thread in threads:
            thread.join()
        return used

    alone = statistics.median(measure(0) for _ in range(3))
    crowded = statistics.median(measure(CROWD) for _ in range(3))
    assert crowded < 2 * alone + 0.02, (alone, crowded)


def test_each_of_the_crowd_has_its_turn(server: Server) -> None:
    """None is left behind, and none is served far more often than another."""
    client = Remctl("localhost", server.port)
    counts = [0] * 8
    end = time.monotonic() + 3

    def work(index: int) -> None:
        while time.monotonic() < end:
            assert client.noop()
            counts[index] += 1

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    assert min(counts) > 0
    assert min(counts) > sum(counts) / len(counts) / 20, counts
