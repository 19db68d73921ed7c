"""A host that is up and does not answer costs a moment; a command may take its time."""

import asyncio
import socket
import sys

import remctl

silent = socket.create_server(("127.0.0.1", 0))


async def main() -> None:
    """Ask both."""
    port = silent.getsockname()[1]
    client = remctl.AsyncRemctl("127.0.0.1", port, "host/localhost", connect_timeout=0.2)
    try:
        async with client:
            pass
    except remctl.RemctlTimeoutError as error:
        print(error.kind, error.retryable, error.may_have_run)
    async with remctl.AsyncRemctl(
        sys.argv[1], int(sys.argv[2]), connect_timeout=10, keepalive=30
    ) as client:
        print((await client.run(["test", "sleep", "1"])).status)


asyncio.run(main())
