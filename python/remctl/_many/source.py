"""Reads the caller's hosts one by one, when there is room."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from operator import length_hint
from time import monotonic
from typing import Any, Protocol

from remctl._many.outcome import Target
from remctl._waiting.waiters import Helper, TaskWaiter, task_waiter

#: Before the second host is read, wait at most this many seconds for outcomes if the iterable
#: has no length and so may be slow.
_FIRST_PAUSE = 0.25

#: There is no pause after a read that takes less than this, in seconds.
_SLOW_READ = 0.001

#: The longest pause after a slow read, in seconds.
_LONGEST_PAUSE = 1.0


class Source(Protocol):
    """A source of hosts."""

    @property
    def exhausted(self) -> bool:
        """Whether there are no more."""

    @property
    def pause(self) -> float:
        """How many seconds to wait for outcomes before the next host is read."""

    def ready(self) -> bool:
        """Whether `take()` can be called. If not, the next host is being read."""

    def take(self) -> Target | None:
        """The next host; None if there is none. Raises the exceptions of the caller's iterable."""

    def close(self) -> None:
        """Stop reading."""


class IterableSource:
    """Hosts from an iterable, which is read in the thread that asks for outcomes.

    Nothing else runs during a read. So each slow read is followed by a pause of the same length
    for the hosts in progress.
    """

    def __init__(self, hosts: Iterable[str | Target]) -> None:
        require_many(hosts)
        try:
            self._hosts: Iterator[object] = iter(hosts)
        except TypeError:
            raise TypeError(f"hosts must be an iterable, not {type(hosts).__name__}") from None
        self.hint: int = length_hint(hosts)
        self.exhausted: bool = False
        self.pause: float = 0.0 if hasattr(hosts, "__len__") else _FIRST_PAUSE
        self._first = True

    def ready(self) -> bool:
        """See `Source`."""
        return True

    def take(self) -> Target | None:
        """See `Source`."""
        begin = monotonic()
        host = next(self._hosts, _END)
        took = monotonic() - begin
        if not self._first or took >= _SLOW_READ:
            self.pause = min(took, _LONGEST_PAUSE) if took >= _SLOW_READ else 0.0
        self._first = False
        self.exhausted = host is _END
        return None if self.exhausted else target_of(host)

    def close(self) -> None:
        """See `Source`."""
        self._hosts = iter(())


class AsyncIterableSource:
    """Hosts from an asynchronous iterable, which a separate task reads.

    The task reads a host on request, and wakes `waiter` for each. Neither may refer to the
    iterator of outcomes, which ends the task when nothing refers to it any more.
    """

    pause = 0.0

    def __init__(self, hosts: AsyncIterator[object], waiter: TaskWaiter) -> None:
        self.exhausted = False
        self._hosts: AsyncIterator[object] | None = hosts
        self._waiter = waiter
        self._read: deque[tuple[object, BaseException | None]] = deque()
        self._asked = False
        self._asking: TaskWaiter | None = None  # of the reading task
        self._reading: Helper | None = None

    def ready(self) -> bool:
        """See `Source`."""
        if not self._read and not self._asked:
            self._asked = True
            if self._reading is None:
                self._reading = self._waiter.helper(self._read_all(), self._end)
                self._reading.start()  # with eager tasks it may end before this returns
            elif self._asking is not None:
                self._asking.wake()
        return bool(self._read)

    def take(self) -> Target | None:
        """See `Source`."""
        host, error = self._read.popleft()
        if error is not None:
            raise error
        self.exhausted = host is _END
        return None if self.exhausted else target_of(host)

    def close(self) -> None:
        """See `Source`."""
        self._hosts = None
        if self._reading is not None:
            self._reading.cancel()

    async def _read_all(self) -> object:
        self._asking = task_waiter()
        assert self._hosts is not None
        async for host in self._hosts:
            self._take_in(host, None)
            self._waiter.wake()
            await self._asking.wait(None)
        return _END

    def _end(self, end: object, error: BaseException | None) -> None:
        self._take_in(end, error)

    def _take_in(self, host: object, error: BaseException | None) -> None:
        self._asked = False
        self._read.append((host, error))


_END: Any = object()  # marks the end of the hosts


def require_many(hosts: object) -> None:
    """Raise TypeError for one host instead of an iterable of hosts."""
    if isinstance(hosts, (str, bytes, Target)):
        raise TypeError("hosts must be an iterable of hosts, not one host: [host] has one")


def target_of(host: object) -> Target:
    """Convert a host that was given to a target."""
    if isinstance(host, Target):
        return host
    if isinstance(host, str):
        return Target(host)
    raise TypeError(f"a host must be a str or a Target, not {type(host).__name__}")
