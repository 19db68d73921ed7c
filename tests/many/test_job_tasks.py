"""A job of `afor_each()` is a task of the event loop: what it may await, and how it ends."""

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from remctl import (
    ErrorKind,
    JobRemctl,
    Outcome,
    RemctlCommandError,
    RemctlError,
    RemctlTimeoutError,
    afor_each,
)
from remctl._waiting.waiters import Cancelled, task_waiter

from tests.fix_many import Many
from tests.support.traces import nothing_left

HELLO = ["test", "hello"]
SLEEP = ["test", "sleep", "30"]

#: Runs an async function in a new event loop.
World = Callable[[Callable[[], Awaitable[Any]]], Any]


def eager_loop() -> asyncio.AbstractEventLoop:
    """A loop whose tasks run to their first wait as they are made."""
    loop = asyncio.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined, unused-ignore]
    return loop


@pytest.fixture(
    params=["asyncio", "uvloop", "trio", *(["eager"] if sys.version_info >= (3, 12) else [])]
)
def world(request: pytest.FixtureRequest) -> World:
    """Each of the event loops. (anyio has the same names for what tasks use in all of them.)"""
    if request.param == "trio":
        return lambda main: anyio.run(main, backend="trio")
    options: dict[str, Any] = {}
    if request.param == "eager":
        options["loop_factory"] = eager_loop
    if request.param == "uvloop":
        import uvloop  # which not every environment of the tests has

        uvloop.new_event_loop().close()  # the first one makes what all have, and keeps it
        options["use_uvloop"] = True
    return lambda main: anyio.run(main, backend="asyncio", backend_options=options)


def outcomes_of(world: World, *arguments: Any, **keywords: Any) -> list[Outcome]:
    async def main() -> list[Outcome]:
        return [outcome async for outcome in afor_each(*arguments, **keywords)]

    outcomes: list[Outcome] = world(main)
    return outcomes


def outcome_of(world: World, *arguments: Any, **keywords: Any) -> Outcome:
    (outcome,) = outcomes_of(world, *arguments, **keywords)
    return outcome


class TestMayAwait:
    def test_a_sleep_and_a_lock(self, many: Many, world: World) -> None:
        async def main() -> tuple[list[Outcome], int]:
            inside = most = 0
            lock = anyio.Lock()

            async def job(r: JobRemctl) -> str:
                nonlocal inside, most
                async with lock:
                    inside += 1
                    most = max(most, inside)
                    await anyio.sleep(0.001)
                    (await r.run(HELLO)).check()
                    inside -= 1
                await r.sleep(0.001)
                return (await r.run(HELLO)).check().text

            return [outcome async for outcome in afor_each(many.targets(8), job)], most

        with nothing_left():
            outcomes, most = world(main)
        assert [outcome.value for outcome in outcomes] == ["hello world\n"] * 8
        assert most == 1

    def test_another_server(self, many: Many, world: World) -> None:
        """As a client of HTTP does."""

        async def answer(stream: Any) -> None:
            async with stream:
                await stream.receive()
                await stream.send(b"HTTP/1.0 200 OK\r\n\r\nup\r\n")

        async def main() -> Outcome:
            listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
            port = listener.extra(anyio.abc.SocketAttribute.local_port)

            async def job(r: JobRemctl) -> bytes:
                (await r.run(HELLO)).check()
                async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                    await stream.send(b"GET / HTTP/1.0\r\n\r\n")
                    return await stream.receive()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listener.serve, answer)
                (outcome,) = [one async for one in afor_each([many.target()], job)]
                tasks.cancel_scope.cancel()
            await listener.aclose()
            return outcome

        assert world(main).value.endswith(b"up\r\n")

    def test_what_the_code_does_that_handles_the_outcomes(self, many: Many, world: World) -> None:
        """A job that has started goes on while that code waits."""

        async def main() -> list[str]:
            send, receive = anyio.create_memory_object_stream[str](0)
            started = anyio.Event()
            said: list[str] = []

            async def job(r: JobRemctl) -> None:
                if r.host == "127.1.0.1":
                    await started.wait()
                    return
                started.set()
                await send.send((await r.run(HELLO)).text)
                await send.send((await r.run(HELLO)).text)

            async for outcome in afor_each(many.targets(2), job, timeout=60):
                assert outcome.ok
                if outcome.host == "127.1.0.1":
                    said += [await receive.receive(), await receive.receive()]
            send.close()
            receive.close()
            return said

        assert world(main) == ["hello world\n"] * 2

    def test_tasks_of_its_own_that_share_the_connection(self, many: Many, world: World) -> None:
        async def job(r: JobRemctl) -> list[str]:
            texts: list[str] = []

            async def ask(number: int) -> None:
                texts.append((await r.run(["test", "args", str(number)])).check().text)

            async with anyio.create_task_group() as tasks:
                for number in range(5):
                    tasks.start_soon(ask, number)
            return sorted(texts)

        assert len(set(outcome_of(world, [many.target()], job, timeout=60).value)) == 5

    def test_a_limit_of_its_own(self, many: Many, world: World) -> None:
        async def job(r: JobRemctl) -> str:
            with anyio.move_on_after(0.05):
                await r.run(SLEEP)
            return (await r.run(HELLO)).check().text  # over a new connection

        assert outcome_of(world, [many.target()], job).value == "hello world\n"

    def test_it_has_the_context_of_its_caller(self, many: Many, world: World) -> None:
        name: ContextVar[str] = ContextVar("name")

        async def job(r: JobRemctl) -> str:
            await r.noop()
            return name.get()

        async def main() -> str:
            name.set("mine")
            (outcome,) = [one async for one in afor_each([many.target()], job)]
            value: str = outcome.value
            return value

        assert world(main) == "mine"

    def test_but_not_with_an_executor(self, many: Many, world: World) -> None:
        with (
            ThreadPoolExecutor(1) as executor,
            pytest.raises(RuntimeError, match="a job may await only the methods"),
        ):
            outcomes_of(world, [many.target()], sleeps, executor=executor)


async def sleeps(r: JobRemctl) -> None:
    """A job of a module's, as workers need it."""
    await asyncio.sleep(0)


class TestErrors:
    def test_of_a_check_and_of_connecting_are_the_host_s(self, many: Many, world: World) -> None:
        async def job(r: JobRemctl) -> None:
            await anyio.sleep(0)
            (await r.run(["test", "status", "3"])).check()

        hosts = [many.target(), many.target("127.0.0.2")]
        outcomes = outcomes_of(world, hosts, job, max_failures=0, batch=1)
        assert isinstance(outcomes[0].error, RemctlCommandError)
        assert outcomes[1].error is not None
        assert outcomes[1].error.kind is ErrorKind.NOT_STARTED

    def test_of_another_event_loop_are_told(self, many: Many, world: World) -> None:
        """The connection is the event loop's in which the job runs."""
        errors: list[RemctlError] = []

        async def job(r: JobRemctl) -> str:
            def elsewhere() -> None:
                with pytest.raises(RemctlError) as raised:
                    anyio.run(r.run, HELLO)
                errors.append(raised.value)

            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            return (await r.run(HELLO)).text

        assert outcome_of(world, [many.target()], job).ok
        assert errors[0].kind is ErrorKind.MISUSE


class TestTime:
    @pytest.mark.parametrize("command", [False, True])
    def test_a_job_that_awaits_something_else_is_cancelled(
        self, many: Many, world: World, command: bool
    ) -> None:
        ended: list[type[BaseException]] = []

        async def job(r: JobRemctl) -> None:
            if command:
                await r.run(HELLO)
            try:
                await anyio.sleep(30)
            except BaseException as error:
                ended.append(type(error))
                raise

        async def main() -> type[BaseException]:
            outcomes.extend([one async for one in afor_each([many.target()], job, timeout=0.3)])
            return anyio.get_cancelled_exc_class()

        outcomes: list[Outcome] = []
        with nothing_left():
            cancelled = world(main)
        (outcome,) = outcomes
        assert isinstance(outcome.error, RemctlTimeoutError)
        assert outcome.error.host == "127.0.0.1"
        assert outcome.error.may_have_run is command
        assert 0.3 <= outcome.seconds < 10
        assert ended == [cancelled]

    def test_with_all_its_tasks(self, many: Many, world: World) -> None:
        """Of which trio makes a group of exceptions."""
        ended: list[int] = []

        async def wait(number: int) -> None:
            try:
                await anyio.sleep(30)
            finally:
                ended.append(number)

        async def job(r: JobRemctl) -> None:
            async with anyio.create_task_group() as tasks:
                for number in range(3):
                    tasks.start_soon(wait, number)

        error = outcome_of(world, [many.target()], job, timeout=0.3).error
        assert isinstance(error, RemctlTimeoutError)
        assert sorted(ended) == [0, 1, 2]

    def test_a_call_ends_by_itself(self, many: Many, world: World) -> None:
        """And the job is told why."""

        async def job(r: JobRemctl) -> str:
            try:
                await r.run(SLEEP)
            except RemctlTimeoutError as error:
                return f"{error.command}: {error}"
            return ""

        outcome = outcome_of(world, [many.target()], job, timeout=0.3)
        assert outcome.value.startswith("test sleep: ")

    def test_what_follows_such_a_call_is_cancelled(self, many: Many, world: World) -> None:
        async def job(r: JobRemctl) -> None:
            with pytest.raises(RemctlTimeoutError):
                await r.run(SLEEP)
            await anyio.sleep(30)

        outcome = outcome_of(world, [many.target()], job, timeout=0.3)
        assert isinstance(outcome.error, RemctlTimeoutError)
        assert outcome.error.may_have_run
        assert outcome.seconds < 10

    @pytest.mark.parametrize("call", [lambda r: r.run(SLEEP), lambda r: r.sleep(30)])
    def test_a_job_that_tries_for_ever_is_ended(
        self, many: Many, world: World, call: Callable[[JobRemctl], Awaitable[object]]
    ) -> None:
        async def job(r: JobRemctl) -> None:
            while True:
                with suppress(RemctlError):
                    await call(r)

        outcome = outcome_of(world, [many.target()], job, timeout=0.3)
        assert isinstance(outcome.error, RemctlTimeoutError)

    def test_a_job_that_is_done_all_the_same_is(self, many: Many, world: World) -> None:
        async def job(r: JobRemctl) -> str:
            try:
                await anyio.sleep(30)
            except anyio.get_cancelled_exc_class():
                return "done"
            return ""

        outcome = outcome_of(world, [many.target()], job, timeout=0.2)
        assert (outcome.value, outcome.ok) == ("done", True)

    def test_code_that_keeps_the_event_loop_makes_no_job_late(
        self, many: Many, world: World
    ) -> None:
        async def job(r: JobRemctl) -> None:
            await anyio.sleep(0.3 if r.host != "127.1.0.1" else 0)
            await r.run(HELLO)

        async def main() -> list[Outcome]:
            outcomes = []
            async for outcome in afor_each(many.targets(3), job, timeout=1):
                time.sleep(0.7)
                outcomes.append(outcome)
            return outcomes

        assert [outcome.error for outcome in world(main)] == [None] * 3


class Waiting:
    """Jobs that wait, and what they do when they are ended."""

    def __init__(self, then: Callable[[JobRemctl], Awaitable[object]] | None = None) -> None:
        self.cancelled: list[type[BaseException]] = []
        self.ended: list[object] = []
        self.started = 0
        self._then = then

    async def job(self, r: JobRemctl) -> None:
        """Of which the first ends when the others wait."""
        if r.host == "127.1.0.1":
            while self.started < 2:
                await anyio.sleep(0.01)
            return
        self.started += 1
        try:
            await (r.run(SLEEP) if self.started == 1 else anyio.sleep(30))
        except BaseException as error:
            self.cancelled.append(type(error))
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.02)
                self.ended.append(await self._then(r) if self._then else None)
            raise


async def hello(r: JobRemctl) -> str:
    return (await r.run(HELLO)).check().text


async def fail(r: JobRemctl) -> None:
    raise LookupError


class TestEndings:
    @pytest.fixture(params=["block", "aclose", "cancelled", "raised"])
    def end(self, request: pytest.FixtureRequest) -> Any:
        """The ways in which the jobs under way are ended."""

        async def block(outcomes: Any) -> None:
            async with outcomes:
                async for _ in outcomes:
                    break

        async def aclose(outcomes: Any) -> None:
            await anext(outcomes)
            await outcomes.aclose()

        async def cancelled(outcomes: Any) -> None:
            await anext(outcomes)
            with anyio.CancelScope() as scope:
                scope.cancel()
                await anext(outcomes)
            assert scope.cancelled_caught

        async def raised(outcomes: Any) -> None:
            await anext(outcomes)
            with pytest.raises(ZeroDivisionError):
                await anext(outcomes)

        return {"block": block, "aclose": aclose, "cancelled": cancelled, "raised": raised}[
            request.param
        ]

    def test_cancel_the_jobs_and_wait_for_them(self, many: Many, world: World, end: Any) -> None:
        """Which have their connection until then."""
        waiting = Waiting(hello)

        async def main() -> type[BaseException]:
            targets = many.targets(3)
            if end.__name__ == "raised":
                targets.append(many.target("127.0.0.9"))

            async def job(r: JobRemctl) -> None:
                if r.host == "127.0.0.9":
                    while waiting.started < 2:
                        await anyio.sleep(0.01)
                    await anyio.sleep(0.1)
                    raise ZeroDivisionError
                await waiting.job(r)

            await end(afor_each(targets, job))
            assert waiting.ended == ["hello world\n"] * 2
            return anyio.get_cancelled_exc_class()

        with nothing_left():
            cancelled = world(main)
        assert waiting.cancelled == [cancelled] * 2

    def test_what_a_job_raises_then_is_raised(self, many: Many, world: World) -> None:
        waiting = Waiting(fail)

        async def main() -> None:
            async with afor_each(many.targets(3), waiting.job) as outcomes:
                await anext(outcomes)

        with pytest.raises(LookupError):
            world(main)
        assert len(waiting.cancelled) == 2

    def test_a_run_that_nobody_has_any_more_is_ended(self, many: Many, world: World) -> None:
        waiting = Waiting()

        async def main() -> None:
            outcomes = afor_each(many.targets(3), waiting.job)
            await anext(outcomes)
            del outcomes
            gc.collect()
            while len(waiting.ended) < 2:
                await anyio.sleep(0.01)

        with nothing_left():
            world(main)

    def test_a_task_that_is_cancelled_before_its_first_step_has_ended(self, world: World) -> None:
        """As that of a job which is cancelled as soon as its host is connected."""

        class Job:
            def __await__(self) -> Generator[Any, Any, str]:
                yield from anyio.sleep(30).__await__()
                return ""

        async def main() -> list[tuple[Any, BaseException | None]]:
            told: list[tuple[Any, BaseException | None]] = []
            waiter = task_waiter()
            helper = waiter.helper(Job(), lambda *end: told.append(end))
            helper.start()
            helper.cancel()
            await waiter.join(lambda: bool(told))
            await anyio.sleep(0)
            return told

        ((value, error),) = world(main)
        assert value is None
        assert isinstance(error, Cancelled)

    def test_another_task_may_close_it(self, many: Many, world: World) -> None:
        waiting = Waiting()

        async def main() -> None:
            outcomes = afor_each(many.targets(3), waiting.job)
            await anext(outcomes)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(outcomes.aclose)
                with pytest.raises(StopAsyncIteration):
                    await anext(outcomes)
                await outcomes.aclose()
            assert len(waiting.ended) == 2

        with nothing_left():
            world(main)
