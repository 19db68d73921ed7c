"""What belongs to one thread, in the hands of another: it is refused, and nothing changes."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from remctl import AsyncRemctl, RemctlError, _remctl
from remctl.testing import Server

ROUNDS = 25


def test_a_reactor_and_its_operations_are_one_thread_s(server: Server) -> None:
    """Whatever the other one asks is refused, and changes nothing."""
    connection = _remctl.Connection()
    connection.open("localhost", server.port)
    reactor = _remctl.Reactor()
    operation = reactor.run(connection, 1, [b"test", b"lines", b"50"], None)
    stop = threading.Event()
    faults: list[object] = []
    refused = 0

    def set_waiter() -> None:
        operation.waiter = object()

    def stranger() -> None:
        nonlocal refused
        calls: list[Callable[[], object]] = [
            lambda: reactor.dispatch(0.01, lambda _: None),
            reactor.wait,
            reactor.close,
            lambda: reactor.cancel(operation),
            lambda: reactor.pause(1),
            lambda: reactor.excuse(1),
            lambda: len(reactor),
            lambda: reactor.run(connection, 2, [b"test", b"hello"], None),
            lambda: reactor.noop(connection, 2, None),
            operation.result,
            lambda: operation.done,
            lambda: operation.waiter,
            set_waiter,
        ]
        while not stop.is_set():
            for number, call in enumerate(calls):
                try:
                    faults.append((number, call()))
                except RemctlError as error:
                    if str(error) != "this event loop belongs to another thread":
                        faults.append((number, error))
                refused += 1

    thread = threading.Thread(target=stranger)
    thread.start()
    try:
        for _ in range(ROUNDS):
            operation.waiter = None
            while not operation.done:
                assert operation.waiter is None
                assert len(reactor) == 1
                reactor.wait()
                reactor.dispatch(0.01, lambda _: None)
            assert operation.result()[2] == 0
            operation = reactor.run(connection, 1, [b"test", b"lines", b"50"], None)
    finally:
        stop.set()
        thread.join()
    assert (refused > 0, faults[:3]) == (True, [])
    reactor.cancel(operation)
    assert len(reactor) == 0


def test_an_operation_is_its_own_reactor_s(server: Server) -> None:
    """Another one leaves it alone, and its result is given once."""
    connection = _remctl.Connection()
    connection.open("localhost", server.port)
    first, second = _remctl.Reactor(), _remctl.Reactor()
    operation = first.run(connection, 1, [b"test", b"hello"], None)
    waiting = second.pause(20)
    with pytest.raises(RemctlError, match="another event loop"):
        second.cancel(operation)
    assert len(second) == 1
    while not operation.done:
        first.wait()
        first.dispatch(0.01, lambda _: None)
    assert operation.result()[0] == b"hello world\n"
    with pytest.raises(ValueError, match="taken already"):
        operation.result()
    assert not waiting.done
    assert second.close() == 1


def test_an_asynchronous_object_is_one_loop_s(server: Server) -> None:
    """The loop of another thread is told so."""
    client = AsyncRemctl("localhost", server.port)
    opened, over = threading.Event(), threading.Event()
    refused: list[str] = []

    async def strange() -> None:
        while not over.is_set():
            for call in (
                lambda: client.open("localhost", server.port),
                lambda: client.run(["test", "hello"]),
                lambda: client.command(["test", "hello"]),
                client.output,
                client.noop,
                client.stream(["test", "lines", "3"]).__aenter__,
            ):
                with pytest.raises(RemctlError) as caught:
                    await call()
                refused.append(str(caught.value))

    async def own() -> None:
        async with client:
            opened.set()
            for _ in range(ROUNDS):
                assert (await client.run(["test", "hello"])).stdout == b"hello world\n"
                async with client.stream(["test", "lines", "3"]) as stream:
                    assert [token.type async for token in stream][-1] == "status"
                assert await client.noop()
            over.set()
            await asyncio.to_thread(thread.join)

    def in_another_thread() -> None:
        opened.wait()
        asyncio.run(strange())

    thread = threading.Thread(target=in_another_thread)
    thread.start()
    try:
        asyncio.run(own())
    finally:
        opened.set()
        over.set()
        thread.join()
    assert set(refused) == {"the connection belongs to another event loop: close() it there first"}


def test_a_stream_whose_command_is_being_sent_is_its_loop_s(server: Server) -> None:
    """Another thread that closes it is refused, and the stream goes on."""

    async def main() -> list[str]:
        async with AsyncRemctl("localhost", server.port) as client:
            async with client.stream(["test", "lines", "3"]) as first:
                stream = client.stream(["test", "hello"])

                async def read() -> list[str]:
                    return [token.type async for token in stream]

                task = asyncio.create_task(read())
                await asyncio.sleep(0)  # it waits for its turn
                with pytest.raises(RemctlError, match="another thread"):
                    await asyncio.to_thread(asyncio.run, stream.close())
                assert [token.type async for token in first][-1] == "status"
            return await task

    assert asyncio.run(main()) == ["output", "status"]
