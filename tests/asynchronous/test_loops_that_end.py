"""Loops that are closed with calls under way, that go on in another thread, or are guests."""

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import textwrap
import threading
import warnings
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
import remctl
import trio
import uvloop
from remctl import AsyncConnectionPool, AsyncRemctl, RemctlTimeoutError
from remctl._waiting.loops import running_loop
from remctl.testing import Realm, Server

from tests.fix_network import DeafServer
from tests.support.traces import nothing_left

NewLoop = Callable[[], asyncio.AbstractEventLoop]

of_asyncio = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


@contextlib.contextmanager
def quiet() -> Any:
    """Without the warnings about tasks and connections that a closed loop leaves behind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


async def waiting_call(server: Server, kept: list[AsyncRemctl]) -> None:
    """Leave a call under way."""
    client = AsyncRemctl()
    await client.open("localhost", server.port)
    kept.append(client)
    task = asyncio.ensure_future(client.run(["test", "sleep", "30"]))
    task.add_done_callback(lambda _: None)
    await asyncio.sleep(0.01)


async def waiting_pool(server: Server, kept: list[AsyncRemctl]) -> None:
    """Leave a pool's call under way."""
    pool = AsyncConnectionPool("localhost", server.port)
    task = asyncio.ensure_future(pool.run(["test", "sleep", "30"]))
    task.add_done_callback(lambda _: None)
    await asyncio.sleep(0.05)


@of_asyncio
@pytest.mark.parametrize("leave", [waiting_call, waiting_pool])
def test_nothing_is_kept_of_a_loop_that_is_closed_with_calls_under_way(
    server: Server, new_loop: NewLoop, leave: Callable[..., Awaitable[None]]
) -> None:
    def use_and_close() -> weakref.ref[asyncio.AbstractEventLoop]:
        loop = new_loop()
        # Of tasks that were destroyed: that is what happens here.
        loop.set_exception_handler(lambda *_: None)
        loop.run_until_complete(leave(server, []))
        loop.close()
        return weakref.ref(loop)

    with quiet():
        use_and_close()  # the first one of uvloop's makes what they all share
    with quiet(), nothing_left():
        loops = [use_and_close() for _ in range(3)]
        gc.collect()
        assert [loop() for loop in loops] == [None] * 3


@of_asyncio
def test_an_object_of_a_closed_loop_can_be_opened_in_another(
    server: Server, new_loop: NewLoop
) -> None:
    kept: list[AsyncRemctl] = []
    loop = new_loop()
    loop.set_exception_handler(lambda *_: None)
    loop.run_until_complete(waiting_call(server, kept))
    with pytest.warns(ResourceWarning, match="unclosed connection to localhost"):
        loop.close()
    (client,) = kept

    async def use() -> bytes | None:
        await client.open("localhost", server.port)
        async with client:
            return (await client.run(["test", "hello"])).stdout

    assert asyncio.run(use()) == b"hello world\n"
    gc.collect()


@of_asyncio
def test_a_loop_goes_on_in_another_thread(server: Server, new_loop: NewLoop) -> None:
    loop = new_loop()
    client = AsyncRemctl()

    async def set_up() -> asyncio.Task[remctl.RemctlSimpleResult]:
        await client.open("localhost", server.port)
        task = asyncio.ensure_future(client.run(["test", "sleep", "0.2"]))
        await asyncio.sleep(0.01)
        return task

    async def wait_for(task: asyncio.Task[remctl.RemctlSimpleResult]) -> int | None:
        return (await task).status

    async def use() -> list[bytes | None]:
        async with AsyncRemctl("localhost", server.port) as other:
            answers = [
                await client.run(["test", "hello"]),
                await other.run(["test", "hello"]),
                await remctl.aremctl("localhost", server.port, command=["test", "hello"]),
            ]
        outcomes = remctl.arun_many([remctl.Target("localhost", server.port)], ["test", "hello"])
        return [answer.stdout for answer in answers] + [
            outcome.check().stdout async for outcome in outcomes
        ]

    problems: list[Any] = []
    loop.set_exception_handler(lambda _, context: problems.append(context))
    begun = loop.run_until_complete(set_up())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        assert asyncio.run_coroutine_threadsafe(wait_for(begun), loop).result(10) == 0
        assert asyncio.run_coroutine_threadsafe(use(), loop).result(10) == [b"hello world\n"] * 4
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
    loop.run_until_complete(client.close())
    loop.close()
    assert problems == []


@pytest.mark.parametrize("call", ["run", "stream", "aremctl"])
def test_in_a_scope_of_trio_that_is_cancelled_already_nothing_is_sent(
    server: Server, call: str
) -> None:
    async def main() -> None:
        async with AsyncRemctl("localhost", server.port) as client:
            before = os.fstat(client.fileno()).st_ino
            with trio.move_on_after(0) as scope:
                if call == "run":
                    await client.run(["test", "sleep", "30"])
                elif call == "stream":
                    async with client.stream(["test", "sleep", "30"]):
                        pass
                else:
                    await remctl.aremctl("localhost", server.port, command=["test", "hello"])
            assert scope.cancelled_caught
            # A command that was sent and cut short would have cost the connection.
            assert (await client.run(["test", "hello"])).stdout == b"hello world\n"
            assert os.fstat(client.fileno()).st_ino == before

    trio.run(main)


def finalized(call: Callable[[], Awaitable[object]]) -> object:
    """What a call gives, or raises, that an async generator makes when trio's run ends."""
    came: list[object] = []
    kept: list[object] = []

    async def generator() -> AsyncGenerator[None]:
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                try:
                    came.append(await call())
                except remctl.RemctlError as error:
                    came.append(error)

    async def main() -> None:
        kept.extend([begun := generator(), running_loop()])
        await anext(begun)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # trio's, of the generator
        trio.run(main)
    (result,) = came
    return result


def test_a_call_at_the_end_of_trio_s_run_is_carried_out(server: Server) -> None:
    result = finalized(
        lambda: remctl.aremctl("localhost", server.port, command=["test", "hello"], timeout=5)
    )
    assert isinstance(result, remctl.RemctlSimpleResult)
    assert result.stdout == b"hello world\n"


def test_a_call_at_the_end_of_trio_s_run_keeps_its_limit(deaf: DeafServer, realm: Realm) -> None:
    result = finalized(
        lambda: remctl.aremctl("localhost", deaf.port, command=["test"], timeout=0.2)
    )
    assert isinstance(result, RemctlTimeoutError)


def test_a_task_of_asyncio_is_asyncio_s_while_trio_is_its_guest(server: Server) -> None:
    async def hello() -> bytes | None:
        async with AsyncRemctl("localhost", server.port) as client:
            return (await client.run(["test", "hello"])).stdout

    async def many() -> bytes | None:
        target = remctl.Target("localhost", server.port)
        (outcome,) = [one async for one in remctl.arun_many([target], ["test", "hello"])]
        return outcome.check().stdout

    async def guest(begun: Callable[[], None], end: trio.Event) -> bytes | None:
        answer = await hello()
        begun()
        await end.wait()
        return answer

    async def main() -> list[bytes | None]:
        loop = asyncio.get_running_loop()
        begun, end = asyncio.Event(), trio.Event()
        done: asyncio.Future[bytes | None] = loop.create_future()
        token: list[trio.lowlevel.TrioToken] = []

        async def run() -> bytes | None:
            token.append(trio.lowlevel.current_trio_token())
            return await guest(begun.set, end)

        trio.lowlevel.start_guest_run(
            run,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=lambda outcome: done.set_result(outcome.unwrap()),
        )
        await begun.wait()
        answers = [await hello(), await many()]
        token[0].run_sync_soon(end.set)
        return [*answers, await done]

    assert asyncio.run(main()) == [b"hello world\n"] * 3


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_all_are_closed_also_where_warnings_are_errors(server: Server, loop: str) -> None:
    program = textwrap.dedent(
        f"""
        import asyncio, os, sys, time
        import {loop} as library
        import remctl

        def descriptors():
            return len(os.listdir("/proc/self/fd"))

        kept = []

        async def main():
            for _ in range(3):
                client = remctl.AsyncRemctl()
                await client.open(sys.argv[1], int(sys.argv[2]))
                kept.append(client)

        before = descriptors()
        library.run(main) if library.__name__ == "trio" else library.run(main())
        end = time.monotonic() + 5  # for a helper thread that is about to end
        while descriptors() > before and time.monotonic() < end:
            time.sleep(0.01)
        print(descriptors() - before, [client.opened for client in kept])
        """
    )

    def left_with(warnings: str) -> str:
        command = [sys.executable, "-W", f"{warnings}::ResourceWarning", "-c", program]
        return subprocess.check_output(
            [*command, server.host, str(server.port)], text=True, timeout=30
        )

    left = left_with("ignore")
    assert "[False, False, False]" in left
    assert left_with("error") == left
