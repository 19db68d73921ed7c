"""What the soak's clients do: each act some commands, in one manner or another.

An act ends by itself, whatever the servers do, and lets nothing out that is not documented: what
else comes out is a fault.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from remctl import (
    ConnectionPool,
    Credentials,
    Remctl,
    RemctlError,
    RemctlSimpleResult,
    Target,
    run_many,
)

from tests.programs.soak_questions import Question, ask
from tests.programs.soak_record import ANSWERED, DONE, FAULT, NEVER, PERHAPS, Notes

CHILD_PATIENCE = 120.0


class Interrupted(Exception):
    """What a signal handler raises."""


@dataclass(frozen=True)
class Place:
    """A server."""

    port: int
    principal: str
    host: str = "127.0.0.1"


class Soaker:
    """What the acts of a process share."""

    def __init__(
        self,
        notes: Notes,
        places: list[Place],
        name: str,
        shared: list[Remctl],
        pool: Callable[[], ConnectionPool],
        keytab: Path,
    ) -> None:
        self.notes = notes
        self.name = name
        self.places = places
        self.shared = shared
        self.keytab = keytab
        self.asked = 0
        self.armed: Remctl | None = None  # what the main thread uses, while signals are let in
        self.main = threading.main_thread().ident or 0
        self.rng = random.Random(0)  # of the handler
        self._numbers = itertools.count(1)
        self._make_pool = pool

    def begin(self) -> None:
        """Before a round."""
        self.pool = self._make_pool()

    def end(self) -> None:
        """Close all."""
        self.pool.close()
        for remctl in self.shared:
            remctl.close()

    # Commands and their answers.

    def question(self, rng: random.Random, *, small: bool = False) -> Question:
        """A command that nobody has asked before."""
        # Without a lock, which a handler's exception could leave locked.
        self.asked = next(self._numbers)
        return ask(self.name, rng, small=small)

    def answered(self, question: Question, answer: RemctlSimpleResult) -> None:
        """The whole answer has come."""
        if question.fits(answer):
            self.notes.note(ANSWERED, question.nonce)
        else:
            text = repr(answer)[:300]
            self.notes.note(FAULT, f"{question.nonce} {question.words[:4]} was answered {text}")

    def failed(self, question: Question, error: RemctlError) -> None:
        """An error has come in place of an answer."""
        what = PERHAPS if error.may_have_run else NEVER
        self.notes.note(what, question.nonce, type(error).__name__)

    def left(self, question: Question, why: str) -> None:
        """Nobody waits for the answer any longer."""
        self.notes.note(PERHAPS, question.nonce, why)

    @contextlib.contextmanager
    def asking(self, question: Question) -> Iterator[None]:
        """Note what becomes of a question, where it is not answered."""
        try:
            yield
        except RemctlError as error:
            self.failed(question, error)
        except Interrupted:
            self.left(question, "interrupted")
            raise

    def limit(self, rng: random.Random) -> float | None:
        """A limit of time: none, long, short, hardly any."""
        return rng.choice(
            [None, None, None, 20.0, rng.uniform(0.02, 0.5), 10 ** rng.uniform(-5, -2)]
        )

    # Signals.

    def handle(self, number: int, frame: object) -> None:
        """What every signal does: nothing, an exception, a command, or a close()."""
        remctl = self.armed
        if remctl is None:
            return
        self.notes.note(DONE, "signal")
        way = self.rng.randrange(5)
        if way == 0:
            self.armed = None  # it may come while that is done anyway
            raise Interrupted
        if way == 1:  # refused where a call of this thread's is on its way
            run(self, self.rng, remctl, small=True)
        elif way == 2:
            with contextlib.suppress(RemctlError), opened(self, self.rng) as another:
                run(self, self.rng, another, small=True)
        elif way == 3:
            remctl.close()

    @contextlib.contextmanager
    def signals(self, rng: random.Random, remctl: Remctl) -> Iterator[None]:
        """Let signals in, one at least; for the main thread."""
        if threading.get_ident() != self.main:
            yield
            return
        signal.setitimer(signal.ITIMER_REAL, 10 ** rng.uniform(-4, -0.5))
        try:
            self.armed = remctl
            yield
        finally:
            self.armed = None


# What is done with a connection that is open.


def run(soaker: Soaker, rng: random.Random, remctl: Remctl, small: bool = False) -> None:
    """`run()`."""
    question = soaker.question(rng, small=small)
    with soaker.asking(question):
        soaker.answered(question, remctl.run(question.words, timeout=soaker.limit(rng)))


def stream(soaker: Soaker, rng: random.Random, remctl: Remctl) -> None:
    """`stream()`, to the end, or left early, or closed by another thread."""
    question = soaker.question(rng)
    closer: threading.Timer | None = None
    leave = rng.choice([None, None, None, 0, 1, 3])
    with soaker.asking(question):
        with remctl.stream(question.words, raise_errors=False, timeout=soaker.limit(rng)) as tokens:
            if rng.random() < 0.1 and threading.get_ident() != soaker.main:
                end = rng.choice([tokens.close, remctl.close])
                closer = threading.Timer(10 ** rng.uniform(-4, -1), end)
                closer.start()
            parts, status = [], None
            for number, token in enumerate(tokens):
                if number == leave:
                    break
                if token.type == "output":
                    parts.append((token.stream, token.output or b""))
                status = token.status if token.type == "status" else None
        if status is None:
            soaker.left(question, "left")
        else:
            stdout, stderr = (
                b"".join(part for number, part in parts if number == stream) for stream in (1, 2)
            )
            soaker.answered(question, RemctlSimpleResult(stdout, stderr or None, status))
    if closer is not None:
        closer.join()


def command(soaker: Soaker, rng: random.Random, remctl: Remctl) -> None:
    """`command()` and `output()`; for a connection of one's own."""
    question = soaker.question(rng)
    with soaker.asking(question):
        remctl.command(question.words, timeout=soaker.limit(rng))
        if rng.random() < 0.05:
            remctl.close()
        stdout, status = b"", None
        while (token := remctl.output(timeout=soaker.limit(rng))).type != "done":
            stdout += token.output or b""
            status = token.status
        soaker.answered(question, RemctlSimpleResult(stdout, None, status))


def noop(soaker: Soaker, rng: random.Random, remctl: Remctl) -> None:
    """`noop()`."""
    with contextlib.suppress(RemctlError):
        if not remctl.noop(timeout=soaker.limit(rng)):
            soaker.notes.note(FAULT, "a noop was False")


def reopen(soaker: Soaker, rng: random.Random, remctl: Remctl) -> None:
    """`open()` to whichever server, of an object that is open or closed."""
    place = rng.choice(soaker.places)
    remctl.set_timeout(rng.choice([0, 15, rng.uniform(0.05, 1)]))
    with contextlib.suppress(RemctlError):
        remctl.open(place.host, place.port, place.principal, timeout=soaker.limit(rng))


def close(soaker: Soaker, rng: random.Random, remctl: Remctl) -> None:
    """`close()`, from whichever thread."""
    remctl.close()


@contextlib.contextmanager
def opened(soaker: Soaker, rng: random.Random) -> Iterator[Remctl]:
    """An open connection of one's own, to whichever server."""
    place = rng.choice(soaker.places)
    with Remctl(place.host, place.port, place.principal, timeout=rng.choice([0, 15])) as remctl:
        yield remctl


OWN = {run: 10, stream: 6, command: 6, noop: 2, reopen: 1, close: 0.2}
SHARED = {run: 10, stream: 5, noop: 1, reopen: 2, close: 0.4}


# The acts.


def own(soaker: Soaker, rng: random.Random) -> None:
    """A connection of one's own."""
    with contextlib.suppress(RemctlError, Interrupted), opened(soaker, rng) as remctl:
        for verb in rng.choices(list(OWN), list(OWN.values()), k=rng.randrange(1, 30)):
            with soaker.signals(rng, remctl):
                if not remctl.opened:
                    reopen(soaker, rng, remctl)
                verb(soaker, rng, remctl)


def burst(soaker: Soaker, rng: random.Random) -> None:
    """Small commands on one connection, as fast as they are answered."""
    with (
        contextlib.suppress(RemctlError, Interrupted),
        opened(soaker, rng) as remctl,
        soaker.signals(rng, remctl),
    ):
        for _ in range(rng.randrange(20, 300)):
            if not remctl.opened:
                reopen(soaker, rng, remctl)
            question = soaker.question(rng, small=True)
            with soaker.asking(question):
                soaker.answered(question, remctl.run(question.words, timeout=20))


def ticketed(soaker: Soaker, rng: random.Random) -> None:
    """A connection with a ticket of one's own, which the KDC is asked for."""
    place = rng.choice(soaker.places)
    credentials = Credentials.from_keytab(soaker.keytab)
    with contextlib.suppress(RemctlError), Remctl(ccache=credentials, timeout=15) as remctl:
        remctl.open(place.host, place.port, place.principal, timeout=soaker.limit(rng))
        run(soaker, rng, remctl)
        if rng.random() < 0.3:
            credentials.renew(timeout=soaker.limit(rng))
        reopen(soaker, rng, remctl)
        run(soaker, rng, remctl)


def shared(soaker: Soaker, rng: random.Random) -> None:
    """A connection that all threads use, open and close as they like."""
    remctl = rng.choice(soaker.shared)
    for verb in rng.choices(list(SHARED), list(SHARED.values()), k=rng.randrange(1, 30)):
        with contextlib.suppress(Interrupted), soaker.signals(rng, remctl):
            if not remctl.opened:
                reopen(soaker, rng, remctl)
            verb(soaker, rng, remctl)


def pooled(soaker: Soaker, rng: random.Random) -> None:
    """A pool's connections."""
    for _ in range(rng.randrange(1, 10)):
        question = soaker.question(rng)
        with soaker.asking(question):
            soaker.answered(question, soaker.pool.run(question.words, timeout=soaker.limit(rng)))


def many(soaker: Soaker, rng: random.Random) -> None:
    """`run_many`, to the end or left early."""
    targets = [
        Target(place.host, place.port, place.principal)
        for place in rng.choices(soaker.places, k=rng.randrange(1, 12))
    ]
    questions: dict[int, Question] = {}

    def ask(target: Target) -> list[str | bytes]:
        question = questions[id(target)] = soaker.question(rng, small=True)
        return question.words

    outcomes = run_many(
        targets, ask, limit=rng.randrange(1, 8), timeout=soaker.limit(rng), retries=1
    )
    leave = rng.choice([None, None, 1, 3])
    for number, outcome in enumerate(outcomes):
        question = questions.pop(id(outcome.target), None)
        if question is None:
            if outcome.error is None or outcome.error.may_have_run:
                soaker.notes.note(FAULT, f"an outcome without a command: {outcome}")
        elif outcome.result is not None:
            soaker.answered(question, outcome.result)
        elif outcome.error is not None:
            soaker.failed(question, outcome.error)
        if number == leave:
            break
    outcomes.close()
    for question in questions.values():
        soaker.left(question, "left")


def fork(soaker: Soaker, rng: random.Random) -> None:
    """A command in a child, on an object that is inherited."""
    with contextlib.suppress(RemctlError), opened(soaker, rng) as mine:
        run(soaker, rng, mine, small=True)
        remctl = rng.choice([mine, *soaker.shared])
        question = soaker.question(rng, small=True)
        pid = os.fork()
        if pid == 0:
            try:
                in_child(soaker, question, remctl)
            finally:
                os._exit(0)
        soaker.notes.note(DONE, "a fork")
        wait_for(soaker, pid)
        run(soaker, rng, mine, small=True)


def in_child(soaker: Soaker, question: Question, remctl: Remctl) -> None:
    """What the child does. The parent's other threads may hold libkrb5's locks: so a limit."""
    try:
        with soaker.asking(question):
            soaker.answered(question, remctl.run(question.words, timeout=20))
        remctl.close()
    except BaseException:
        soaker.notes.note(FAULT, f"in a child: {traceback.format_exc()}")


def wait_for(soaker: Soaker, pid: int) -> None:
    """Wait for a child, not for ever."""
    end = time.monotonic() + CHILD_PATIENCE
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            soaker.notes.note(FAULT, f"the child {pid} hangs")
            os.kill(pid, signal.SIGABRT)  # which shows its stack
            os.waitpid(pid, 0)
            return
        time.sleep(0.005)


def interrupt(soaker: Soaker, rng: random.Random) -> None:
    """Signals for the main thread, whatever it does."""
    for _ in range(rng.randrange(1, 10)):
        time.sleep(10 ** rng.uniform(-4, -1))
        signal.pthread_kill(soaker.main, signal.SIGUSR1)


def in_a_loop(soaker: Soaker, rng: random.Random) -> None:
    """Tasks of an event loop."""
    from tests.programs.soak_tasks import tasks

    tasks(soaker, rng)


MAIN_ACTS = {own: 5, shared: 5, burst: 5, pooled: 1, many: 1, fork: 1, ticketed: 0.5, in_a_loop: 1}
ACTS = {**MAIN_ACTS, interrupt: 1}
