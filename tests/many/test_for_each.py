"""Several commands on each of many hosts: `for_each()` and `afor_each()`."""

import asyncio
import io
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
import remctl
import trio
from remctl import (
    ErrorKind,
    JobRemctl,
    Outcome,
    RemctlCommandError,
    RemctlError,
    RemctlProtocolError,
    RemctlTimeoutError,
    Target,
    afor_each,
    for_each,
)

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_many import Many, Runs
from tests.support.traces import nothing_left

CLOSED = Target("127.0.0.1", 1)


async def hello(r: JobRemctl) -> str:
    return (await r.run(["test", "hello"])).check().text


async def status(r: JobRemctl, number: int) -> None:
    (await r.run(["test", "status", str(number)])).check()


def one(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def error_of(outcome: Outcome) -> RemctlError:
    assert outcome.error is not None
    assert not outcome.ok
    assert (outcome.result, outcome.value) == (None, None)
    return outcome.error


class TestValues:
    def test_what_a_job_returns_is_the_value(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> tuple[str, str]:
            first = (await r.run(["test", "args", "1"])).check().text
            return first, (await r.run(["test", "args", "2"])).check().text

        hosts = many.targets(30)
        with nothing_left():
            outcomes = each(hosts, job, limit=10)
        assert {outcome.target for outcome in outcomes} == set(hosts)
        for outcome in outcomes:
            first, second = outcome.value
            assert "1" in first
            assert "2" in second
            assert outcome.ok
            assert outcome.error is None
            assert outcome.result is None
            assert outcome.tries == 1
            assert outcome.seconds > 0
            assert outcome.check().status == 0

    def test_none_is_one(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            await r.noop()

        outcome = one(each([many.target()], job))
        assert outcome.ok
        assert outcome.value is None

    def test_a_function_may_return_what_is_awaited(self, many: Many, each: Runs) -> None:
        outcome = one(each([many.target()], lambda r: r.run(["test", "status", "3"])))
        assert outcome.ok
        assert outcome.value.status == 3

    def test_jobs_run_beside_each_other(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            await r.run(["test", "sleep", "0.5"])
            await r.sleep(0.5)

        begin = time.monotonic()
        assert len(each(many.targets(10), job, limit=10)) == 10
        assert time.monotonic() - begin < 5

    def test_in_batches(self, many: Many, each: Runs) -> None:
        under_way: set[str | None] = set()
        most = 0

        async def job(r: JobRemctl) -> None:
            nonlocal most
            under_way.add(id(r))  # type: ignore[arg-type]
            most = max(most, len(under_way))
            await r.sleep(0.01)
            under_way.remove(id(r))  # type: ignore[arg-type]

        assert len(each(many.targets(10), job, batch=3)) == 10
        assert most == 3


class TestVerbs:
    """A job has those of `AsyncRemctl`."""

    def test_all_of_them(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            assert isinstance(r, remctl.AsyncRemctl)
            assert r.opened
            await r.command(["test", "hello"])
            token = await r.output()
            assert token.output == b"hello world\n"
            assert [token.type async for token in r] == ["status"]
            assert await r.noop()
            async with r.stream(["test", "stream", "3", "0"]) as stream:
                lines = [line async for line in stream.lines()]
            assert len(lines) == 3
            assert stream.status == 0
            async for _ in r.stream(["test", "stream", "3", "0"]):
                pass
            assert (await r.run(["test", "hello"], timeout=5)).text == "hello world\n"

        assert one(each([many.target()], job)).ok

    def test_output_into_files(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> bytes:
            file = io.BytesIO()
            (await r.run(["test", "hello"], stdout=file)).check()
            return file.getvalue()

        assert one(each([many.target()], job)).value == b"hello world\n"

    @pytest.mark.parametrize(
        ("run", "sleep"), [(asyncio.run, asyncio.sleep), (trio.run, trio.sleep)]
    )
    def test_output_into_files_of_the_event_loop(self, many: Many, run: Any, sleep: Any) -> None:
        """Their time is not the host's, as that of other files."""

        class File:
            data = b""

            async def write(self, data: bytes) -> int:
                await sleep(0.3)
                self.data += data
                return len(data)

        async def job(r: JobRemctl) -> bytes:
            file = File()
            (await r.run(["test", "stream", "5", "0"], stdout=file)).check()
            await r.sleep(0.1)
            return file.data

        async def main() -> list[Outcome]:
            return [one async for one in afor_each([many.target()], job, timeout=1)]

        outcome = one(run(main) if run is trio.run else run(main()))
        assert outcome.value.count(b"\n") == 5
        assert outcome.seconds < 1

    @pytest.mark.parametrize(
        "call",
        [
            lambda r: r.open("localhost"),
            lambda r: r.open_socket(None),
            lambda r: r.set_ccache("FILE:other"),
            lambda r: r.set_source_ip("127.0.0.1"),
        ],
    )
    def test_it_stays_the_connection_that_it_is(self, many: Many, call: Any) -> None:
        async def job(r: JobRemctl) -> None:
            await call(r)

        with pytest.raises(RemctlError, match="not allowed on the connection of a job") as raised:
            list(for_each([many.target()], job))
        assert raised.value.kind is ErrorKind.MISUSE

    def test_a_new_connection_is_made_for_one_that_was_lost(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> str:
            with pytest.raises(RemctlError):
                await r.run(["test", "drop"])
            return await hello(r)

        assert one(each([many.target()], job)).value == "hello world\n"

    def test_the_connection_is_closed_after_the_job(self, many: Many, each: Runs) -> None:
        kept = []

        async def job(r: JobRemctl) -> None:
            kept.append(r)
            await r.run(["test", "hello"])

        each([many.target()], job)
        assert not kept[0].opened
        with pytest.raises(remctl.RemctlNotOpenedError):
            asyncio.run(kept[0].run(["test", "hello"]))


class TestErrors:
    """Of the host's own connection they are the host's. All others are the caller's."""

    def test_of_a_check(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            await status(r, 3)

        error = error_of(one(each([many.target()], job)))
        assert isinstance(error, RemctlCommandError)
        assert error.result.status == 3
        assert (error.host, error.command) == ("127.0.0.1", "test status")
        assert error.may_have_run

    def test_of_a_refusal(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            await r.run(["no", "such"])

        error = error_of(one(each([many.target()], job)))
        assert isinstance(error, RemctlProtocolError)
        assert error.kind is ErrorKind.UNKNOWN_COMMAND
        assert (error.host, error.port, error.command) == (
            "127.0.0.1",
            many.server.port,
            "no such",
        )
        assert not error.may_have_run

    def test_of_a_refusal_of_a_stream(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            async for _ in r.stream(["no", "such"]):
                pass

        error = error_of(one(each([many.target()], job)))
        assert error.kind is ErrorKind.UNKNOWN_COMMAND
        assert not error.may_have_run

    @pytest.mark.parametrize(
        "before",
        [
            lambda r: r.run(["test", "hello"]),
            lambda r: r.run(["test", "status", "3"]),
            lambda r: r.command(["test", "hello"]),
        ],
    )
    def test_that_follows_a_command_says_that_one_may_have_run(
        self, many: Many, each: Runs, before: Any
    ) -> None:
        """Who makes all of the job again makes that command again."""

        async def job(r: JobRemctl) -> None:
            await before(r)
            await r.run(["no", "such"])

        error = error_of(one(each([many.target()], job)))
        assert error.may_have_run
        assert not error.retryable

    def test_a_refused_command_has_not_run_before_another(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            with pytest.raises(RemctlProtocolError):
                await r.run(["no", "such"])
            await r.noop()
            await r.sleep(0)
            await r.run(["no", "such"])

        assert not error_of(one(each([many.target()], job))).may_have_run

    def test_in_connecting(self, many: Many, each: Runs) -> None:
        begun = []

        async def job(r: JobRemctl) -> None:
            begun.append(r)

        error = error_of(one(each([CLOSED], job)))
        assert error.kind is ErrorKind.CONNECT
        assert (error.host, error.port, error.command) == ("127.0.0.1", 1, None)
        assert not error.may_have_run
        assert begun == []

    def test_that_a_job_has_dealt_with_is_none(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> str:
            try:
                await status(r, 1)
            except RemctlError as error:
                return str(error)
            return ""

        outcome = one(each([many.target()], job))
        assert outcome.ok
        assert "exited with status 1" in outcome.value

    def test_count_as_failures(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            await status(r, 1)

        outcomes = each(many.targets(6), job, batch=1, max_failures=1)
        kinds = [error_of(outcome).kind for outcome in outcomes]
        assert kinds == [None, None, *[ErrorKind.NOT_STARTED] * 4]

    @pytest.mark.parametrize("error", [ValueError("mine"), RemctlError("mine"), KeyError("mine")])
    def test_of_the_job_s_own_are_raised(self, many: Many, each: Runs, error: Exception) -> None:
        begun = []

        async def job(r: JobRemctl) -> None:
            begun.append(r)
            await r.run(["test", "hello"])
            raise error

        with nothing_left(), pytest.raises(type(error), match="mine") as raised:
            each([many.target()], job, retries=3)
        assert raised.value is error
        assert len(begun) == 1

    def test_of_another_connection_are_raised(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            await r.run(["test", "hello"])
            remctl.remctl(CLOSED.host, CLOSED.port, command=["test"])

        with pytest.raises(RemctlError, match="Connection refused"):
            each([many.target()], job, retries=3)

    def test_of_another_host_s_connection_are_raised(self, many: Many, each: Runs) -> None:
        """Also if another host's job raises them."""
        errors: list[RemctlError] = []

        async def job(r: JobRemctl) -> None:
            if errors:
                raise errors[0]
            try:
                await r.run(["no", "such"])
            except RemctlError as error:
                errors.append(error)

        with pytest.raises(RemctlProtocolError) as raised:
            each(many.targets(2), job, limit=1)
        assert raised.value is errors[0]

    def test_of_a_file_are_raised(self, many: Many, each: Runs) -> None:
        class Bad(io.RawIOBase):
            def write(self, data: Any) -> int:
                raise error

        error = RemctlError("the file's")

        async def job(r: JobRemctl) -> None:
            await r.run(["test", "hello"], stdout=Bad())

        with pytest.raises(RemctlError) as raised:
            each([many.target()], job, retries=2)
        assert raised.value is error


class TestRetries:
    def test_cover_what_comes_before_the_job(self, hostile: MakeHostile, each: Runs) -> None:
        connections = 0

        def accept(connection: Connection) -> None:
            nonlocal connections
            connections += 1
            if connections < 3:
                raise EOFError
            connection.accept()

        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_status(0)

        server = hostile(script, handshake=accept)
        begun = []

        async def job(r: JobRemctl) -> int | None:
            begun.append(r)
            return (await r.run(["test"])).status

        target = Target(server.host, server.port, server.principal)
        outcome = one(each([target], job, retries=5))
        assert (outcome.value, outcome.tries, len(begun)) == (0, 3, 1)

    def test_do_not_begin_a_job_again(self, hostile: MakeHostile, each: Runs) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()

        server = hostile(script)
        begun = []

        async def job(r: JobRemctl) -> None:
            begun.append(r)
            await r.sleep(0)
            await r.run(["test"])

        target = Target(server.host, server.port, server.principal)
        outcome = one(each([target], job, retries=5))
        assert error_of(outcome).kind is ErrorKind.LOST
        assert (outcome.tries, len(begun)) == (1, 1)


class TestTime:
    def test_is_that_of_the_whole_job(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            for _ in range(10):
                await r.run(["test", "sleep", "0.2"])

        outcome = one(each([many.target()], job, timeout=0.7))
        error = error_of(outcome)
        assert isinstance(error, RemctlTimeoutError)
        assert error.may_have_run
        assert 0.6 < outcome.seconds < 3

    def test_also_in_sleep(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            await r.sleep(30)

        begin = time.monotonic()
        error = error_of(one(each([many.target()], job, timeout=0.5)))
        assert isinstance(error, RemctlTimeoutError)
        assert not error.may_have_run
        assert error.host == "127.0.0.1"
        assert time.monotonic() - begin < 10

    def test_a_call_may_have_less(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> str:
            try:
                await r.run(["test", "sleep", "5"], timeout=0.2)
            except RemctlTimeoutError:
                return await hello(r)
            return "late"

        assert one(each([many.target()], job, timeout=20)).value == "hello world\n"

    def test_none_is_left_at_the_beginning(self, many: Many, each: Runs) -> None:
        error = error_of(one(each([many.target()], hello, timeout=0)))
        assert isinstance(error, RemctlTimeoutError)
        assert not error.may_have_run
        assert not error.retryable

    def test_of_the_job_s_own_code_is_not_counted(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> str:
            time.sleep(1.2)
            await r.run(["test", "sleep", "0.1"])
            time.sleep(1.2)
            return await hello(r)

        outcomes = each(many.targets(2), job, timeout=1)
        assert [outcome.error for outcome in outcomes] == [None, None]
        assert all(outcome.seconds < 1 for outcome in outcomes)


class TestWhatMayBeAwaited:
    """Where there is no event loop; `test_job_tasks.py` has what may be where there is one."""

    ONLY = "a job may await only the methods of its connection"

    @pytest.mark.parametrize("sleep", [asyncio.sleep, trio.sleep])
    @pytest.mark.parametrize("seconds", [0, 0.01])
    def test_nothing_of_an_event_loop(self, many: Many, sleep: Any, seconds: float) -> None:
        async def job(r: JobRemctl) -> None:
            await r.noop()
            await sleep(seconds)

        with nothing_left(), pytest.raises(RuntimeError, match=self.ONLY):
            list(for_each([many.target()], job))

    def test_the_error_is_where_the_mistake_is(self, many: Many) -> None:
        told: list[str] = []

        async def job(r: JobRemctl) -> str:
            try:
                await asyncio.sleep(0)
            except RuntimeError as error:
                told.append(str(error))
            return await hello(r)

        assert one(list(for_each([many.target()], job))).ok
        assert self.ONLY in told[0]

    @pytest.mark.parametrize("seconds", ["1", None, float("nan")])
    def test_sleep_takes_a_number(self, many: Many, seconds: Any) -> None:
        async def job(r: JobRemctl) -> None:
            await r.sleep(seconds)

        with pytest.raises((TypeError, ValueError)):
            list(for_each([many.target()], job))


class Crowd:
    """A job of which the first ends when all others wait, and what they do at their end."""

    def __init__(self, others: int) -> None:
        self.others = others
        self.begun = 0
        self.ended: list[str] = []

    async def job(self, r: JobRemctl) -> None:
        self.begun += 1
        if self.begun == 1:
            while self.begun <= self.others:
                await r.sleep(0.01)
            return
        try:
            await self.wait(r)
        finally:
            await self.end(r)

    async def wait(self, r: JobRemctl) -> None:
        await r.sleep(30)

    async def end(self, r: JobRemctl) -> None:
        self.ended.append("ended")


class TestEndings:
    @pytest.mark.parametrize("command", [None, "run", "stream"])
    def test_a_job_is_closed_where_it_waits(self, many: Many, command: str | None) -> None:
        class Waits(Crowd):
            async def wait(self, r: JobRemctl) -> None:
                if command == "run":
                    await r.run(["test", "sleep", "30"])
                elif command == "stream":
                    async with r.stream(["test", "sleep", "30"]) as stream:
                        async for _ in stream:
                            pass
                else:
                    await r.sleep(30)

        crowd = Waits(3)
        with nothing_left():
            outcomes = for_each(many.targets(4), crowd.job)
            assert next(outcomes).ok
            outcomes.close()
        assert crowd.ended == ["ended"] * 3

    def test_cleaning_up_cannot_wait(self, many: Many) -> None:
        class Cleans(Crowd):
            async def end(self, r: JobRemctl) -> None:
                try:
                    await r.run(["test", "hello"])
                except RemctlError as error:
                    self.ended.append(str(error))
                    raise

        crowd = Cleans(3)
        with nothing_left():
            outcomes = for_each(many.targets(4), crowd.job)
            next(outcomes)
            outcomes.close()
        assert crowd.ended == ["the run has ended"] * 3

    def test_what_a_job_raises_while_it_is_closed_ends_the_others_too(self, many: Many) -> None:
        class Raises(Crowd):
            async def end(self, r: JobRemctl) -> None:
                self.ended.append("ended")
                raise LookupError

        crowd = Raises(3)
        with nothing_left():
            outcomes = for_each(many.targets(4), crowd.job)
            next(outcomes)
            with pytest.raises(LookupError):
                outcomes.close()
        assert crowd.ended == ["ended"] * 3


async def three(r: JobRemctl) -> str:
    """A job of a module's, as workers of other processes need it."""
    (await r.run(["test", "hello"])).check()
    await r.sleep(0.01)
    return (await r.run(["test", "hello"])).check().text


class TestExecutors:
    def test_jobs_travel(self, many: Many, each: Runs) -> None:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=context) as executor:
            outcomes = each([*many.targets(10), CLOSED], three, executor=executor)
        assert sorted(outcome.value or "" for outcome in outcomes) == ["", *["hello world\n"] * 10]
        assert [error_of(one).kind for one in outcomes if not one.ok] == [ErrorKind.CONNECT]

    def test_one_that_does_not_is_a_type_error(self, many: Many) -> None:
        async def job(r: JobRemctl) -> None: ...

        context = multiprocessing.get_context("spawn")
        with (
            ProcessPoolExecutor(1, mp_context=context) as executor,
            pytest.raises(TypeError, match="job cannot be sent to a worker"),
        ):
            for_each([many.target()], job, executor=executor)

    def test_what_it_raises_in_a_worker_ends_all(self, many: Many, each: Runs) -> None:
        async def job(r: JobRemctl) -> None:
            raise LookupError("mine")

        with (
            ThreadPoolExecutor(1) as executor,
            pytest.raises(TypeError, match="job cannot be sent"),
        ):
            each([many.target()], job, executor=executor)
        with ThreadPoolExecutor(1) as executor, pytest.raises(LookupError, match="mine"):
            each([many.target()], mistaken, executor=executor)


async def mistaken(r: JobRemctl) -> None:
    """A mistake of the caller's."""
    raise LookupError("mine")


class TestArguments:
    @pytest.mark.parametrize("call", [for_each, afor_each])
    @pytest.mark.parametrize("job", [None, ["test"], "test"])
    def test_a_job_is_a_function(self, call: Any, job: Any) -> None:
        with pytest.raises(TypeError, match="job must be an async function, not"):
            call(["localhost"], job)

    def test_that_returns_what_can_be_awaited(self, many: Many, each: Runs) -> None:
        with pytest.raises(TypeError, match="job must be an async function: it returned str"):
            each([many.target()], lambda r: "text")

    @pytest.mark.parametrize("call", [for_each, afor_each])
    @pytest.mark.parametrize(
        "arguments", [{"limit": 0}, {"retries": -1}, {"connect_timeout": -1}, {"batch": "x"}]
    )
    def test_others_are_those_of_run_many(self, call: Any, arguments: Any) -> None:
        with pytest.raises(ValueError, match=r"must (be|not)"):
            call(["localhost"], hello, **arguments)
