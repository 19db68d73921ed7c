"""Which loop an object belongs to, and what is left when a loop ends."""

import asyncio
import gc
import subprocess
import sys
import threading
import warnings

import pytest
import remctl
import trio
from remctl import AsyncRemctl, RemctlError
from remctl.testing import Server

from tests.support.traces import nothing_left


async def hello(server: Server) -> bytes | None:
    """A command on a connection of its own."""
    async with AsyncRemctl("localhost", server.port) as client:
        return (await client.run(["test", "hello"])).stdout


def test_one_loop_after_another(server: Server) -> None:
    with nothing_left():
        for _ in range(3):
            assert asyncio.run(hello(server)) == b"hello world\n"
            assert trio.run(hello, server) == b"hello world\n"
            gc.collect()


def test_an_object_serves_one_loop_after_another_if_it_was_closed(server: Server) -> None:
    client = AsyncRemctl("localhost", server.port)

    async def use() -> bytes | None:
        async with client:
            return (await client.run(["test", "hello"])).stdout

    assert asyncio.run(use()) == b"hello world\n"
    assert trio.run(use) == b"hello world\n"
    assert asyncio.run(use()) == b"hello world\n"


def test_a_loop_in_each_thread(server: Server) -> None:
    answers: list[bytes | None] = []
    threads = [
        threading.Thread(target=lambda: answers.append(asyncio.run(hello(server))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"hello world\n"] * 8


def test_an_object_of_another_loop_is_refused(server: Server) -> None:
    async def main() -> None:
        async with AsyncRemctl("localhost", server.port) as client:
            problems: list[str] = []

            async def misuse() -> None:
                try:
                    await client.run(["test", "hello"])
                except RemctlError as error:
                    problems.append(str(error))

            await asyncio.to_thread(lambda: asyncio.run(misuse()))
            await asyncio.to_thread(lambda: trio.run(misuse))
            assert len(problems) == 2
            assert all("belongs to another event loop" in problem for problem in problems)
            assert (await client.run(["test", "hello"])).status == 0

    asyncio.run(main())


def test_without_a_loop() -> None:
    coroutine = AsyncRemctl().open("localhost")
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_a_connection_that_is_left_open_is_warned_of(server: Server, kind: str) -> None:
    kept: list[AsyncRemctl] = []

    async def main() -> None:
        client = AsyncRemctl()
        await client.open("localhost", server.port)
        kept.append(client)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if kind == "asyncio":
            asyncio.run(main())
        else:
            trio.run(main)
        gc.collect()
    texts = [str(one.message) for one in caught if one.category is ResourceWarning]
    assert len(texts) == 1
    assert texts[0].startswith("unclosed connection to localhost")
    assert not kept[0].opened


def test_one_that_is_garbage_is_warned_of_and_closed(server: Server) -> None:
    async def main() -> None:
        client = AsyncRemctl()
        await client.open("localhost", server.port)
        held = [client]
        del client
        with pytest.warns(ResourceWarning, match="unclosed connection to localhost"):
            held.clear()

    with nothing_left():
        asyncio.run(main())
        gc.collect()


def test_nothing_of_a_loop_is_imported_unless_it_is_in_use() -> None:
    code = (
        "import sys, remctl\n"
        "remctl.AsyncRemctl('localhost'); remctl.remctl; remctl.Remctl()\n"
        "print(*sorted({'asyncio', 'trio', 'anyio'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("\n", "")


def test_trio_as_a_guest_of_asyncio(server: Server) -> None:
    """trio's tasks are trio's, whatever loop is below it."""

    async def main() -> bytes | None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bytes | None] = loop.create_future()
        trio.lowlevel.start_guest_run(
            hello,
            server,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=lambda outcome: done.set_result(outcome.unwrap()),
        )
        return await done

    assert asyncio.run(main()) == b"hello world\n"


def test_many_one_shots_at_once(server: Server) -> None:
    async def main() -> None:
        results = await asyncio.gather(
            *(
                remctl.aremctl("localhost", server.port, command=["test", "hello", str(number)])
                for number in range(60)
            )
        )
        assert [result.stdout for result in results] == [
            f"hello {number}\n".encode() for number in range(60)
        ]

    with nothing_left():
        asyncio.run(main())
        gc.collect()


# A service that is forked after it has tried something out.
FORKED = """
import asyncio, os, sys
from remctl import AsyncRemctl

async def hello():
    async with AsyncRemctl("localhost", int(sys.argv[1])) as client:
        return (await client.run(["test", "hello"])).stdout.decode()

loop = asyncio.new_event_loop()
print(loop.run_until_complete(hello()), end="", flush=True)
if child := os.fork():
    os.waitpid(child, 0)
else:
    print(loop.run_until_complete(hello()), end="", flush=True)
    os._exit(0)
print(loop.run_until_complete(hello()), end="")
loop.close()
"""


def test_a_loop_from_before_a_fork_serves_the_child_and_the_parent(server: Server) -> None:
    command = [sys.executable, "-c", FORKED, str(server.port)]
    said = subprocess.check_output(command, text=True, timeout=60)
    assert said == "hello world\n" * 3
