"""What the pools of both worlds share: all but the waiting.

`Ledger` is the bookkeeping: who waits, what is idle, what is too old. It neither waits nor
connects; what is to be closed or made is handed to the caller. `PoolBase` is a pool's arguments,
limits and log.
"""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable
from math import inf
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Protocol, SupportsIndex
from weakref import WeakSet

from remctl import _own_types, _remctl
from remctl._arguments import Port, Seconds, c_string, count, host_name, port_number, seconds
from remctl._client_base import Settings, end_after, left, ticket_end
from remctl._errors import RemctlError, locate, make
from remctl._logging import POOLS

if TYPE_CHECKING:
    from remctl._loops import Loop

#: remctld hangs up after an hour without a command.
_SERVER_LIMIT = 3600.0

#: A connection that rested less than this, in seconds, is only looked at; others are asked for a
#: sign of life, and get so long for it.
TRUSTED = 1.0
CHECK_LIMIT = 5.0


class Bell(Protocol):
    """What tells one who waits that it is its turn."""

    def set(self) -> None:
        """Ring it."""


class Member:
    """A connection of a pool."""

    __slots__ = ("connection", "end", "idle_since")

    def __init__(self, connection: _remctl.Connection, end: float) -> None:
        self.connection = connection
        #: When it is too old to be given out.
        self.end = end
        self.idle_since = monotonic()


class Checkout:
    """A caller's request for a connection. It waits in the queue, or it is granted.

    A granted checkout has a member, or the right to make one.
    """

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
    checkout, or with an idle member. Each checkout is checked in once: with a member that can be
    used again, or without one.
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
        if self.max_idle >= _SERVER_LIMIT:
            raise ValueError(
                f"max_idle must be below {_SERVER_LIMIT:.0f} seconds, after which the server "
                f"hangs up: {max_idle}"
            )
        self.max_lifetime = inf if max_lifetime is None else _positive(max_lifetime, "max_lifetime")
        self.timeout = None if timeout is None else seconds(timeout)
        self.generation = 0
        self.closed = False
        self._numbers = dict.fromkeys(_COUNTED, 0)
        self._empty()
        _ledgers.add(self)

    def _empty(self) -> None:
        self._lock = RLock()  # a signal handler may be in here too
        self._size = 0
        self._idle: deque[Member] = deque()  # the last one has rested least
        self._waiting: deque[Checkout] = deque()

    def reset(self) -> list[Member]:
        """Forget all connections, and who waits. Returns those that rested.

        For the child of a fork, where they are the parent's, and at the end of an event loop.
        """
        idle = list(self._idle)
        self.generation += 1
        self._empty()
        return idle

    def check_out(self, bell: Callable[[], Bell]) -> Checkout:
        """Request a connection. The checkout is granted now, or its bell rings when it is.

        RemctlError when the pool is closed.
        """
        with self._lock:
            self.require_open()
            checkout = Checkout(self.generation)
            self._numbers["requests_num"] += 1
            self._waiting.append(checkout)
            self._serve()
            if not checkout.granted:
                self._numbers["requests_queued"] += 1
                checkout.bell = bell()
            return checkout

    def check_in(self, checkout: Checkout, member: Member | None) -> None:
        """End a checkout, granted or not. Its member is lent again, kept idle, or closed."""
        with self._lock:
            if checkout.generation != self.generation:
                return  # it was the parent's
            if not checkout.granted:
                self._waiting.remove(checkout)
            elif member is None or self.closed:
                self._size -= 1
            else:
                member.idle_since = monotonic()
                self._idle.append(member)
            self._serve()
        if member is not None and self.closed:
            member.connection.close()

    def missing(self) -> Checkout | None:
        """A checkout for a connection that is missing below `min_size`, or None."""
        with self._lock:
            if self.closed or self._size >= self.min_size:
                return None
            self._size += 1
            checkout = Checkout(self.generation)
            checkout.granted = True
            return checkout

    def prune(self) -> int:
        """Close what has rested too long or is too old. How many there were."""
        now = monotonic()
        with self._lock:
            old = [member for member in self._idle if self._is_old(member, now)]
            for member in old:
                self._idle.remove(member)
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
            idle, self._idle = self._idle, deque()
            self._size -= len(idle)
            for checkout in self._waiting:  # they leave by themselves
                if checkout.bell is not None:
                    checkout.bell.set()
        for member in idle:
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
                "pool_available": len(self._idle),
                "requests_waiting": len(self._waiting),
                **self._numbers,
            }

    def _is_old(self, member: Member, now: float) -> bool:
        return now >= member.end or now - member.idle_since >= self.max_idle

    def _serve(self) -> None:
        """Grant what there is to those who wait, in order; with the lock held."""
        while self._waiting and not self.closed:
            if not self._idle and self._size >= self.max_size:
                return
            checkout = self._waiting.popleft()
            if self._idle:
                checkout.member = self._idle.pop()
            else:
                self._size += 1
            checkout.granted = True
            if checkout.bell is not None:
                checkout.bell.set()


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
        ledger.reset()


os.register_at_fork(after_in_child=_after_fork)


class PoolBase:
    """A pool, without the waiting."""

    def __init__(
        self,
        host: str,
        port: Port = None,
        principal: str | None = None,
        *,
        min_size: SupportsIndex = 1,
        max_size: SupportsIndex = 8,
        timeout: Seconds | None = 30.0,
        max_idle: Seconds = 600.0,
        max_lifetime: Seconds | None = 3600.0,
        ccache: str | os.PathLike[str] | _own_types.Credentials | None = None,
        keytab: str | os.PathLike[str] | None = None,
        source_ip: str | None = None,
        keepalive: Seconds | None = 60,
        connect_timeout: Seconds | None = None,
    ) -> None:
        host_name(host)
        if principal is not None:
            c_string(principal, "principal")
        self._host, self._port, self._principal = host, port_number(port), principal
        self._settings = Settings(ccache, keytab, source_ip, keepalive, connect_timeout)
        self._ledger = Ledger(min_size, max_size, max_idle, max_lifetime, timeout)
        self._filled = False
        self._loop: Loop | None = None  # where there is one

    def __repr__(self) -> str:
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        state = "closed" if self._ledger.closed else f"{self._ledger.stats()['pool_size']} open"
        return f"<{name} {self._host} {state}>"

    def stats(self) -> dict[str, int]:
        """Numbers about the pool, by the names that psycopg_pool has for them.

        ``pool_min`` and ``pool_max``; ``pool_size``, the connections that there are,
        ``pool_available``, those at rest, and ``requests_waiting``. Since the pool was made:
        ``requests_num``, ``requests_queued`` (those that had to wait), ``requests_wait_ms``
        (milliseconds, of all) and ``requests_errors``; ``connections_num`` (made),
        ``connections_errors`` (not made) and ``connections_lost`` (found dead at rest); and
        ``returns_bad``, those that came back and could not be used again.
        """
        return self._ledger.stats()

    def _deadline(self, timeout: Seconds | None) -> float | None:
        """The moment until which a connection is waited for; None where that is for ever."""
        limit = self._ledger.timeout
        if timeout is not None:
            limit = seconds(timeout)
        if limit is not None and limit <= 0:
            self._ledger.count("requests_errors")
            raise waited_too_long(self._host, 0.0)
        return end_after(limit)

    def _wait_limit(self, timeout: Seconds | None) -> Seconds | None:
        """How long `run()` may wait for a connection: as others do, or as long as it may take."""
        limit = self._ledger.timeout
        if timeout is None or limit is None:
            return timeout
        return min(seconds(timeout), limit)

    def _check_out(self, bell: Callable[[], Bell]) -> Checkout:
        self._prune()
        checkout = self._ledger.check_out(bell)
        checkout.logged = _remctl.listening(POOLS)
        if checkout.logged and not checkout.granted:
            self._note(f"waiting, {self._numbers()}")
        return checkout

    def _require_granted(self, checkout: Checkout, begin: float) -> None:
        if not checkout.granted:
            waited = monotonic() - begin
            if checkout.logged:
                text = f"waited in vain for {waited:.1f} s, {self._numbers()}"
                self._note(text, seconds=waited, kind="timeout")
            self._ledger.require_open()
            raise waited_too_long(self._host, waited)

    def _made(self, connection: _remctl.Connection) -> Member:
        ledger = self._ledger
        ledger.count("connections_num")
        end = min(monotonic() + ledger.max_lifetime, ticket_end(connection))
        if _remctl.listening(POOLS):
            self._note(f"connection made, {self._numbers()}")
        return Member(connection, end)

    def _connect_error(self, error: RemctlError) -> RemctlError:
        self._ledger.count("connections_errors")
        if _remctl.listening(POOLS):
            self._note(f"no connection made: {error}", kind=error._kind)
        return locate(error, self._host, self._port or None, None)

    def _drop_dead(self, checkout: Checkout) -> None:
        """Drop the dead member of a checkout, which makes a new one instead."""
        self._ledger.count("connections_lost")
        if checkout.logged:
            self._note("checked and dropped: it gave no sign of life")
        member, checkout.member = checkout.member, None
        if member is not None:
            member.connection.close()

    def _return(self, checkout: Checkout, *, cut_short: bool) -> bool:
        """Put a connection to rest, or close it. Whether the pool is to be looked after now."""
        ledger, member = self._ledger, checkout.member
        assert member is not None
        connection = member.connection
        unusable = _why_unusable(connection, cut_short=cut_short)
        if unusable is None and ledger.is_old(member):
            unusable = "it is too old, or its ticket has ended"
        if unusable is None:
            connection.set_timeout(None)
            ledger.check_in(checkout, member)
        else:
            connection.close()
            ledger.count("returns_bad")
            ledger.check_in(checkout, None)
        if checkout.logged:
            how = "given back" if unusable is None else f"given back and dropped: {unusable}"
            self._note(f"{how}, {self._numbers()}")
        return not cut_short and checkout.generation == ledger.generation

    def _checked(self, checkout: Checkout) -> None:
        if checkout.logged:
            self._note("checked, the connection is alive")

    def _close(self) -> None:
        if not self._ledger.closed and _remctl.listening(POOLS):
            self._note(f"closed, {self._numbers()}")
        self._ledger.close()

    def _prune(self) -> None:
        dropped = self._ledger.prune()
        if dropped and _remctl.listening(POOLS):
            self._note(f"dropped {dropped}: too old, or at rest for too long; {self._numbers()}")

    def _served(self, checkout: Checkout, begin: float) -> None:
        """Count and log that a checkout has its member."""
        waited = monotonic() - begin
        self._ledger.count("requests_wait_ms", round(waited * 1000))
        if checkout.logged:
            text = f"given out after {waited * 1000:.1f} ms, {self._numbers()}"
            self._note(text, seconds=waited)

    def _note(self, text: str, *, seconds: float | None = None, kind: str | None = None) -> None:
        """Log it; for who has seen that somebody listens."""
        where = f"{self._host} (port {self._port})" if self._port else self._host
        _remctl.note(
            POOLS,
            f"{where}: {text}",
            host=self._host,
            port=self._port or None,
            seconds=seconds,
            kind=kind,
        )

    def _numbers(self) -> str:
        stats = self._ledger.stats()
        idle, waiting = stats["pool_available"], stats["requests_waiting"]
        return f"{stats['pool_size']} of {stats['pool_max']}, {idle} at rest, {waiting} waiting"


def _why_unusable(connection: _remctl.Connection, *, cut_short: bool) -> str | None:
    """Why a connection that comes back cannot be lent again; None where it can."""
    if cut_short:
        return "its block was cut short"
    if connection.opened and connection.pending:
        return "output is pending"
    if not connection.opened or connection.fileno() < 0:
        return "it is not connected any more"
    return None


def refused_on_pooled(call: str) -> RemctlError:
    """For what is not to be done with a connection that is lent."""
    text = f"{call} on a connection of a pool: give it to the pool's constructor"
    return make("misuse", text, may_have_run=False)


def check_limit(member: Member, end: float | None) -> float | None:
    """How long a sign of life may take; None where it is enough to look."""
    if monotonic() - member.idle_since < TRUSTED:
        return None
    rest = left(end)
    return CHECK_LIMIT if rest is None else min(CHECK_LIMIT, rest)


def is_readable(connection: _remctl.Connection) -> bool | None:
    """Whether something has come that nobody asked for: the end, mostly. None: not connected."""
    descriptor = connection.fileno()
    if descriptor < 0:
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def waited_too_long(host: str, waited: float) -> RemctlError:
    """For one who waited for a connection in vain."""
    text = f"no connection of the pool was free in {waited:.3g} seconds"
    return make("timeout", text, host=host, may_have_run=False, lasting=waited <= 0)


def _positive(value: Seconds, name: str) -> float:
    try:
        number = seconds(value)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("timeout", name, 1)) from None
    if number <= 0:
        raise ValueError(f"{name} must be more than 0: {value}")
    return number
