"""A call's errors name the host that it ran on, whatever host other threads ask to open."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from remctl import Remctl, RemctlError, RemctlTimeoutError
from remctl.testing import Server

from tests.support.proxy import Proxy


def test_a_call_under_way_fails_on_the_host_that_it_was_for(server: Server) -> None:
    """Another thread waits for its turn to open another host, and gives up."""
    with (
        Proxy((server.host, server.port)) as proxy,
        Remctl(proxy.host, proxy.port, server.principal) as client,
        ThreadPoolExecutor(1) as threads,
        client.stream(["test", "stream", "1000", "0.05"]) as stream,
    ):
        next(stream)  # so the other waits
        with pytest.raises(RemctlTimeoutError) as caught:
            threads.submit(client.open, "localhost", server.port, timeout=0.1).result()
        assert (caught.value.host, caught.value.port) == ("localhost", server.port)
        proxy.cut()
        with pytest.raises(RemctlError) as lost:
            list(stream)
        assert (lost.value.host, lost.value.port) == (proxy.host, proxy.port)


def test_a_failed_open_names_the_host_that_it_was_for(server: Server) -> None:
    with Remctl("localhost", server.port) as client:
        for call in (
            lambda: client.open("127.0.0.1", 1),
            lambda: client.run(["test", "hello"]),
        ):
            with pytest.raises(RemctlError) as caught:
                call()
            assert (caught.value.host, caught.value.port) == ("127.0.0.1", 1)
