"""Output of many hosts into files of theirs, as it arrives."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
import trio
from remctl import Outcome, Target, arun_many, run_many

from tests.fix_many import Many, Runs
from tests.support.traces import nothing_left


class TestFiles:
    def test_each_host_has_its_own(self, many: Many, runs: Runs, tmp_path: Path) -> None:
        files: dict[Target, io.FileIO] = {}

        def file(target: Target) -> io.FileIO:
            files[target] = io.FileIO(tmp_path / target.host, "w")
            return files[target]

        outcomes = runs(many.targets(8), lambda target: ["test", "args", target.host], stdout=file)
        assert len(outcomes) == 8
        for outcome in outcomes:
            files[outcome.target].close()
            assert outcome.check().stdout is None
            assert outcome.target.host in (tmp_path / outcome.target.host).read_text()

    def test_the_two_streams_are_apart(self, many: Many, runs: Runs) -> None:
        out, err = io.BytesIO(), io.BytesIO()
        (outcome,) = runs(
            [many.target()], ["test", "mix"], stdout=lambda _: out, stderr=lambda _: err
        )
        (whole,) = runs([many.target()], ["test", "mix"])
        assert outcome.result is not None
        assert whole.result is not None
        assert outcome.result.status == whole.result.status
        assert outcome.result.stdout is None
        assert outcome.result.stderr is None
        assert out.getvalue() == whole.result.stdout
        assert err.getvalue() == whole.result.stderr

    def test_a_host_without_one_keeps_its_output(self, many: Many, runs: Runs) -> None:
        one, two = many.targets(2)
        file = io.BytesIO()
        outcomes = runs(
            [one, two], ["test", "hello"], stdout=lambda target: file if target == one else None
        )
        by = {outcome.target: outcome.check() for outcome in outcomes}
        assert by[one].stdout is None
        assert by[two].stdout == b"hello world\n"
        assert file.getvalue() == b"hello world\n"

    def test_large_output(self, many: Many, runs: Runs) -> None:
        size = 8 * 1024 * 1024
        files = {target: io.BytesIO() for target in many.targets(3)}
        outcomes = runs(list(files), ["test", "bytes", size], stdout=files.__getitem__)
        assert all(outcome.ok for outcome in outcomes)
        assert [len(file.getvalue()) for file in files.values()] == [size] * 3

    @pytest.mark.parametrize("wrong", [io.StringIO(), 1, "name"])
    def test_what_is_no_binary_file_ends_all(self, many: Many, runs: Runs, wrong: Any) -> None:
        with nothing_left(), pytest.raises(TypeError, match="stdout must be a binary file"):
            runs([many.target()], ["test", "hello"], stdout=lambda _: wrong)

    def test_what_a_file_raises_ends_all(self, many: Many, runs: Runs) -> None:
        class Full(io.RawIOBase):
            def write(self, data: Any) -> int:
                raise OSError(28, "No space left on device")

        with nothing_left(), pytest.raises(OSError, match="No space"):
            runs(many.targets(3), ["test", "hello"], stdout=lambda _: Full())

    def test_that_has_to_be_awaited_needs_an_event_loop(self, many: Many) -> None:
        class Slow:
            async def write(self, data: bytes) -> int:
                return len(data)

        with pytest.raises(TypeError, match="event loop"):
            list(run_many([many.target()], ["test", "hello"], stdout=lambda _: Slow()))


class TestAwaited:
    """A file whose write() gives an awaitable."""

    @staticmethod
    async def _run(many: Many, sleep: Any) -> None:
        class Slow:
            def __init__(self) -> None:
                self.data = b""

            async def write(self, data: bytes) -> int:
                await sleep(0.3)
                part = data[:5]
                self.data += part
                return len(part)

        one, two = many.targets(2)
        file = Slow()
        outcomes: list[Outcome] = []
        async for outcome in arun_many(
            [one, two], ["test", "hello"], stdout=lambda target: file if target == one else None
        ):
            outcomes.append(outcome)
        # It is slow for its own host alone.
        assert [outcome.target for outcome in outcomes] == [two, one]
        assert file.data == b"hello world\n"

    def test_by_asyncio(self, many: Many) -> None:
        asyncio.run(self._run(many, asyncio.sleep))

    def test_by_trio(self, many: Many) -> None:
        trio.run(self._run, many, trio.sleep)

    def test_and_cancelled(self, many: Many) -> None:
        class Never:
            async def write(self, data: bytes) -> int:
                await asyncio.sleep(60)
                return len(data)

        async def main() -> None:
            async def collect() -> None:
                async for _ in arun_many(
                    [many.target()], ["test", "hello"], stdout=lambda _: Never()
                ):
                    pass

            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(collect(), 0.5)
            assert len(asyncio.all_tasks()) <= 2
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == 1

        with nothing_left():
            asyncio.run(main())

    def test_that_fails(self, many: Many) -> None:
        class Bad:
            async def write(self, data: bytes) -> int:
                await asyncio.sleep(0)
                raise OSError("bad disk")

        async def main() -> None:
            async for _ in arun_many([many.target()], ["test", "hello"], stdout=lambda _: Bad()):
                pass

        with nothing_left(), pytest.raises(OSError, match="bad disk"):
            asyncio.run(main())
