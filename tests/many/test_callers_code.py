"""The caller's own code in a run: it is slow, it raises, it cancels, and no host is at fault."""

import asyncio
import gc
import io
import threading
import time
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest
import remctl
import trio
from remctl import Outcome, RemctlError, Target, arun_many, run_many

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_many import Many, Runs
from tests.support.traces import nothing_left

CLOSED = "127.0.0.1", 1  # nobody listens there


def two_of(many: Many) -> tuple[Target, Target]:
    """Two hosts: of the first the file is slow."""
    slow, other = many.targets(2)
    return slow, other


class TestSlowFiles:
    """Their time is no host's."""

    def test_make_no_host_too_late(self, many: Many, runs: Runs) -> None:
        slow, other = two_of(many)

        class Slow(io.BytesIO):
            def write(self, data: Any) -> int:
                time.sleep(3.5)
                return super().write(data)

        outcomes = runs(
            [slow, other],
            lambda target: ["test", "stream", "1" if target == slow else "6", "0.1"],
            timeout=3,
            stdout=lambda target: Slow() if target == slow else io.BytesIO(),
        )
        assert [outcome.error for outcome in outcomes] == [None, None]
        assert max(outcome.seconds for outcome in outcomes) < 3

    @pytest.mark.parametrize(
        ("run", "sleep"), [(asyncio.run, asyncio.sleep), (trio.run, trio.sleep)]
    )
    def test_that_are_awaited_stop_their_own_host_s_clock(
        self, many: Many, run: Callable[..., Any], sleep: Any
    ) -> None:
        slow, other = two_of(many)

        class Slow(io.BytesIO):
            async def write(self, data: Any) -> int:  # type: ignore[override]
                await sleep(1.5)
                return super().write(data)

        async def main() -> dict[Target, Outcome]:
            return {
                outcome.target: outcome
                async for outcome in arun_many(
                    [slow, other],
                    lambda target: ["test", "stream", "3" if target == slow else "100", "0.1"],
                    timeout=1,
                    stdout=lambda target: Slow() if target == slow else io.BytesIO(),
                )
            }

        outcomes: dict[Target, Outcome] = run(main) if run is trio.run else run(main())
        assert outcomes[slow].ok
        assert outcomes[slow].seconds < 1
        # The other one's went on.
        assert isinstance(outcomes[other].error, remctl.RemctlTimeoutError)
        assert outcomes[other].seconds < 1.5


class TestErrorsOfTheCaller:
    """A RemctlError of the caller's own code is raised, and no failure of the host."""

    @pytest.mark.parametrize("retries", [0, 2])
    def test_in_a_file(self, many: Many, runs: Runs, retries: int) -> None:
        class Relay(io.RawIOBase):
            def write(self, data: Any) -> int:
                written.append(bytes(data))
                remctl.remctl(*CLOSED, command=["test"])
                return len(data)

        written: list[bytes] = []
        with nothing_left(), pytest.raises(RemctlError, match="Connection refused"):
            runs([many.target()], ["test", "hello"], retries=retries, stdout=lambda _: Relay())
        assert len(written) == 1

    def test_in_a_file_that_is_awaited(self, many: Many) -> None:
        class Relay:
            async def write(self, data: bytes) -> int:
                written.append(data)
                await remctl.aremctl(*CLOSED, command=["test"])
                return len(data)

        async def main() -> None:
            async for _ in arun_many(
                [many.target()], ["test", "hello"], retries=2, stdout=lambda _: Relay()
            ):
                raise AssertionError

        written: list[bytes] = []
        with pytest.raises(RemctlError, match="Connection refused"):
            asyncio.run(main())
        assert len(written) == 1

    def test_in_the_function_that_gives_a_command(self, many: Many, runs: Runs) -> None:
        def command(target: Target) -> list[str]:
            raise error

        error = RemctlError("the caller's")
        with nothing_left(), pytest.raises(RemctlError) as raised:
            runs([many.target()], command, retries=2)
        assert raised.value is error

    def test_in_the_iterable(self, many: Many, runs: Runs) -> None:
        def hosts() -> Iterator[Target]:
            yield many.target()
            raise error

        error = RemctlError("the caller's")
        with nothing_left(), pytest.raises(RemctlError) as raised:
            runs(hosts(), ["test", "sleep", "5"], retries=2)
        assert raised.value is error

    def test_in_a_file_of_one_connection(self, many: Many) -> None:
        class Bad(io.RawIOBase):
            def write(self, data: Any) -> int:
                raise error

        error = RemctlError("the caller's")
        where = many.target()
        with (
            remctl.Remctl(where.host, where.port, where.principal) as r,
            pytest.raises(RemctlError) as raised,
        ):
            r.run(["test", "hello"], stdout=Bad())
        assert raised.value is error
        with (
            remctl.ConnectionPool(where.host, where.port, where.principal) as pool,
            pytest.raises(RemctlError) as raised,
        ):
            pool.run(["test", "hello"], stdout=Bad())
        assert raised.value is error
        assert error.host is None


def test_any_thread_may_ask_for_the_next_outcome(many: Many) -> None:
    def ask() -> None:
        taken.append(next(outcomes))

    taken: list[Outcome] = []
    outcomes = run_many(many.targets(6), ["test", "sleep", "0.1"], limit=2)
    for _ in range(6):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert [outcome.ok for outcome in taken] == [True] * 6
    assert next(outcomes, None) is None


class TestSlowHosts:
    """A host that is slow to come keeps no outcome back."""

    def test_of_an_iterable(self, many: Many, runs: Runs) -> None:
        def hosts() -> Iterator[Target]:
            for number, target in enumerate(many.targets(3)):
                read.append(time.monotonic())
                yield target
                if number < 2:
                    time.sleep(0.7)

        read: list[float] = []
        begin = time.monotonic()
        outcomes = runs(hosts(), ["test", "hello"])
        assert [outcome.ok for outcome in outcomes] == [True] * 3
        assert time.monotonic() - begin < 3

    def test_the_first_outcome_comes_before_the_second_host(self, many: Many) -> None:
        def hosts() -> Iterator[Target]:
            for target in many.targets(2):
                read.append(target)
                yield target
                event.wait(5)

        read: list[Target] = []
        event = threading.Event()
        outcomes = run_many(hosts(), ["test", "hello"])
        assert next(outcomes).ok
        assert len(read) == 1
        event.set()
        assert next(outcomes).ok

    def test_of_an_asynchronous_iterable(self, many: Many) -> None:
        async def hosts() -> AsyncIterator[Target]:
            one, two = many.targets(2)
            yield one
            await event.wait()
            yield two

        async def main() -> None:
            async for outcome in arun_many(hosts(), ["test", "hello"]):
                assert outcome.ok
                event.set()

        event = asyncio.Event()
        asyncio.run(asyncio.wait_for(main(), 10))

    def test_hosts_under_way_get_on_between_two_reads(self, many: Many) -> None:
        """The reads share the time with the hosts, also where each takes a little."""

        def hosts() -> Iterator[Target]:
            for target in many.targets(30):
                read.append(target)
                time.sleep(0.1)
                yield target

        read: list[Target] = []
        assert next(run_many(hosts(), ["test", "hello"])).ok
        assert len(read) < 15


def eagerly(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **_: Any
) -> asyncio.Future[Any]:
    """A task factory whose tasks run their first step at once, as those of Python 3.12 may."""
    try:
        first = work.send(None)
    except StopIteration as end:
        done = loop.create_future()
        done.set_result(end.value)
        return done

    @types.coroutine
    def rest() -> Any:
        awaited = first
        while True:
            try:
                value = yield awaited
            except BaseException as error:
                awaited = work.throw(error)
            else:
                awaited = work.send(value)

    async def go_on() -> Any:
        return await rest()

    return asyncio.Task(go_on(), loop=loop)


EAGERLY: Any = getattr(asyncio, "eager_task_factory", eagerly)


class TestTasksOfTheLoop:
    def test_hosts_are_read_by_eager_tasks(self, many: Many) -> None:
        async def hosts(suspends: bool) -> AsyncIterator[Target]:
            for target in many.targets(5):
                if suspends:
                    await asyncio.sleep(0)
                yield target

        async def main() -> None:
            asyncio.get_running_loop().set_task_factory(EAGERLY)
            for suspends in (False, True):
                outcomes = arun_many(hosts(suspends), ["test", "hello"])
                assert [outcome.ok async for outcome in outcomes] == [True] * 5

        asyncio.run(asyncio.wait_for(main(), 30))

    def test_files_are_written_by_eager_tasks(self, many: Many) -> None:
        class File:
            data = b""

            async def write(self, data: bytes) -> int:
                self.data += data
                return len(data)

        async def main() -> None:
            asyncio.get_running_loop().set_task_factory(EAGERLY)
            file = File()
            outcomes = arun_many([many.target()], ["test", "hello"], stdout=lambda _: file)
            assert [outcome.ok async for outcome in outcomes] == [True]
            assert file.data == b"hello world\n"

        asyncio.run(asyncio.wait_for(main(), 30))

    def test_a_cancellation_in_the_iterable_is_raised(self, many: Many) -> None:
        async def hosts() -> AsyncIterator[Target]:
            yield many.target()
            await cancelled()

        async def main() -> None:
            async for _ in arun_many(hosts(), ["test", "hello"]):
                pass

        with nothing_left(), pytest.raises(asyncio.CancelledError):
            asyncio.run(asyncio.wait_for(main(), 10))

    def test_a_cancellation_in_a_file_is_raised(self, many: Many) -> None:
        class File:
            def write(self, data: bytes) -> Coroutine[Any, Any, None]:
                return cancelled()

        async def main() -> None:
            async for _ in arun_many([many.target()], ["test", "hello"], stdout=lambda _: File()):
                raise AssertionError

        with nothing_left(), pytest.raises(asyncio.CancelledError):
            asyncio.run(asyncio.wait_for(main(), 10))

    def test_leaving_the_loop_ends_the_reading(self, many: Many) -> None:
        class Hosts:
            """What the queue has, without an end."""

            def __init__(self, queue: asyncio.Queue[Target]) -> None:
                self._queue = queue

            def __aiter__(self) -> AsyncIterator[Target]:
                return self

            async def __anext__(self) -> Target:
                return await self._queue.get()

        async def take_one(queue: asyncio.Queue[Target]) -> None:
            async for outcome in arun_many(Hosts(queue), ["test", "hello"]):
                assert outcome.ok
                break

        async def main() -> None:
            queue: asyncio.Queue[Target] = asyncio.Queue()
            queue.put_nowait(many.target())
            await take_one(queue)
            gc.collect()
            for _ in range(3):
                await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == 1
            queue.put_nowait(many.target())
            await asyncio.sleep(0)
            assert queue.qsize() == 1

        with nothing_left():
            asyncio.run(main())

    def test_an_iterable_s_cancel_scopes_are_one_task_s(self, many: Many) -> None:
        async def hosts() -> AsyncIterator[Target]:
            with trio.CancelScope():
                for target in many.targets(3):
                    await trio.sleep(0)
                    yield target

        async def main() -> None:
            outcomes = arun_many(hosts(), ["test", "hello"])
            assert [outcome.ok async for outcome in outcomes] == [True] * 3

        trio.run(main)


async def cancelled() -> None:
    """Waits for something that somebody cancels."""
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.1, future.cancel)
    await future


class TestOutputBeforeARefusal:
    """Output shows that the command has run, also if it went into a file."""

    @pytest.fixture
    def where(self, hostile: MakeHostile) -> Target:
        """A server that writes output, and refuses then with a code for what was not started."""

        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_output(1, b"started\n")
            connection.send_error(8, b"too much data")

        server = hostile(script)
        return Target(server.host, server.port, server.principal)

    @pytest.mark.parametrize("name", ["stdout", "stderr"])
    def test_of_one_of_many(self, where: Target, runs: Runs, name: str) -> None:
        file: Any = {name: lambda _: io.BytesIO()}
        (outcome,) = runs([where], ["test"], retries=2, **file)
        assert outcome.error is not None
        assert outcome.error.may_have_run
        assert outcome.tries == 1

    def test_of_one_connection(self, where: Target) -> None:
        with remctl.Remctl(where.host, where.port, where.principal) as r:
            with pytest.raises(remctl.RemctlProtocolError) as raised:
                r.run(["test"], stdout=io.BytesIO())
            assert raised.value.may_have_run

    def test_of_one_connection_in_an_event_loop(self, where: Target) -> None:
        async def main() -> None:
            async with remctl.AsyncRemctl(where.host, where.port, where.principal) as r:
                with pytest.raises(remctl.RemctlProtocolError) as raised:
                    await r.run(["test"], stdout=io.BytesIO())
                assert raised.value.may_have_run

        asyncio.run(main())
