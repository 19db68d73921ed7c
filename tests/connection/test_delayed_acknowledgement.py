"""A server that leaves Nagle's algorithm on (remctld does) holds the last token of an answer back
until the one before it is acknowledged: a kernel that delays that would cost 40 ms a command."""

import statistics
import time

import pytest
import remctl
from remctl.testing import Server

DELAY = 0.04


@pytest.mark.measures
def test_an_answer_of_two_tokens_takes_no_delayed_acknowledgement(server: Server) -> None:
    def seconds() -> float:
        start = time.perf_counter()
        connection.command(["test", "hello"])
        while connection.output().type != "done":
            pass
        return time.perf_counter() - start

    with remctl.Remctl(server.host, server.port) as connection:
        assert statistics.median(seconds() for _ in range(15)) < DELAY / 2
