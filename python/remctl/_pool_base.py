"""What the pools of both worlds have in common: all but the waiting."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, SupportsIndex

from remctl import _remctl
from remctl._arguments import Port, Seconds, c_string, host_name, port_number, seconds
from remctl._errors import RemctlError, locate, make
from remctl._pooling import Bell, Ledger, Member, Place, waited_too_long
from remctl._settings import Settings
from remctl._topics import POOLS
from remctl._verbs import end_after, left

if TYPE_CHECKING:
    from remctl._credentials import Credentials
    from remctl._loops import Loop
else:
    Credentials = object

#: A connection that rested less than this, in seconds, is only looked at; others are asked for a
#: sign of life, and get so long for it.
RESTED = 1.0
SIGN_OF_LIFE = 5.0


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
        ccache: str | os.PathLike[str] | Credentials | None = None,
        keytab: str | os.PathLike[str] | None = None,
        source_ip: str | None = None,
    ) -> None:
        host_name(host)
        if principal is not None:
            c_string(principal, "principal")
        self._host, self._port, self._principal = host, port_number(port), principal
        self._settings = Settings(ccache, keytab, source_ip)
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

    def _end(self, timeout: Seconds | None) -> float | None:
        """The moment until which a connection is waited for; None where that is for ever."""
        limit = self._ledger.timeout
        if timeout is not None:
            limit = seconds(timeout)
        if limit is not None and limit <= 0:
            self._ledger.count("requests_errors")
            raise waited_too_long(self._host, 0.0)
        return end_after(limit)

    def _within(self, timeout: Seconds | None) -> Seconds | None:
        """How long `run()` may wait for a connection: as others do, or as long as it may take."""
        limit = self._ledger.timeout
        if timeout is None or limit is None:
            return timeout
        return min(seconds(timeout), limit)

    def _ask(self, bell: Callable[[], Bell]) -> Place:
        self._prune()
        place = self._ledger.ask(bell)
        place.logged = _remctl.listening(POOLS)
        if place.logged and not place.granted:
            self._note(f"waiting, {self._numbers()}")
        return place

    def _require_grant(self, place: Place, begin: float) -> None:
        if not place.granted:
            waited = monotonic() - begin
            if place.logged:
                self._note(f"waited in vain for {waited:.1f} s, {self._numbers()}")
            self._ledger.require_open()
            raise waited_too_long(self._host, waited)

    def _new_member(self, connection: _remctl.Connection) -> Member:
        ledger = self._ledger
        ledger.count("connections_num")
        end = min(monotonic() + ledger.max_lifetime, self._settings.ticket_end())
        if _remctl.listening(POOLS):
            self._note(f"connection made, {self._numbers()}")
        return Member(connection, end)

    def _not_made(self, error: RemctlError) -> RemctlError:
        self._ledger.count("connections_errors")
        if _remctl.listening(POOLS):
            self._note(f"no connection made: {error}")
        return locate(error, self._host, self._port or None, None)

    def _lost(self, place: Place) -> None:
        """The member of a place turns out to be dead: the place is for making another."""
        self._ledger.count("connections_lost")
        if place.logged:
            self._note("checked and dropped: it gave no sign of life")
        member, place.member = place.member, None
        if member is not None:
            member.connection.close()

    def _take_back(self, place: Place, *, cut_short: bool) -> bool:
        """Put a connection to rest, or close it. Whether the pool is to be looked after now."""
        ledger, member = self._ledger, place.member
        assert member is not None
        connection = member.connection
        spoiled = _why_spoiled(connection, cut_short=cut_short)
        if spoiled is None and ledger.is_old(member):
            spoiled = "it is too old, or its ticket has ended"
        if spoiled is None:
            connection.set_timeout(None)
            ledger.give_back(place, member)
        else:
            connection.close()
            ledger.count("returns_bad")
            ledger.give_back(place, None)
        if place.logged:
            how = "given back" if spoiled is None else f"given back and dropped: {spoiled}"
            self._note(f"{how}, {self._numbers()}")
        return not cut_short and place.generation == ledger.generation

    def _checked(self, place: Place) -> None:
        if place.logged:
            self._note("checked, the connection is alive")

    def _close(self) -> None:
        if not self._ledger.closed and _remctl.listening(POOLS):
            self._note(f"closed, {self._numbers()}")
        self._ledger.close()

    def _prune(self) -> None:
        dropped = self._ledger.prune()
        if dropped and _remctl.listening(POOLS):
            self._note(f"dropped {dropped}: too old, or at rest for too long; {self._numbers()}")

    def _served(self, place: Place, begin: float) -> None:
        """A place has its member."""
        waited = monotonic() - begin
        self._ledger.count("requests_wait_ms", round(waited * 1000))
        if place.logged:
            self._note(f"given out after {waited * 1000:.1f} ms, {self._numbers()}")

    def _note(self, text: str) -> None:
        """Log it; for who has seen that somebody listens."""
        where = f"{self._host} (port {self._port})" if self._port else self._host
        _remctl.note(POOLS, f"{where}: {text}")

    def _numbers(self) -> str:
        stats = self._ledger.stats()
        resting, waiting = stats["pool_available"], stats["requests_waiting"]
        return f"{stats['pool_size']} of {stats['pool_max']}, {resting} at rest, {waiting} waiting"


def _why_spoiled(connection: _remctl.Connection, *, cut_short: bool) -> str | None:
    """Why a connection that comes back cannot be lent again; None where it can."""
    if cut_short:
        return "its block was cut short"
    if connection.opened and connection.pending:
        return "output is pending"
    if not connection.opened or connection.fileno() < 0:
        return "it is not connected any more"
    return None


def the_pool_s(call: str) -> RemctlError:
    """For what is not to be done with a connection that is lent."""
    text = f"{call} on a connection of a pool: give it to the pool's constructor"
    return make("general", text, may_have_run=False)


def quick_look(member: Member, end: float | None) -> float | None:
    """How long a sign of life may take; None where it is enough to look."""
    if monotonic() - member.rested_since < RESTED:
        return None
    rest = left(end)
    return SIGN_OF_LIFE if rest is None else min(SIGN_OF_LIFE, rest)


def readable(connection: _remctl.Connection) -> bool | None:
    """Whether something has come that nobody asked for: the end, mostly. None: not connected."""
    descriptor = connection.fileno()
    if descriptor < 0:
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
