"""The calls that `tests.programs.silence` makes: of pools, and on many hosts."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import pytest
from remctl import AsyncRemctl, Target, afor_each, arun_many, for_each, run_many

from tests.programs.interrupts import done
from tests.programs.silence_calls import ANSWERED, OPENING, Begin, Call
from tests.programs.silence_causes import Step
from tests.programs.silence_ground import Ground, Kind, Place
from tests.programs.silence_world import LIMIT, SLOW, Act, World

# Pools.


def _run(_: World, pool: Any, place: Place) -> Any:
    return pool.run(place.command, timeout=LIMIT)


def _run_into_a_file(w: World, pool: Any, place: Place) -> Any:
    return pool.run(place.command, timeout=LIMIT, stdout=w.slow_file())


async def _block(w: World, pool: Any, _: Place) -> None:
    _, leave = await w.enter(pool.connection(timeout=LIMIT))
    await done(leave())


def _fill(_: World, pool: Any, __: Place) -> Any:
    return pool.open(timeout=LIMIT)


def _of_new_pool(act: Callable[[World, Any, Place], Any]) -> Begin:
    async def begin(w: World, _: Ground, place: Place) -> Act:
        pool = w.pool(place)
        return lambda: act(w, pool, place)

    return begin


def _of_open_pool(act: Callable[[World, Any, Place], Any]) -> Begin:
    async def begin(w: World, _: Ground, place: Place) -> Act:
        pool = w.pool(place)
        await done(pool.open())
        return lambda: act(w, pool, place)

    return begin


async def _idle(w: World, _: Ground, place: Place) -> Act:
    """Its connection has been idle, and is checked before it is lent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remctl._pool_core.TRUSTED", 0.0)
        pool = w.pool(place)
    await done(pool.open())
    return lambda: _run(w, pool, place)


def _of_full_pool(act: Callable[[World, Any, Place], Any]) -> Begin:
    async def begin(w: World, _: Ground, place: Place) -> Act:
        pool = w.pool(place)
        _, leave = await w.enter(pool.connection())
        w.later(leave)
        return lambda: act(w, pool, place)

    return begin


async def _lent(w: World, place: Place) -> tuple[Any, Any, Act]:
    """A pool, its connection with output to come, and what returns it."""
    pool = w.pool(place)
    r, leave = await w.enter(pool.connection())
    await done(r.command(place.command))
    for _ in range(place.tokens):
        await done(r.output())
    return pool, r, leave


async def _block_end(w: World, _: Ground, place: Place) -> Act:
    _, _, leave = await _lent(w, place)
    return leave


async def _lost_end(w: World, _: Ground, place: Place) -> Act:
    """The end of a block whose connection is closed: another one takes its place."""
    _, r, leave = await _lent(w, place)
    await done(r.close())
    return leave


async def _pool_close(w: World, _: Ground, place: Place) -> Act:
    pool, _, leave = await _lent(w, place)
    w.later(leave)
    return lambda: pool.close()


_FULL = frozenset({Step.FULL_POOL})
_END = frozenset({Step.END})

POOLS = [
    Call("open", _of_new_pool(_fill), OPENING),
    Call("run, first", _of_new_pool(_run), OPENING, sends=True),
    Call("connection(), first", _of_new_pool(_block), OPENING),
    Call("run", _of_open_pool(_run), ANSWERED, sends=True),
    # Another connection takes its place, in a quarter of the time.
    Call("run, idle before", _idle, frozenset({Step.IDLE}), sends=True, within=LIMIT / 4),
    Call("run into a file", _of_open_pool(_run_into_a_file), frozenset({Step.FILE}), sends=True),
    Call("run, full", _of_full_pool(_run), _FULL, sends=True),
    Call("connection(), full", _of_full_pool(_block), _FULL),
    Call("end of a block", _block_end, _END, within=0.0),
    Call("end of a block, lost", _lost_end, _END | {Step.HANDSHAKE}, within=0.0),
    Call("close", _pool_close, _END, within=0.0),
]

# Many hosts.


def _target(place: Place) -> Target:
    return Target(place.host, place.port, place.principal)


async def _the_only(w: World, outcomes: Any) -> None:
    (outcome,) = await w.all(outcomes)
    if outcome.error is not None:
        raise outcome.error


def _many(**keywords: Callable[[World, Place], Any]) -> Begin:
    """`run_many()` of one host, some arguments replaced by what functions give."""

    async def begin(w: World, _: Ground, place: Place) -> Act:
        call: Any = run_many if w.blocking else arun_many
        arguments = {"hosts": [_target(place)], "command": place.command}
        arguments |= {name: make(w, place) for name, make in keywords.items()}
        return lambda: _the_only(w, call(**arguments, timeout=LIMIT, **place.tickets))

    return begin


def _each(make_job: Callable[[World, Place], Any]) -> Begin:
    """`for_each()` of one host."""

    async def begin(w: World, _: Ground, place: Place) -> Act:
        call: Any = for_each if w.blocking else afor_each
        job = make_job(w, place)
        return lambda: _the_only(w, call([_target(place)], job, timeout=LIMIT, **place.tickets))

    return begin


def _slow_hosts(w: World, place: Place) -> Iterator[Target] | AsyncIterator[Target]:
    def hosts() -> Iterator[Target]:
        time.sleep(SLOW)
        yield _target(place)

    async def ahosts() -> AsyncIterator[Target]:
        await anyio.sleep(SLOW)
        yield _target(place)

    return hosts() if w.blocking else ahosts()


def _slow_command(_: World, place: Place) -> Callable[[Target], list[bytes]]:
    def command(_: Target) -> list[bytes]:
        time.sleep(SLOW)
        return place.command

    return command


def _job(_: World, place: Place) -> Any:
    async def job(r: AsyncRemctl) -> int | None:
        return (await r.run(place.command)).status

    return job


def _slow_job(w: World, place: Place) -> Any:
    """Slow without a loop; in one it waits for what never comes."""

    async def job(r: AsyncRemctl) -> int | None:
        if w.blocking:
            time.sleep(SLOW)
        else:
            await anyio.sleep_forever()
        return (await r.run(place.command)).status

    return job


def _sleeping_job(_: World, __: Place) -> Any:
    async def job(r: Any) -> None:
        await r.sleep(60)

    return job


async def _left_early(w: World, ground: Ground, place: Place) -> Act:
    """A run of two hosts, left when one of them has answered."""
    commands = iter([ground.place(Kind.QUIET).command, place.command])
    call: Any = run_many if w.blocking else arun_many
    return await _leave(w, ground, place, call([_target(place)] * 2, lambda _: next(commands)))


async def _jobs_left_early(w: World, ground: Ground, place: Place) -> Act:
    """The same with jobs."""
    commands = iter([ground.place(Kind.QUIET).command, place.command])

    async def job(r: AsyncRemctl) -> None:
        await r.run(next(commands))

    call: Any = for_each if w.blocking else afor_each
    return await _leave(w, ground, place, call([_target(place)] * 2, job))


async def _leave(w: World, ground: Ground, place: Place, outcomes: Any) -> Act:
    await done(next(outcomes) if w.blocking else anext(outcomes))
    await w.until(lambda: ground.ran(place) or w.blocking)
    return lambda: outcomes.close() if w.blocking else outcomes.aclose()


MANY = [
    Call("run_many", _many(), OPENING | ANSWERED, sends=True),
    Call(
        "run_many into files",
        _many(stdout=lambda w, _: lambda _: w.slow_file()),
        frozenset({Step.FILE}),
        sends=True,
    ),
    Call("run_many, slow hosts", _many(hosts=_slow_hosts), frozenset({Step.HOSTS}), sends=True),
    # In a loop such a function keeps the loop itself waiting.
    Call(
        "run_many, slow function",
        _many(command=_slow_command),
        frozenset({Step.COMMAND}),
        sends=True,
        worlds=("blocking",),
    ),
    Call("run_many, left", _left_early, _END, within=0.0),
    Call("for_each", _each(_job), OPENING | ANSWERED, sends=True),
    Call("for_each, slow job", _each(_slow_job), frozenset({Step.JOB})),
    Call("for_each, left", _jobs_left_early, _END, within=0.0),
    Call("for_each, sleep()", _each(_sleeping_job), frozenset({Step.JOB_SLEEPS})),
]
