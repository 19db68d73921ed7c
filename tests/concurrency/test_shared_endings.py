"""All threads that share a stream are told how it ends, if that is not its end."""

import threading
from collections.abc import Callable

import pytest
from remctl import Remctl, RemctlError, RemctlProtocolError
from remctl._client import Stream
from remctl.testing import Server

from tests.support.proxy import Proxy

READERS = 4
ROUNDS = 5


def read_by_all(stream: Stream, cut: Callable[[], object]) -> list[BaseException | None]:
    """What each of several threads has read to; `cut` is called when all of them are there."""
    ends: list[BaseException | None] = []
    there = threading.Barrier(READERS + 1)

    def read() -> None:
        there.wait()
        try:
            for _ in stream:
                pass
            ends.append(None)
        except BaseException as error:
            ends.append(error)

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    there.wait()
    cut()
    for thread in threads:
        thread.join()
    return ends


@pytest.mark.parametrize("how", ["cut", "closed"])
def test_all_get_the_error(server: Server, how: str) -> None:
    """Also one who asks for the next token afterwards: each once, and then finds the end."""
    for _ in range(ROUNDS):
        with (
            Proxy((server.host, server.port)) as proxy,
            Remctl(proxy.host, proxy.port, server.principal) as client,
            client.stream(["test", "stream", "1000", "0.02"]) as stream,
        ):
            next(stream)
            ends = read_by_all(stream, proxy.cut if how == "cut" else client.close)
            with pytest.raises(RemctlError) as after:
                next(stream)
            assert list(stream) == []
            assert {type(end) for end in ends} == {RemctlError}, ends
            if how == "cut":
                assert len({str(end) for end in [*ends, after.value]}) == 1
                assert {end.host for end in ends if isinstance(end, RemctlError)} == {proxy.host}
                assert "end of file" in str(after.value)


def test_all_are_told_that_the_time_is_over(server: Server) -> None:
    with Remctl("localhost", server.port) as client:
        stream = client.stream(["test", "sleep", "30"], timeout=0.1)
        ends = read_by_all(stream, lambda: None)
        assert [isinstance(end, TimeoutError) for end in ends] == [True] * READERS


@pytest.mark.parametrize("lines", [False, True])
def test_all_are_told_of_a_refusal(server: Server, lines: bool) -> None:
    """And the connection goes on."""
    with Remctl("localhost", server.port) as client:
        for _ in range(ROUNDS):
            stream = client.stream(["no", "such"])
            ends = read_by_all(stream, lambda: None)
            assert [type(end) for end in ends] == [RemctlProtocolError] * READERS
            with pytest.raises(RemctlProtocolError, match="Unknown command"):
                next(stream.lines() if lines else stream)
            assert list(stream) == []
            assert client.run(["test", "hello"]).stdout == b"hello world\n"


def test_as_a_token_a_refusal_comes_once(server: Server) -> None:
    with Remctl("localhost", server.port) as client:
        stream = client.stream(["no", "such"], raise_errors=False)
        assert [token.type for token in stream] == ["error"]
        assert list(stream) == []


def test_of_a_stream_that_was_left_all_see_the_end(server: Server) -> None:
    with Remctl("localhost", server.port) as client:
        stream = client.stream(["test", "sleep", "30"])
        assert read_by_all(stream, stream.close) == [None] * READERS
