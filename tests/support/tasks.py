"""Waiting for what other tasks do."""

from __future__ import annotations

import anyio
from remctl import AsyncRemctl


async def asked(client: AsyncRemctl) -> None:
    """Wait until another task's command is sent and its answer is not all there."""
    with anyio.fail_after(20):
        while not client._connection.pending:
            await anyio.sleep(0.001)
