"""A thread that has ended is not taken for one that comes after it."""

from concurrent.futures import ThreadPoolExecutor

from remctl import Remctl
from remctl.testing import Server

HELLO = ["test", "hello"]
ROUNDS = 10


def test_a_stream_of_a_thread_that_has_ended_lets_others_wait(server: Server) -> None:
    """Their calls are made when it is at its end, and not refused as calls of its own thread."""
    with Remctl("localhost", server.port) as client:
        for _ in range(ROUNDS):
            with ThreadPoolExecutor(1) as ends:
                stream = ends.submit(client.stream, HELLO).result()
            with ThreadPoolExecutor(1) as others:
                answer = others.submit(client.run, HELLO)
                assert [token.type for token in stream] == ["output", "status"]
                assert answer.result().stdout == b"hello world\n"
