"""Executors that misbehave: they cancel, kill, repeat, delay, reorder and lose what they are given.

Each runs a chunk in a thread of its own, and does what its script says at one moment of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    InvalidStateError,
    ThreadPoolExecutor,
)
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol


class Moment(Enum):
    """When it happens."""

    BEFORE = "before it is started"
    TAKEN = "after it was taken"
    RUNNING = "in mid-run"
    DONE = "after its work, before its result is told"
    TOLD = "after its result"


class Act(Enum):
    """What happens. The work goes on where its worker is not dead."""

    CANCEL = "it is told to be cancelled"
    KILL = "its worker dies"
    REFUSE = "submit() raises"
    REPEAT = "it is run twice"
    DELAY = "it waits for all others, and those that wait go on in the reverse order"
    LOSE = "nothing more is heard of it"
    SPOIL = "its result lacks an outcome, and has one of nobody's"


@dataclass(frozen=True)
class Fault:
    """What happens to a chunk, and when."""

    act: Act
    moment: Moment


class Ground(Protocol):
    """Where the chunks' commands run."""

    def hold(self, hosts: Sequence[str]) -> None:
        """Keep the commands of these hosts from ending."""

    def release(self, hosts: Sequence[str]) -> None:
        """Let them end."""

    def begun(self, hosts: Sequence[str]) -> bool:
        """Whether one of their commands is known to the server."""


class _Dead(Exception):
    """The worker of a chunk is no more."""


class Carrier(threading.Thread):
    """A chunk in the hands of a misbehaving executor."""

    def __init__(
        self,
        executor: Misbehaving,
        fault: Fault | None,
        call: Callable[[], Any],
        hosts: list[str],
    ) -> None:
        super().__init__(daemon=True)
        self.future: Future[Any] = Future()
        self.hosts = hosts
        self.delayed = self.lost = self.told = False
        self.may_go = threading.Event()
        self._executor, self._fault, self._call = executor, fault, call
        self._others: list[threading.Thread] = []

    def run(self) -> None:
        """Carry the chunk through its moments."""
        try:
            with suppress(_Dead):
                self._go()
            for other in self._others:
                other.join()
        except BaseException as error:
            self._executor.mistakes.append(error)
        finally:
            self._executor.gone(self)

    def _go(self) -> None:
        self._at(Moment.BEFORE)
        self._at(Moment.TAKEN)
        result = self._worked()
        if self._is(Act.REPEAT, Moment.DONE):
            result = self._call()
        elif self._is(Act.SPOIL, Moment.DONE):
            outcomes, raised = result
            result = [*outcomes[1:], *outcomes[1:]], raised
        else:
            self._at(Moment.DONE)
        if not self.lost:
            self._tell(lambda: self.future.set_result(result))
        self._at(Moment.TOLD)

    def _worked(self) -> Any:
        if self._fault is None or self._fault.moment is not Moment.RUNNING:
            return self._call()
        results: list[Any] = []
        worker = threading.Thread(target=lambda: results.append(self._call()), daemon=True)
        ground, held = self._executor.ground, self.hosts[:1]
        ground.hold(held)
        worker.start()
        while worker.is_alive() and not ground.begun(held):
            worker.join(0.001)
        try:
            self._at(Moment.RUNNING)
        finally:
            ground.release(held)
            worker.join()
        return results[0]

    def _is(self, act: Act, moment: Moment) -> bool:
        return self._fault == Fault(act, moment)

    def _at(self, moment: Moment) -> None:
        if self._fault is None or self._fault.moment is not moment:
            return
        act = self._fault.act
        if act is Act.CANCEL:
            self.future.cancel()  # at any moment, since its state never is "running"
        elif act is Act.KILL:
            self._tell(lambda: self.future.set_exception(BrokenExecutor("killed")))
            if moment in (Moment.BEFORE, Moment.TAKEN):
                raise _Dead
        elif act is Act.REPEAT:
            other = threading.Thread(target=self._call, daemon=True)
            self._others.append(other)
            other.start()
        elif act is Act.DELAY:
            self._executor.wait_for_others(self)
        elif act is Act.LOSE and moment is not Moment.TOLD:
            self.lost = True
            if moment in (Moment.BEFORE, Moment.TAKEN):
                raise _Dead

    def _tell(self, how: Callable[[], None]) -> None:
        with suppress(InvalidStateError):
            how()
        self.told = True


class Misbehaving(Executor):
    """What the executors below have in common: a script, with a fault or none for each chunk."""

    ground: Ground

    def prepare(
        self, ground: Ground, script: Sequence[Fault | None], *, until_end: bool = False
    ) -> None:
        """Before the first chunk. until_end: what is delayed waits for `end()`."""
        self._until_end = until_end
        self.ground = ground
        self.script = list(script)
        self.carriers: list[Carrier] = []
        self.mistakes: list[BaseException] = []
        self._active: set[Carrier] = set()
        self._delayed: list[Carrier] = []
        self._patient = True
        self._lock = threading.Lock()

    def submit(self, work: Any, /, *arguments: Any, **keywords: Any) -> Future[Any]:
        """Take a chunk."""
        number = len(self.carriers)
        fault = self.script[number] if number < len(self.script) else None
        hosts = [target.host for target in arguments[1]]
        carrier = Carrier(self, fault, lambda: work(*arguments, **keywords), hosts)
        self.carriers.append(carrier)
        if fault == Fault(Act.REFUSE, Moment.BEFORE):
            raise BrokenExecutor("refused")
        with self._lock:
            self._active.add(carrier)
        carrier.start()
        if fault is not None and fault.act is Act.REFUSE:
            # The standard library's executors do this where a thread cannot be started.
            raise RuntimeError("refused, although it was taken")
        return carrier.future

    def idle(self) -> bool:
        """Whether nothing moves any more."""
        with self._lock:
            return not self._active and not self._delayed

    def lost(self) -> set[str]:
        """The hosts of whose chunks nothing will be heard."""
        return {host for carrier in self.carriers if carrier.lost for host in carrier.hosts}

    def taken(self) -> int:
        """How many hosts there were in all chunks."""
        return sum(len(carrier.hosts) for carrier in self.carriers)

    def gone(self, carrier: Carrier) -> None:
        """One has come to its end."""
        with self._lock:
            self._active.discard(carrier)
            self._let_go()

    def wait_for_others(self, carrier: Carrier) -> None:
        """Wait until all others wait or have ended."""
        with self._lock:
            self._active.discard(carrier)
            self._delayed.append(carrier)
            self._let_go()
        carrier.may_go.wait()

    def end(self) -> None:
        """Wait for no others any more, and until all have ended."""
        with self._lock:
            self._patient = False
            self._let_go()
        for carrier in self.carriers:
            if carrier.ident is not None:
                carrier.join()

    def _let_go(self) -> None:
        while self._delayed and not (self._patient and (self._active or self._until_end)):
            carrier = self._delayed.pop()
            self._active.add(carrier)
            carrier.may_go.set()


class AnyExecutor(Misbehaving):
    """An executor of a kind that nobody knows."""


class OfThreads(Misbehaving, ThreadPoolExecutor):
    """A thread pool of the standard library's, by its bases."""
