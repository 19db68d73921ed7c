"""asyncio's debug mode, Python's development mode and `-W error` have nothing to say."""

import subprocess
import sys

import pytest
from remctl.testing import Server

CODE = """
import asyncio, contextlib, logging, os, sys
import remctl

port = int(sys.argv[1])
logging.basicConfig(level=logging.WARNING)  # a callback that takes long is logged

async def main():
    loop = asyncio.get_running_loop()
    assert loop.get_debug()
    loop.slow_callback_duration = 0.2  # on a busy machine
    async with remctl.AsyncRemctl("localhost", port) as client:
        assert (await client.run(["test", "hello"])).text == "hello world\\n"
        assert await client.noop()
        size = 0
        async with client.stream(["test", "bytes", "30000000"]) as stream:
            async for token in stream:
                size += len(token.output or b"")
        assert size == 30000000
        assert len((await client.run(["test", "bytes", "30000000"])).stdout) == 30000000
        await client.command([b"test", b"hello", b"x" * 1000])
        assert [token.type async for token in client] == ["output", "status"]
        for command in (["test", "sleep", "9"], ["test", "stream", "9", "1"]):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(client.run(command), 0.1)
        with contextlib.suppress(remctl.RemctlTimeoutError):
            await client.run(["test", "sleep", "9"], timeout=0.1)
        task = asyncio.create_task(client.run(["test", "sleep", "9"]))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
    calls = (remctl.aremctl("localhost", port, command=["test", "hello"]) for _ in range(100))
    assert all(result.status == 0 for result in await asyncio.gather(*calls))
    async with remctl.AsyncConnectionPool("localhost", port) as pool:
        await asyncio.gather(*(pool.run(["test", "hello"]) for _ in range(20)))
    hosts = ["localhost"] * 5
    async for outcome in remctl.arun_many(hosts, ["test", "hello"], port=port):
        outcome.check()

asyncio.run(main())
"""


@pytest.mark.measures
def test_nothing_is_said(server: Server) -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", CODE, str(server.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
