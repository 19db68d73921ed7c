"""Many hosts in the hands of other processes and machines."""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from typing import Any

import pytest
import trio
from remctl import Outcome, RemctlError, Target, arun_many, run_many
from remctl.testing import Realm

from tests.fix_many import Many, Runs
from tests.programs.dask_workers import DEADLY, try_stage, workers
from tests.programs.executors import arenas


def own_host(target: Target) -> list[str]:
    """A command with its host in it."""
    return ["test", "args", target.host]


def dies(target: Target) -> list[str]:
    """The worker ends at one of the hosts."""
    if target.host == "127.1.0.3":
        os._exit(1)
    return ["test", "hello"]


def raises(target: Target) -> list[str]:
    """A mistake of the caller's."""
    raise LookupError(target.host)


class Two(Exception):
    """It cannot be unpickled, because it is made of two arguments and keeps one."""

    def __init__(self, one: str, two: object) -> None:
        super().__init__(f"{one} two")
        self.two = two


def raises_no_unpickling(target: Target) -> list[str]:
    """An exception that breaks a process pool where its result is read."""
    raise Two("one", "two")


def raises_no_pickling(target: Target) -> list[str]:
    """An exception that breaks the result of a worker."""
    raise Two("one", lambda: None)


def sleeps(target: Target) -> list[str]:
    """Some time."""
    return ["test", "sleep", "2"]


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Two other processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        yield executor


@pytest.fixture(scope="module")
def dask() -> Iterator[Any]:
    """A cluster of Dask's, of two workers in processes of their own."""
    with workers() as client:
        yield client


class TestProcesses:
    def test_each_host_has_its_outcome(
        self, many: Many, runs: Runs, processes: ProcessPoolExecutor
    ) -> None:
        outcomes = runs(many.targets(40), own_host, executor=processes)
        assert len({outcome.target for outcome in outcomes}) == 40
        for outcome in outcomes:
            assert outcome.target.host in outcome.check().text

    def test_arguments_travel(self, many: Many, runs: Runs, processes: ProcessPoolExecutor) -> None:
        hosts = [*many.hosts(3), Target("127.0.0.1", 1)]
        outcomes = runs(
            hosts,
            ["test", bytearray(b"hello")],
            port=many.server.port,
            principal=many.principal,
            retries=1,
            timeout=20,
            executor=processes,
        )
        by = {outcome.target: outcome for outcome in outcomes}
        assert all(by[host].ok for host in many.hosts(3))  # type: ignore[index]
        error = by[hosts[-1]].error  # type: ignore[index]
        assert isinstance(error, RemctlError)
        assert by[hosts[-1]].tries == 2  # type: ignore[index]
        assert not error.may_have_run

    def test_a_worker_that_dies_makes_errors_of_its_hosts(self, many: Many, runs: Runs) -> None:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            outcomes = runs(many.targets(8), dies, executor=executor, limit=2)
        assert len(outcomes) == 8
        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        assert errors
        died = [one for one in errors if one.may_have_run]
        assert {"127.1.0.3"} <= {one.host for one in died}
        assert all("worker" in str(one) for one in errors)

    def test_what_a_function_raises_in_a_worker_ends_all(
        self, many: Many, runs: Runs, processes: ProcessPoolExecutor
    ) -> None:
        with pytest.raises(LookupError, match=r"127\.1"):
            runs(many.targets(8), raises, executor=processes)

    @pytest.mark.parametrize("function", [raises_no_unpickling, raises_no_pickling])
    def test_so_does_what_cannot_be_sent(
        self, many: Many, runs: Runs, processes: ProcessPoolExecutor, function: Any
    ) -> None:
        with pytest.raises(RuntimeError, match="Two: one two"):
            runs(many.targets(2), function, executor=processes)
        assert all(one.ok for one in runs(many.targets(2), own_host, executor=processes))

    def test_chunks_that_are_not_begun_are_cancelled(
        self, many: Many, processes: ProcessPoolExecutor
    ) -> None:
        begin = time.monotonic()
        outcomes = run_many(many.targets(60), sleeps, executor=processes, limit=1)
        next(outcomes)
        outcomes.close()
        processes.submit(os.getpid).result()  # when those that were begun have ended
        assert time.monotonic() - begin < 15

    def test_endless_hosts(self, many: Many, processes: ProcessPoolExecutor) -> None:
        import itertools

        read = 0

        def endless() -> Iterator[Target]:
            nonlocal read
            for target in itertools.cycle(many.targets(10)):
                read += 1
                yield target

        outcomes = run_many(endless(), ["test", "hello"], executor=processes, limit=2)
        assert len([one for one in itertools.islice(outcomes, 20) if one.ok]) == 20
        outcomes.close()
        assert read < 20 + 64 * 2 + 2


class TestDask:
    def test_each_host_has_its_outcome(self, many: Many, runs: Runs, dask: Any) -> None:
        outcomes = runs(many.targets(40), own_host, executor=dask.get_executor())
        assert len({outcome.target for outcome in outcomes}) == 40
        for outcome in outcomes:
            assert outcome.target.host in outcome.check().text

    def test_the_same_again_is_done_again(self, many: Many, dask: Any) -> None:
        for _ in range(2):
            outcomes = list(
                run_many([many.target()] * 2, ["test", "hello"], executor=dask.get_executor())
            )
            assert [outcome.ok for outcome in outcomes] == [True, True]

    def test_a_worker_that_dies_after_its_work_makes_errors_of_its_hosts(
        self, realm: Realm, dask: Any
    ) -> None:
        """Dask runs its chunk again. `python -m tests.programs.dask_workers` has other moments."""
        with arenas(realm, dask=False) as arena:
            error = try_stage("told", arena, dask)[DEADLY].error
        assert error is not None
        assert error.may_have_run

    def test_functions_of_any_kind_travel(self, many: Many, dask: Any) -> None:
        outcomes = list(
            run_many(
                many.targets(4),
                lambda target: ["test", "args", target.host],
                executor=dask.get_executor(),
            )
        )
        for outcome in outcomes:
            assert outcome.target.host in outcome.check().text

    def test_a_chunk_that_dask_starts_again_is_refused(self, many: Many, dask: Any) -> None:
        """As it does after a worker was lost, also one that had done its work."""
        from remctl._many.fence import fenced, run_fenced

        _, fence = fenced(dask)
        assert fence is not None
        fence.put_up("again")
        arguments = {"command": ["test", "hello"]}
        results = [
            dask.submit(run_fenced, "again", [many.target()], arguments, 1, pure=False).result()
            for _ in range(2)
        ]
        ((first,), _), ((second,), _) = results
        assert first.ok
        assert second.error is not None
        assert second.error.may_have_run
        assert not second.error.retryable
        fence.take_down("again")

    def test_an_asynchronous_client_is_refused(self, dask: Any) -> None:
        import distributed

        client_of: Any = distributed.Client

        async def main() -> None:
            async with client_of(dask.scheduler.address, asynchronous=True) as client:
                with pytest.raises(ValueError, match=r"executor must be .*asynchronous=False"):
                    arun_many(["localhost"], ["test"], executor=client)

        asyncio.run(main())

    @pytest.mark.parametrize("kind", ["client", "executor"])
    def test_what_is_cancelled_may_have_run(self, many: Many, dask: Any, kind: str) -> None:
        import distributed

        executor = dask if kind == "client" else dask.get_executor()
        hosts = [many.target(), *many.targets(30)]
        outcomes = run_many(
            hosts,
            ["test", "sleep", "0.5"],
            executor=executor,
            limit=1,
        )
        found = [next(outcomes)]
        dask.cancel([distributed.Future(key, dask) for key in list(dask.futures)], force=True)
        found += outcomes
        assert len(found) == len(hosts)
        errors = [outcome.error for outcome in found if outcome.error is not None]
        assert errors
        assert all(error.may_have_run for error in errors)

    @pytest.mark.parametrize("kind", ["client", "executor"])
    def test_what_is_cancelled_while_its_result_is_fetched_is_told(
        self, many: Many, dask: Any, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Dask's own executor only logs that."""

        async def cut_short(futures: list[Any], **_: Any) -> None:
            for future in futures:
                future._state.cancel()
            raise KeyError(futures[0].key)

        monkeypatch.setattr(dask, "_gather", cut_short)
        executor = dask if kind == "client" else dask.get_executor()
        (outcome,) = run_many([many.target()], ["test", "hello"], executor=executor)
        assert outcome.error is not None
        assert outcome.error.may_have_run
        assert "the executor has cancelled it" in str(outcome.error)

    @pytest.mark.parametrize("kind", ["client", "executor"])
    def test_a_result_that_cannot_be_fetched_is_told(
        self, many: Many, dask: Any, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def lose(_: list[Any]) -> None:
            raise LookupError("no such key")

        monkeypatch.setattr(dask, "_gather", lose)
        executor = dask if kind == "client" else dask.get_executor()
        (outcome,) = run_many([many.target()], ["test", "hello"], executor=executor)
        assert outcome.error is not None
        assert outcome.error.may_have_run
        assert "no such key" in str(outcome.error)


class TestThreads:
    def test_each_host_has_its_outcome(self, many: Many, runs: Runs) -> None:
        with ThreadPoolExecutor(3) as executor:
            outcomes = runs(many.targets(30), own_host, executor=executor)
        assert len({outcome.target for outcome in outcomes if outcome.ok}) == 30


class Broken(Executor):
    """Takes nothing, and says so in one way or another."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def submit(self, *arguments: Any, **keywords: Any) -> Any:
        raise self.error


def fail() -> None:
    """A worker that cannot be initialized."""
    raise LookupError("no such database")


class TestBroken:
    """An executor that takes nothing."""

    def test_it_makes_errors(self, many: Many, runs: Runs) -> None:
        outcomes = runs(
            many.targets(3), ["test", "hello"], executor=Broken(BrokenExecutor("broken"))
        )
        assert [outcome.error is None for outcome in outcomes] == [False] * 3
        # It might have broken after it had taken them.
        assert all(one.error.may_have_run for one in outcomes if one.error is not None)

    def test_one_of_the_standard_library_has_run_nothing(self, many: Many, runs: Runs) -> None:
        with ThreadPoolExecutor(1, initializer=fail) as executor:
            with pytest.raises(BrokenExecutor):
                executor.submit(fail).result()
            outcomes = runs(many.targets(3), ["test", "hello"], executor=executor)
        assert [outcome.error is None for outcome in outcomes] == [False] * 3
        assert not any(one.error.may_have_run for one in outcomes if one.error is not None)

    def test_another_exception_is_raised(self, many: Many, runs: Runs) -> None:
        with pytest.raises(LookupError, match="mine"):
            runs(many.targets(3), ["test", "hello"], executor=Broken(LookupError("mine")))

    def test_one_that_was_shut_down_in_the_middle_loses_no_outcome(self, many: Many) -> None:
        with ThreadPoolExecutor(1) as executor:
            outcomes = run_many(
                many.targets(4), ["test", "hello"], executor=executor, batch=2, limit=1
            )
            found = [next(outcomes), next(outcomes)]
            executor.shutdown()
            found += outcomes
        assert [outcome.ok for outcome in found] == [True, True, False, False]


class TestRefusals:
    """Nothing is sent, and nobody is asked."""

    @pytest.mark.parametrize("call", [run_many, arun_many])
    def test_of_a_command_that_does_not_pickle(self, call: Any) -> None:
        with (
            ThreadPoolExecutor(1) as executor,
            pytest.raises(TypeError, match="command cannot be sent to a worker"),
        ):
            list(call(["localhost"], lambda target: ["test"], executor=executor))

    @pytest.mark.parametrize("name", ["stdout", "stderr"])
    def test_of_a_file_that_does_not_pickle(self, name: str) -> None:
        file: Any = {name: lambda target: None}
        with (
            ThreadPoolExecutor(1) as executor,
            pytest.raises(TypeError, match=f"{name} cannot be sent to a worker"),
        ):
            list(run_many(["localhost"], ["test"], executor=executor, **file))

    def test_of_workers_that_are_forked(self) -> None:
        context = multiprocessing.get_context("fork")
        with (
            ProcessPoolExecutor(1, mp_context=context) as executor,
            pytest.raises(ValueError, match=r"fork.*spawn"),
        ):
            run_many(["localhost"], ["test"], executor=executor)

    def test_of_what_is_no_executor(self) -> None:
        wrong: Any = object()
        with pytest.raises(TypeError, match="executor must be"):
            run_many(["localhost"], ["test"], executor=wrong)


class TestEventLoops:
    """Nobody else waits while a chunk is on its way."""

    def test_asyncio_goes_on(self, many: Many) -> None:
        async def main(executor: Executor) -> list[Outcome]:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.01)
                    ticks += 1

            task = asyncio.create_task(tick())
            found = [
                one
                async for one in arun_many(
                    many.targets(2), ["test", "sleep", "0.5"], executor=executor
                )
            ]
            task.cancel()
            assert ticks > 10
            return found

        with ThreadPoolExecutor(1) as executor:
            assert all(outcome.ok for outcome in asyncio.run(main(executor)))

    def test_trio_can_leave(self, many: Many) -> None:
        async def main(executor: Executor) -> None:
            with trio.move_on_after(0.2) as scope:
                async for _ in arun_many(
                    many.targets(2), ["test", "sleep", "1"], executor=executor
                ):
                    raise AssertionError
            assert scope.cancelled_caught

        with ThreadPoolExecutor(1) as executor:
            trio.run(main, executor)
