"""Blocking calls in a program that gevent has patched: only the greenlet waits, not its thread.

If gevent has replaced `select`, this `Connection` is used instead of the extension's. Each hub
has a reactor; a greenlet starts its call there and switches to the hub, which wakes it when the
call has ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import gevent
from gevent.event import Event

from remctl import _remctl
from remctl._errors import RemctlError
from remctl._waiting.callers import Callers

#: The longest time that calls may use in the hub at a time, in seconds.
BUDGET = 0.003
_READABLE = 1  # gevent's event mask


class HubReactor:
    """The calls of one hub's greenlets."""

    def __init__(self, hub: Any) -> None:
        self.reactor = _remctl.Reactor()
        self.pid = os.getpid()
        self._waiting = 0
        # Active only while a greenlet waits: an active watcher keeps the program from exiting.
        self._watcher = hub.loop.io(self.reactor.fileno(), _READABLE)

    def finish(self, operation: _remctl.Operation) -> Any:
        """Wait for the end of a call, and return its result or raise its error.

        An exception that is thrown into the greenlet (`gevent.Timeout`, `kill()`) ends the call.
        """
        if not operation.done:
            event = operation.waiter = Event()
            if self._waiting == 0:
                self._watcher.start(self._dispatch)
            self._waiting += 1
            try:
                event.wait()
            except BaseException:
                self.reactor.cancel(operation)
                raise
            finally:
                self._waiting -= 1
                if self._waiting == 0:
                    self._watcher.stop()
        return operation.result()

    def _dispatch(self) -> None:
        self.reactor.dispatch(BUDGET, _wake)


def _wake(operation: _remctl.Operation) -> None:
    waiter = operation.waiter
    if waiter is not None:
        waiter.set()
    operation.waiter = None


_reactors: WeakKeyDictionary[Any, HubReactor] = WeakKeyDictionary()
_callers = Callers()


def hub_reactor() -> HubReactor:
    """The reactor of the calling thread's hub."""
    hub = gevent.get_hub()
    found = _reactors.get(hub)
    # A reactor from before a fork belongs to the parent.
    if found is None or found.pid != os.getpid():
        found = _reactors[hub] = HubReactor(hub)
    return found


def wait_readable(descriptor: int) -> None:
    """Wait until a descriptor is readable."""
    gevent.get_hub().wait(gevent.get_hub().loop.io(descriptor, _READABLE))


class Connection:
    """The extension's `Connection` for blocking calls in greenlets."""

    __slots__ = ("__weakref__", "_plain")

    def __init__(self, plain: _remctl.Connection) -> None:
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        """Methods that never wait are the extension's."""
        return getattr(self._plain, name)

    def _perform(self, verb: str, *arguments: Any) -> Any:
        hub = hub_reactor()
        start = getattr(hub.reactor, verb)
        return hub.finish(start(self._plain, _callers.number(gevent.getcurrent()), *arguments))

    def abandon(self) -> None:
        """See the extension's, for the current greenlet."""
        self._plain.abandon(_callers.number(gevent.getcurrent()))

    def refusal(self, session: _remctl.Session) -> tuple[Any, ...] | None:
        """The error token that ended the stream, if there was one; each greenlet gets it once."""
        return self._plain.refusal(session, _callers.number(gevent.getcurrent()))

    def open(
        self,
        host: str,
        port: int = 0,
        principal: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Connect and authenticate."""
        self._perform("open", host, port, principal, timeout)

    def open_descriptor(
        self,
        descriptor: int,
        host: str | None,
        principal: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Authenticate over a duplicate of a connected socket."""
        self._perform("open_descriptor", descriptor, host, principal, timeout)

    def command(self, command: list[Any], timeout: float | None = None) -> None:
        """Send a command."""
        self._perform("command", command, timeout)

    def output(
        self, session: _remctl.Session | None = None, timeout: float | None = None
    ) -> tuple[Any, ...]:
        """Read a token."""
        token: tuple[Any, ...] = self._perform("outputs", session, 0, timeout)[0]
        return token

    def run(self, command: list[Any], timeout: float | None = None) -> Any:
        """Send a command and read its answer."""
        return self._perform("run", command, timeout)

    def simple(
        self,
        host: str,
        port: int,
        principal: str | None,
        command: list[Any],
        timeout: float | None,
    ) -> Any:
        """open() and run(), with one timeout for both."""
        return self._perform("simple", host, port, principal, command, timeout)

    def stream(self, command: list[Any], timeout: float | None = None) -> _remctl.Session:
        """Send a command and reserve the connection for its answer."""
        return self._perform("stream", command, timeout)  # type: ignore[no-any-return]

    def noop(self, timeout: float | None = None) -> bool:
        """Check that the server responds."""
        return bool(self._perform("noop", timeout))


class Lending:
    """The context manager of `pool.connection()` for greenlets; see `_remctl.Pool.lend`."""

    def __init__(
        self,
        pool: _remctl.Pool,
        wrap: Callable[[_remctl.Connection], Any],
        timeout: float | None,
        located: Callable[[RemctlError], RemctlError],
    ) -> None:
        self._plain = pool.lend_async(wrap, timeout, None)
        self._located = located

    def __enter__(self) -> Any:
        hub = hub_reactor()
        operation = self._plain.ask(hub.reactor, _callers.number(gevent.getcurrent()))
        try:
            return hub.finish(operation)
        except RemctlError as error:
            raise self._located(error) from None
        except BaseException:
            self._plain.give_up()
            raise

    def __exit__(self, *raised: Any) -> None:
        self._plain.__aexit__(*raised)


def open_pool(pool: _remctl.Pool, timeout: float | None) -> None:
    """Wait until there are min_size connections."""
    hub = hub_reactor()
    hub.finish(pool.open_in(hub.reactor, timeout))
