"""A pool's bookkeeping, the same for threads and event loops: who waits, who rests, what is old.

Nothing here waits or connects; what is to be closed or made is handed to the caller.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from math import inf
from threading import RLock
from time import monotonic
from typing import Protocol, SupportsIndex
from weakref import WeakSet

from remctl import _remctl
from remctl._arguments import Seconds, seconds
from remctl._errors import RemctlError, make
from remctl._on_host import count

#: remctld hangs up after an hour without a command.
_SERVER_S_PATIENCE = 3600.0


class Bell(Protocol):
    """What tells one who waits that it is its turn."""

    def set(self) -> None:
        """Ring it."""


class Member:
    """A connection of a pool."""

    __slots__ = ("connection", "end", "rested_since")

    def __init__(self, connection: _remctl.Connection, end: float) -> None:
        self.connection = connection
        #: When it is too old to be given out.
        self.end = end
        self.rested_since = monotonic()


class Place:
    """In the queue, or at its head: then with a member, or with the right to make one."""

    __slots__ = ("asked", "bell", "generation", "granted", "logged", "member")

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.asked = monotonic()
        self.granted = False
        #: Whether anybody listened to the pool's log when it was asked for.
        self.logged = False
        self.member: Member | None = None
        self.bell: Bell | None = None


class Ledger:
    """Counts and hands on. Any thread may call it; no call waits.

    Each connection, also one that is being made, has one of `max_size` slots. A slot is with a
    place, or with a member that rests. Whoever has a place gives it back, once: with a member
    that can be used again, or without one.
    """

    def __init__(
        self,
        min_size: SupportsIndex,
        max_size: SupportsIndex,
        max_idle: Seconds,
        max_lifetime: Seconds | None,
        timeout: Seconds | None,
    ) -> None:
        self.min_size = count(min_size, "min_size", 0)
        self.max_size = count(max_size, "max_size", 1)
        if self.max_size < self.min_size:
            raise ValueError(f"max_size must be at least min_size: {max_size} is below {min_size}")
        self.max_idle = _positive(max_idle, "max_idle")
        if self.max_idle >= _SERVER_S_PATIENCE:
            raise ValueError(
                f"max_idle must be below {_SERVER_S_PATIENCE:.0f} seconds, after which the server "
                f"hangs up: {max_idle}"
            )
        self.max_lifetime = inf if max_lifetime is None else _positive(max_lifetime, "max_lifetime")
        self.timeout = None if timeout is None else seconds(timeout)
        self.generation = 0
        self.closed = False
        self._numbers = dict.fromkeys(_COUNTED, 0)
        self._begin_empty()
        _ledgers.add(self)

    def _begin_empty(self) -> None:
        self._lock = RLock()  # a signal handler may be in here too
        self._size = 0
        self._resting: deque[Member] = deque()  # the last one has rested least
        self._waiting: deque[Place] = deque()

    def start_over(self) -> list[Member]:
        """Forget all connections, and who waits. Returns those that rested.

        For the child of a fork, where they are the parent's, and at the end of an event loop.
        """
        resting = list(self._resting)
        self.generation += 1
        self._begin_empty()
        return resting

    def ask(self, bell: Callable[[], Bell]) -> Place:
        """Take a place. It is granted, or its bell rings when it is.

        RemctlError when the pool is closed.
        """
        with self._lock:
            self.require_open()
            place = Place(self.generation)
            self._numbers["requests_num"] += 1
            self._waiting.append(place)
            self._serve()
            if not place.granted:
                self._numbers["requests_queued"] += 1
                place.bell = bell()
            return place

    def give_back(self, place: Place, member: Member | None) -> None:
        """End a place, granted or not. A member goes to the next, or rests; or is closed."""
        with self._lock:
            if place.generation != self.generation:
                return  # it was the parent's
            if not place.granted:
                self._waiting.remove(place)
            elif member is None or self.closed:
                self._size -= 1
            else:
                member.rested_since = monotonic()
                self._resting.append(member)
            self._serve()
        if member is not None and self.closed:
            member.connection.close()

    def missing(self) -> Place | None:
        """A place for one that is missing below `min_size`, or None."""
        with self._lock:
            if self.closed or self._size >= self.min_size:
                return None
            self._size += 1
            place = Place(self.generation)
            place.granted = True
            return place

    def prune(self) -> int:
        """Close what has rested too long or is too old. How many there were."""
        now = monotonic()
        with self._lock:
            old = [member for member in self._resting if self._is_old(member, now)]
            for member in old:
                self._resting.remove(member)
                self._size -= 1
            self._serve()
        for member in old:
            member.connection.close()
        return len(old)

    def is_old(self, member: Member) -> bool:
        """Whether it is not to be given out any more."""
        return monotonic() >= member.end

    def close(self) -> None:
        """Close what rests, and tell all that wait. What is lent is closed when it comes back."""
        with self._lock:
            self.closed = True
            resting, self._resting = self._resting, deque()
            self._size -= len(resting)
            for place in self._waiting:  # they leave by themselves
                if place.bell is not None:
                    place.bell.set()
        for member in resting:
            member.connection.close()

    def require_open(self) -> None:
        """RemctlError when the pool is closed."""
        if self.closed:
            raise make("not_opened", "the pool is closed", may_have_run=False)

    def count(self, what: str, number: int = 1) -> None:
        """Add to one of the numbers of `stats()`."""
        with self._lock:
            self._numbers[what] += number

    def stats(self) -> dict[str, int]:
        """The numbers, by names like those of psycopg_pool."""
        with self._lock:
            return {
                "pool_min": self.min_size,
                "pool_max": self.max_size,
                "pool_size": self._size,
                "pool_available": len(self._resting),
                "requests_waiting": len(self._waiting),
                **self._numbers,
            }

    def _is_old(self, member: Member, now: float) -> bool:
        return now >= member.end or now - member.rested_since >= self.max_idle

    def _serve(self) -> None:
        """Grant what there is to those who wait, in order; with the lock held."""
        while self._waiting and not self.closed:
            if not self._resting and self._size >= self.max_size:
                return
            place = self._waiting.popleft()
            if self._resting:
                place.member = self._resting.pop()
            else:
                self._size += 1
            place.granted = True
            if place.bell is not None:
                place.bell.set()


_COUNTED = (
    "requests_num",
    "requests_queued",
    "requests_wait_ms",
    "requests_errors",
    "returns_bad",
    "connections_num",
    "connections_errors",
    "connections_lost",
)

_ledgers: WeakSet[Ledger] = WeakSet()


def _after_fork() -> None:
    for ledger in list(_ledgers):
        ledger.start_over()


os.register_at_fork(after_in_child=_after_fork)


def waited_too_long(host: str, waited: float) -> RemctlError:
    """For one who waited for a connection in vain."""
    text = f"no connection of the pool was free in {waited:.3g} seconds"
    return make("timeout", text, host=host, may_have_run=False)


def _positive(value: Seconds, name: str) -> float:
    try:
        number = seconds(value)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("timeout", name, 1)) from None
    if number <= 0:
        raise ValueError(f"{name} must be more than 0: {value}")
    return number
