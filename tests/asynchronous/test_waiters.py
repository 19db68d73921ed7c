"""A task that waits for something else than a call: no wake-up is lost, and none counts twice."""

import os
import threading
from time import monotonic

import anyio
import pytest
from remctl._waiting.waiters import task_waiter

pytestmark = pytest.mark.anyio

LONG = 20  # seconds, of which none must pass


async def test_a_wake_up_before_the_wait_ends_it() -> None:
    waiter = task_waiter()
    waiter.wake()
    with anyio.fail_after(LONG / 2):
        await waiter.wait(None, LONG)


async def test_a_wake_up_before_the_wait_ends_one_that_watches_a_descriptor() -> None:
    waiter = task_waiter()
    reading, writing = os.pipe()
    try:
        waiter.wake()
        with anyio.fail_after(LONG / 2):
            await waiter.wait(reading, LONG)
    finally:
        os.close(writing)
        os.close(reading)


async def test_a_wake_up_ends_one_wait() -> None:
    waiter = task_waiter()
    waiter.wake()
    waiter.wake()
    await waiter.wait(None, LONG)
    begin = monotonic()
    await waiter.wait(None, 0.05)
    assert monotonic() - begin > 0.04


async def test_what_another_thread_says_while_nobody_waits_is_not_lost() -> None:
    waiter = task_waiter()
    thread = threading.Thread(target=waiter.wake_from_anywhere)
    thread.start()
    thread.join()
    with anyio.fail_after(LONG / 2):
        await anyio.sleep(0)  # the loop hears of it here
        await waiter.wait(None, LONG)


async def test_join_looks_again_after_a_wake_up_that_came_before() -> None:
    waiter = task_waiter()
    answers = iter([False, True])
    waiter.wake()
    with anyio.fail_after(LONG / 2):
        await waiter.join(lambda: next(answers))
