"""Pools of connections, in both worlds: what a test says once is run in each."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

#: Runs an asynchronous function in an event loop.
InLoop = Callable[[Callable[[], Awaitable[Any]]], Any]


def _asyncio(main: Callable[[], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        return await main()

    return asyncio.run(run())


def _trio(main: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return trio.run(main)
    finally:
        gc.collect()  # what belonged to the loop is known by it until it is gone


@pytest.fixture(params=[_asyncio, _trio], ids=["asyncio", "trio"])
def in_loop(request: pytest.FixtureRequest) -> InLoop:
    """Each event loop in turn."""
    chosen: InLoop = request.param
    return chosen
