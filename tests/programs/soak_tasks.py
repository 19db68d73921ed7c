"""The soak's acts in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator

from remctl import AsyncRemctl, RemctlError, RemctlSimpleResult

from tests.programs.soak_acts import Soaker
from tests.programs.soak_questions import Question
from tests.programs.soak_record import DONE


@contextlib.contextmanager
def asking(soaker: Soaker, question: Question) -> Iterator[None]:
    """Note what becomes of a question, where it is not answered."""
    try:
        with soaker.asking(question):
            yield
    except asyncio.CancelledError:
        soaker.left(question, "cancelled")
        raise


async def run(soaker: Soaker, rng: random.Random, remctl: AsyncRemctl) -> None:
    """`run()`."""
    question = soaker.question(rng)
    with asking(soaker, question):
        answer = await remctl.run(question.words, timeout=soaker.limit(rng))
        soaker.answered(question, answer)


async def stream(soaker: Soaker, rng: random.Random, remctl: AsyncRemctl) -> None:
    """`stream()`, to the end or left early."""
    question = soaker.question(rng)
    leave = rng.choice([None, None, None, 0, 1, 3])
    with asking(soaker, question):
        stdout, status, number = b"", None, 0
        async with remctl.stream(
            question.words, raise_errors=False, timeout=soaker.limit(rng)
        ) as tokens:
            async for token in tokens:
                if number == leave:
                    break
                number += 1
                stdout += token.output or b""
                status = token.status
        if status is None:
            soaker.left(question, "left")
        else:
            soaker.answered(question, RemctlSimpleResult(stdout, None, status))


async def noop(soaker: Soaker, rng: random.Random, remctl: AsyncRemctl) -> None:
    """`noop()`."""
    with contextlib.suppress(RemctlError):
        await remctl.noop(timeout=soaker.limit(rng))


async def reopen(soaker: Soaker, rng: random.Random, remctl: AsyncRemctl) -> None:
    """`open()` and `close()` beside other tasks."""
    if rng.random() < 0.3:
        await remctl.close()
    place = rng.choice(soaker.places)
    with contextlib.suppress(RemctlError):
        await remctl.open(place.host, place.port, place.principal, timeout=soaker.limit(rng))


VERBS = {run: 10, stream: 5, noop: 1, reopen: 1}


async def task(soaker: Soaker, rng: random.Random, remctl: AsyncRemctl) -> None:
    """Some commands, one after another."""
    for verb in rng.choices(list(VERBS), list(VERBS.values()), k=rng.randrange(1, 8)):
        await verb(soaker, rng, remctl)


async def several(soaker: Soaker, rng: random.Random) -> None:
    """Tasks on one connection or two, some of which are cancelled."""
    place = rng.choice(soaker.places)
    one, two = (AsyncRemctl(place.host, place.port, place.principal, timeout=15) for _ in range(2))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(one.close)
        stack.push_async_callback(two.close)
        for remctl in (one, two):
            with contextlib.suppress(RemctlError):
                await remctl.open(place.host, place.port, place.principal, timeout=10)
        running = [
            asyncio.create_task(task(soaker, rng, rng.choice([one, two])))
            for _ in range(rng.randrange(1, 6))
        ]
        for one_task in rng.sample(running, rng.randrange(len(running))):
            await asyncio.sleep(10 ** rng.uniform(-4, -0.5))
            if one_task.cancel():
                soaker.notes.note(DONE, "a cancel")
        for ended in await asyncio.gather(*running, return_exceptions=True):
            if ended is not None and not isinstance(ended, asyncio.CancelledError):
                raise ended


def tasks(soaker: Soaker, rng: random.Random) -> None:
    """An event loop of its own, for as long as they take."""
    asyncio.run(several(soaker, rng))
