"""However a run on many hosts ends before its time: nothing of it is left."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
import trio
from remctl import Target, _remctl, arun_many, run_many
from remctl._many.crew import Crew
from remctl._many.run import Run

from tests.fix_many import Many
from tests.fix_network import DeafServer
from tests.support.traces import nothing_left, wait_until

SLEEP = ["test", "sleep", "30"]


class TestInterrupted:
    """By a signal handler's exception, in the middle of the package's own steps.

    `tests.programs.interrupts` raises at all of them; these are the ones that are hard to hit.
    """

    @pytest.fixture
    def no_collector(self) -> Iterator[None]:
        gc.disable()
        yield
        gc.enable()

    def test_a_run_that_was_not_closed_is_closed_when_it_is_lost(
        self, many: Many, no_collector: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(_: Run) -> None:
            monkeypatch.undo()
            raise KeyboardInterrupt

        with nothing_left():
            outcomes = run_many(many.targets(3), ["test", "hello"], limit=2)
            assert next(outcomes).ok
            monkeypatch.setattr(Run, "close", interrupted)
            with suppress(KeyboardInterrupt):  # pytest.raises() would keep its frames
                outcomes.close()
            del outcomes

    def test_coroutines_that_nobody_closed_are_garbage(self) -> None:
        async def work(crew: Crew[None]) -> None:
            await crew.sleep(60)

        with nothing_left():
            crew: Crew[None] = Crew()
            crew.start(work(crew))
            del crew
            gc.collect()

    def test_one_that_was_interrupted_as_it_began_to_wait_is_closed(self) -> None:
        class Interrupted(Crew[None]):
            async def finish(self, operation: _remctl.Operation) -> None:
                try:
                    await super().finish(operation)
                finally:
                    ended.append(True)

        class Work:
            """A coroutine, the result of whose step is lost."""

            def __init__(self, work: object) -> None:
                self.work = work

            def send(self, value: None) -> None:
                self.work.send(value)  # type: ignore[attr-defined]
                raise KeyboardInterrupt

            def close(self) -> None:
                self.work.close()  # type: ignore[attr-defined]

        ended: list[bool] = []
        crew = Interrupted()
        work = Work(crew.sleep(60))
        with pytest.raises(KeyboardInterrupt):
            crew.start(work)  # type: ignore[arg-type]
        assert ended
        assert len(crew) == 0
        crew.close()


class TestBlocking:
    def test_closing_ends_all(self, many: Many) -> None:
        hosts = [many.target("127.0.0.1"), *many.targets(10)]
        with nothing_left():
            outcomes = run_many(
                hosts, lambda target: SLEEP if target.host != "127.0.0.1" else ["test", "hello"]
            )
            assert next(outcomes).ok
            outcomes.close()
        assert list(outcomes) == []

    def test_leaving_the_loop_ends_all(self, many: Many) -> None:
        hosts = [many.target("127.0.0.1"), *many.targets(10)]
        with nothing_left():
            for outcome in run_many(
                hosts, lambda target: SLEEP if target.host != "127.0.0.1" else ["test", "hello"]
            ):
                assert outcome.ok
                break

    def test_ctrl_c_ends_all_at_once(self, many: Many) -> None:
        def press() -> None:
            time.sleep(0.5)
            pressed.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        pressed: list[float] = []
        with nothing_left():
            thread = threading.Thread(target=press)
            thread.start()
            with pytest.raises(KeyboardInterrupt):
                list(run_many(many.targets(20), SLEEP))
            took = time.monotonic() - pressed[0]
            thread.join()
        assert took < 0.5

    def test_one_that_was_never_begun_leaves_nothing(self, many: Many) -> None:
        with nothing_left():
            outcomes = run_many(many.targets(3), SLEEP)
            del outcomes

    def test_dropped_by_another_thread(self, many: Many) -> None:
        with nothing_left():
            outcomes = [run_many([many.target(), *many.targets(3)], _slow_but_first)]
            assert next(outcomes[0]).ok
            thread = threading.Thread(target=outcomes.clear)
            thread.start()
            thread.join()

    @pytest.mark.forks
    def test_in_the_child_of_a_fork_it_is_the_parent_s(self, many: Many) -> None:
        script = """
            import os, sys
            from remctl import RemctlError, Target, run_many
            targets = [Target(host, int(sys.argv[1]), sys.argv[2]) for host in sys.argv[3:]]
            outcomes = run_many(targets, ["test", "hello"], limit=2)
            assert next(outcomes).ok
            child = os.fork()
            if child == 0:
                try:
                    next(outcomes)
                except RemctlError as error:
                    assert "parent process" in str(error), error
                    mine = list(run_many(targets, ["test", "hello"]))
                    os._exit(0 if all(one.ok for one in mine) else 3)
                os._exit(4)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert len([one for one in outcomes if one.ok]) == len(targets) - 1
        """
        arguments = [str(many.server.port), many.principal, *many.hosts(6)]
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), *arguments],
            check=True,
            timeout=60,
        )


def _slow_but_first(target: Target) -> list[str]:
    return ["test", "hello"] if target.host == "127.0.0.1" else SLEEP


class TestAsyncio:
    def test_cancelling_ends_all(self, many: Many, deaf: DeafServer) -> None:
        silent = Target(deaf.host, deaf.port, many.principal)

        async def main() -> None:
            async def collect() -> None:
                async for _ in arun_many([silent, *many.targets(10)], SLEEP):
                    raise AssertionError

            task = asyncio.create_task(collect())
            await asyncio.sleep(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        with nothing_left():
            asyncio.run(main())

    def test_leaving_ends_all(self, many: Many) -> None:
        async def main() -> None:
            hosts = [many.target(), *many.targets(5)]
            async with arun_many(hosts, _slow_but_first) as outcomes:
                async for outcome in outcomes:
                    assert outcome.ok
                    break
            with pytest.raises(StopAsyncIteration):
                await anext(outcomes)
            async for _ in arun_many(hosts, _slow_but_first):
                break  # nobody holds it any more

        with nothing_left():
            asyncio.run(main())

    def test_closing_it_in_another_task_ends_the_wait(self, many: Many) -> None:
        async def main() -> None:
            outcomes = arun_many(many.targets(5), SLEEP)
            waiting = asyncio.ensure_future(anext(outcomes, None))
            await asyncio.sleep(0.3)
            with pytest.raises(RuntimeError, match="another task"):
                await anext(outcomes)
            await outcomes.aclose()
            assert await waiting is None

        with nothing_left():
            asyncio.run(main())

    def test_a_host_that_is_waited_for_is_not_any_more(self, many: Many) -> None:
        ended: list[bool] = []

        async def hosts() -> AsyncIterator[Target]:
            yield many.target()
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(True)

        async def main() -> None:
            async with arun_many(hosts(), ["test", "hello"]) as outcomes:
                async for outcome in outcomes:
                    assert outcome.ok
                    break
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert ended == [True]

        asyncio.run(main())

    def test_other_tasks_go_on_meanwhile(self, many: Many) -> None:
        async def main() -> None:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.01)
                    ticks += 1

            task = asyncio.create_task(tick())
            outcomes = [one async for one in arun_many(many.targets(5), ["test", "sleep", "0.5"])]
            task.cancel()
            assert all(outcome.ok for outcome in outcomes)
            assert ticks > 10

        asyncio.run(main())


class TestTrio:
    def test_cancelling_ends_all(self, many: Many) -> None:
        async def main() -> None:
            with trio.move_on_after(0.5) as scope:
                async for _ in arun_many(many.targets(10), SLEEP):
                    raise AssertionError
            assert scope.cancelled_caught

        with nothing_left():
            trio.run(main)

    def test_closing_it_in_another_task_ends_the_wait(self, many: Many) -> None:
        async def main() -> None:
            outcomes = arun_many(many.targets(5), SLEEP)
            got: list[object] = []

            async def take() -> None:
                got.append(await anext(outcomes, None))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(take)
                await trio.sleep(0.3)
                await outcomes.aclose()
            assert got == [None]

        with nothing_left():
            trio.run(main)

    def test_a_host_that_is_waited_for_is_not_any_more(self, many: Many) -> None:
        ended: list[bool] = []

        async def hosts() -> AsyncIterator[Target]:
            yield many.target()
            try:
                await trio.sleep(60)
            finally:
                ended.append(True)

        async def main() -> None:
            given = hosts()
            async with arun_many(given, ["test", "hello"]) as outcomes:
                async for outcome in outcomes:
                    assert outcome.ok
                    break
            await trio.testing.wait_all_tasks_blocked()
            assert ended == [True]

        import trio.testing

        trio.run(main)


def test_a_run_in_each_of_many_threads(many: Many) -> None:
    def work() -> None:
        done.append(all(one.ok for one in run_many(many.targets(20), ["test", "hello"])))

    done: list[bool] = []
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 4
    assert wait_until(lambda: not any(thread.is_alive() for thread in threads))
