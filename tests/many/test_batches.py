"""Many hosts in batches, and the end of a run in which too many fail."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from remctl import Outcome, Target, arun_many, run_many
from remctl._many.limits import Limits

from tests.fix_many import Many, Runs

CLOSED = [Target(f"127.0.0.{number}", 1) for number in range(1, 4)]


class TestBatches:
    def test_one_ends_before_the_next_starts(self, many: Many, runs: Runs) -> None:
        """The first host of each batch is slow, and yet no host of a later one is before it."""
        hosts = many.targets(9)
        slow = set(hosts[::3])
        outcomes = runs(
            hosts, lambda target: ["test", "sleep", "0.4" if target in slow else "0"], batch=3
        )
        order = [hosts.index(outcome.target) // 3 for outcome in outcomes]
        assert order == sorted(order)
        assert all(outcome.ok for outcome in outcomes)

    def test_of_a_percentage(self, many: Many, runs: Runs) -> None:
        hosts = many.targets(10)
        outcomes = runs(
            hosts,
            lambda target: ["test", "sleep", "0.2" if hosts.index(target) % 2 == 0 else "0"],
            batch="20%",
        )
        order = [hosts.index(outcome.target) // 2 for outcome in outcomes]
        assert order == sorted(order)

    def test_are_also_limited(self, many: Many) -> None:
        read: list[Target] = []
        hosts = (read.append(target) or target for target in many.targets(20))  # type: ignore[func-returns-value]
        outcomes = run_many(hosts, ["test", "hello"], limit=2, batch=10)
        next(outcomes)
        assert len(read) <= 3
        assert len(list(outcomes)) == 19


class TestFailures:
    def test_more_than_so_many_stop_the_run(self, many: Many, runs: Runs) -> None:
        hosts = [*CLOSED, *many.targets(5)]
        outcomes = runs(hosts, ["test", "hello"], batch=1, max_failures=1)
        by = {outcome.target: outcome for outcome in outcomes}
        assert len(by) == 8
        assert [by[target].tries for target in CLOSED] == [1, 1, 0]
        for target in hosts[2:]:
            error = by[target].error
            assert error is not None
            assert error.kind == "not_started"
            assert not error.may_have_run
            assert (error.host, error.port) == (target.host, target.port)

    def test_no_more_than_so_many_do_not(self, many: Many, runs: Runs) -> None:
        hosts = [*CLOSED[:2], *many.targets(3)]
        outcomes = runs(hosts, ["test", "hello"], batch=1, max_failures=2)
        assert [outcome.ok for outcome in outcomes] == [False, False, True, True, True]

    def test_a_status_counts_too(self, many: Many, runs: Runs) -> None:
        outcomes = runs(many.targets(4), ["test", "status", "3"], batch=1, max_failures="25%")
        assert [outcome.error is None for outcome in outcomes] == [True, True, False, False]

    def test_those_under_way_finish(self, many: Many, runs: Runs) -> None:
        slow = many.target()
        hosts = [slow, CLOSED[0], *many.targets(3)]
        outcomes = runs(hosts, ["test", "sleep", "0.5"], limit=2, max_failures=0)
        by = {outcome.target: outcome for outcome in outcomes}
        assert by[slow].ok
        assert sum(outcome.tries == 0 for outcome in outcomes) == 3

    def test_of_hosts_that_come_one_by_one(self, many: Many) -> None:
        async def hosts() -> AsyncIterator[Target]:
            yield CLOSED[0]
            for target in many.targets(3):
                yield target

        async def main() -> list[Outcome]:
            run = arun_many(hosts(), ["test", "hello"], batch=1, max_failures=0)
            return [outcome async for outcome in run]

        assert [outcome.tries for outcome in asyncio.run(main())] == [1, 0, 0, 0]

    def test_endless_hosts_are_read_as_outcomes_are_taken(self, many: Many) -> None:
        def endless() -> Iterator[Target]:
            while True:
                yield CLOSED[0]

        outcomes = run_many(endless(), ["test", "hello"], limit=1, max_failures=0)
        taken = [next(outcomes) for _ in range(5)]
        assert [outcome.tries for outcome in taken] == [1, 0, 0, 0, 0]
        outcomes.close()

    def test_with_an_executor(self, many: Many, runs: Runs) -> None:
        hosts = [CLOSED[0], *many.targets(40)]
        with ThreadPoolExecutor(1) as executor:
            outcomes = runs(hosts, ["test", "sleep", "0.1"], executor=executor, max_failures=0)
        assert len({outcome.target for outcome in outcomes}) == 41
        not_started = [outcome for outcome in outcomes if outcome.tries == 0]
        assert len(not_started) > 20
        assert all(one.error is not None and not one.error.may_have_run for one in not_started)


class TestArguments:
    @pytest.mark.parametrize(
        ("total", "batch", "failures"), [(20, 2, 2), (19, 1, 1), (9, 1, 0), (0, 1, 0)]
    )
    def test_a_percentage_is_rounded_down(self, total: int, batch: int, failures: int) -> None:
        limits = Limits(range(total), "10%", "10%")
        assert (limits.batch, limits.max_failures) == (batch, failures)

    @pytest.mark.parametrize("call", [run_many, arun_many])
    @pytest.mark.parametrize("name", ["batch", "max_failures"])
    @pytest.mark.parametrize("value", ["ten", "10", "101%", "-1%", -1])
    def test_an_invalid_one_is_a_value_error(self, call: Any, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=f"^{name} must be"):
            call(["localhost"], ["test"], **{name: value})

    @pytest.mark.parametrize("name", ["batch", "max_failures"])
    def test_a_percentage_needs_a_length(self, name: str) -> None:
        hosts: Any = iter(["localhost"])
        limits: Any = {name: "10%"}
        with pytest.raises(TypeError, match="needs hosts with a length"):
            run_many(hosts, ["test"], **limits)

    @pytest.mark.parametrize("name", ["batch", "max_failures"])
    def test_another_type_is_a_type_error(self, name: str) -> None:
        limits: Any = {name: 1.5}
        with pytest.raises(TypeError, match=f"{name} must be an int"):
            run_many(["localhost"], ["test"], **limits)
