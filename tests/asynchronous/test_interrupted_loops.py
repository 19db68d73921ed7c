"""An exception in the middle of a loop's dispatch: nobody's call is lost by it."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable

import anyio
import pytest
import uvloop
from remctl import AsyncRemctl, _remctl
from remctl._waiting.loops import running_loop
from remctl.testing import Server

HELLO = ["test", "hello"]

MakeLoop = Callable[[], asyncio.AbstractEventLoop]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.mark.anyio
async def test_a_call_that_nobody_waits_for_takes_nobody_with_it(server: Server) -> None:
    """As one of a task that was interrupted when it had started it."""
    answers: list[bytes | None] = []

    async def run() -> None:
        async with AsyncRemctl("localhost", server.port) as client:
            answers.append((await client.run(HELLO)).stdout)

    with anyio.fail_after(10):
        loop = running_loop()
        alone = [loop.reactor.pause(time) for time in (0.001, 0.002, 0.005, 0.01)]
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(run)
    assert answers == [b"hello world\n"] * 5
    assert all(one.done for one in alone)


def test_a_waiter_that_raises_takes_nobody_with_it() -> None:
    """It is tried once more; the next dispatch, for which the reactor is readable, goes on."""
    reactor = _remctl.Reactor()
    operations = [reactor.pause(0.02) for _ in range(3)]
    woken: list[_remctl.Operation] = []
    raised = 0

    def wake(operation: _remctl.Operation) -> None:
        if operation is operations[0]:
            raise KeyboardInterrupt
        woken.append(operation)

    while len(woken) < 2:
        reactor.wait()
        try:
            reactor.dispatch(1, wake)
        except KeyboardInterrupt:
            raised += 1
    assert raised == 2
    assert woken == operations[1:]


def test_a_waiter_may_cancel_others_that_have_ended() -> None:
    """They are not given to it any more."""
    reactor = _remctl.Reactor()
    operations = [reactor.pause(0.02) for _ in range(3)]
    woken: list[_remctl.Operation] = []

    def wake(operation: _remctl.Operation) -> None:
        woken.append(operation)
        reactor.cancel(operations[1])

    while len(woken) < 2:
        reactor.wait()
        reactor.dispatch(1, wake)
    assert woken == [operations[0], operations[2]]


@pytest.mark.parametrize("make_loop", LOOPS.values(), ids=LOOPS)
def test_ctrl_c_in_run_forever_leaves_no_call_behind(server: Server, make_loop: MakeLoop) -> None:
    """At any moment: all tasks end afterwards."""
    for delay in (0.05, 0.08, 0.11, 0.14):
        loop = make_loop()
        stopping = threading.Event()

        async def work(stopping: threading.Event = stopping) -> None:
            async with AsyncRemctl("localhost", server.port) as client:
                while not stopping.is_set():
                    await client.run(HELLO)

        tasks = [loop.create_task(work()) for _ in range(8)]
        timer = threading.Timer(delay, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with contextlib.suppress(KeyboardInterrupt):
            loop.run_forever()
        timer.join()
        stopping.set()
        done, pending = loop.run_until_complete(asyncio.wait(tasks, timeout=10))
        assert not pending
        for task in done:
            task.exception()
        loop.close()
