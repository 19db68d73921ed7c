"""The extension's Pool with fake connections. The queue, the limits and the numbers are real."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from remctl import RemctlError, _remctl
from remctl._errors import locate
from remctl.testing._fake_connection import FakeConnection, Source
from remctl.testing._fake_reactor import FakeReactor

Wrap = Callable[[Any], Any]


class FakeLending:
    """A lending for `AsyncConnectionPool`, which waits in the real reactor of a fake one."""

    def __init__(self, real: _remctl.AsyncLending) -> None:
        self._real = real

    def ask(self, reactor: FakeReactor, caller: int) -> _remctl.Operation:
        """Wait for a connection in an event loop; returns the operation."""
        return self._real.ask(reactor.real, caller)

    def give_up(self) -> None:
        """Return an unused connection."""
        self._real.give_up()


class FakePool:
    """A pool of fake connections; see `remctl._remctl.Pool`."""

    def __init__(self, source: Source, pool: type[_remctl.Pool]) -> None:
        self._source, self._class = source, pool
        self._real: _remctl.Pool
        self._host, self._port = "", 0

    def make(
        self, model: FakeConnection, host: str, port: int, principal: str | None, **rest: Any
    ) -> FakePool:
        """Create a pool whose connections have the settings of the unopened `model`."""
        made = FakePool(self._source, self._class)
        made._host, made._port = host, port
        rest["offline"] = True
        made._real = self._class.make(model.settings, host, port, principal, **rest)
        return made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def lend(self, wrap: Wrap, timeout: float | None) -> _remctl.Lending:
        """Return a context manager; its block gets `wrap(connection)`."""
        return self._real.lend(lambda _: wrap(self._connect()), timeout)

    def lend_async(
        self,
        wrap: Wrap,
        timeout: float | None,
        start: Callable[[Any], Coroutine[Any, Any, Any]],
    ) -> _remctl.AsyncLending:
        """Return the same for ``async with``."""
        return self._real.lend_async(
            lambda _: wrap(self._connect()),
            timeout,
            lambda real: start(FakeLending(real)),
        )

    def open(self, timeout: float | None) -> None:
        """Wait until there are min_size connections."""
        self._require_reachable()
        self._real.open(timeout)

    def open_in(self, reactor: FakeReactor, timeout: float | None) -> _remctl.Operation:
        """Do the same in an event loop: the operation."""
        self._require_reachable()
        return self._real.open_in(reactor.real, timeout)

    def _connect(self) -> FakeConnection:
        connection = FakeConnection(self._source)
        try:
            connection.open(self._host, self._port)
        except RemctlError as error:
            raise locate(error, self._host, self._port or None, None) from None
        return connection

    def _require_reachable(self) -> None:
        refusal = self._source.refusal(self._host, self._port)
        if refusal is not None:
            raise refusal
