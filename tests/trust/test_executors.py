"""Executors that cancel, kill, refuse, repeat, delay, lose and spoil what they are given."""

from collections.abc import Iterator

import pytest
from remctl.testing import Realm

from tests.programs.executors import FAULTS, WORLDS, Arena, Plan, arenas, try_plans
from tests.support.misbehaving import Act, Fault, Moment
from tests.support.traces import nothing_left

pytestmark = pytest.mark.usefixtures("no_log")


@pytest.fixture(scope="module")
def arena(realm: Realm) -> Iterator[Arena]:
    """A server that is every host, and the executors."""
    with arenas(realm) as arena:
        yield arena


@pytest.mark.parametrize("kind", ["any", "threads", "dask"])
@pytest.mark.parametrize(
    "fault", FAULTS, ids=[f"{one.act.name} {one.moment.name}" for one in FAULTS]
)
def test_the_second_of_three_chunks(arena: Arena, fault: Fault, kind: str) -> None:
    """In each world in turn."""
    world = list(WORLDS)[FAULTS.index(fault) % len(WORLDS)]
    with nothing_left():
        arena.try_plan(Plan(world, kind, hosts=3, limit=1, faults=(None, fault, None)))


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("kind", "started"), [("any", True), ("threads", True), ("dask", False)])
def test_too_many_failures_stop_chunks_that_were_submitted(
    arena: Arena, kind: str, started: bool, world: str
) -> None:
    """Where that is certain: a fence is, and what an executor says is not."""
    faults = (Fault(Act.KILL, Moment.TAKEN), *[Fault(Act.DELAY, Moment.BEFORE)] * 3)
    before = arena.seen.copy()
    arena.try_plan(
        Plan(world, kind, 4, 1, faults, counted=True, max_failures=0, until_end=not started)
    )
    assert arena.seen - before == {"lost": 1, "ok" if started else "not_started": 3}


def test_any_run(arena: Arena) -> None:
    """`python -m tests.programs.executors` tries more."""
    try_plans(arena, runs=40)
    assert {"ok", "lost", "not_started"} <= set(arena.seen)
