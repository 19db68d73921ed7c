"""The extension's Reactor with calls of fake connections.

Calls end immediately, unless another task's stream has the connection.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable
from typing import Any

from remctl._arguments import Encoded, Seconds
from remctl._remctl import Operation, Reactor
from remctl.testing._fake_connection import FakeConnection, FakeSession, Token


class FakeOperation:
    """A call that was started in a reactor."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.waiter: Any = None
        self.done = False
        self._call = call
        self._result: object = None
        self._error: BaseException | None = None

    def settle(self) -> None:
        """Make the call."""
        try:
            self._result = self._call()
        except BaseException as error:
            self._error = error
        self.done = True

    def result(self) -> Any:
        """Return the call's result or raise its error, once."""
        if self._error is not None:
            raise self._error
        return self._result


class FakeReactor:
    """Runs calls of fake connections; see `remctl._remctl.Reactor`."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll = select.epoll()
        self._epoll.register(self._descriptor, select.EPOLLIN)
        self._real: Reactor | None = None
        self._waiting: dict[FakeOperation, Callable[[], bool]] = {}

    def __del__(self) -> None:
        if hasattr(self, "_epoll"):
            self._epoll.close()
            os.close(self._descriptor)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def real(self) -> Reactor:
        """A real reactor with the same descriptor, for the real parts of fakes.

        That is a pool's queue, and pauses.
        """
        if self._real is None:
            self._real = Reactor()
            self._epoll.register(self._real.fileno(), select.EPOLLIN)
        return self._real

    def fileno(self) -> int:
        """Return the descriptor, which is readable when dispatch() has something to do."""
        return self._epoll.fileno()

    def move_here(self) -> None:
        """See that the real one is served in this thread."""
        if self._real is not None:
            self._real.move_here()

    def dispatch(self, budget: float, wake: Callable[[FakeOperation | Operation], object]) -> None:
        """Advance the calls that are ready, and call `wake` with each operation that has ended."""
        with contextlib.suppress(BlockingIOError):  # already woken
            os.eventfd_read(self._descriptor)
        ended = []
        if self._real is not None:
            self._real.dispatch(budget, wake)
        for operation, free in list(self._waiting.items()):
            if free():
                del self._waiting[operation]
                operation.settle()
                ended.append(operation)
        for operation in ended:
            wake(operation)

    def wait(self) -> None:
        """Wait until dispatch() may have something to do."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        poll.poll()

    def cancel(self, operation: FakeOperation | Operation) -> None:
        """Cancel an operation."""
        if not isinstance(operation, FakeOperation):
            self.real.cancel(operation)
            return
        self._waiting.pop(operation, None)

    def pause(self, seconds: Seconds) -> Operation:
        """Return an operation that ends after so long."""
        return self.real.pause(seconds)

    def excuse(self, seconds: float) -> None:
        """Put the ends of pauses off; calls here have no deadlines that could come."""
        if self._real is not None:
            self._real.excuse(seconds)

    def close(self) -> int:
        """Cancel all operations; return how many there were."""
        count = len(self)
        self._waiting.clear()
        return count + (0 if self._real is None else self._real.close())

    def _wake(self) -> None:
        os.eventfd_write(self._descriptor, 1)

    def _begin(
        self,
        connection: FakeConnection,
        caller: int,
        call: Callable[[], object],
        session: FakeSession | None = None,
    ) -> FakeOperation:
        def settle() -> object:
            with connection.acting_for(caller):
                return call()

        operation = FakeOperation(settle)
        if connection.free_for(caller, session):
            operation.settle()
        else:
            connection.watchers.add(self._wake)
            self._waiting[operation] = lambda: connection.free_for(caller, session)
        return operation

    def open(
        self,
        connection: FakeConnection,
        caller: int,
        host: str | bytes,
        port: int,
        principal: str | bytes | None,
        timeout: Seconds | None,
    ) -> FakeOperation:
        """Connection.open."""
        return self._begin(
            connection, caller, lambda: connection.open(host, port, principal, timeout)
        )

    def open_descriptor(
        self,
        connection: FakeConnection,
        caller: int,
        descriptor: int,
        host: str | bytes | None,
        principal: str | bytes | None,
        timeout: Seconds | None,
    ) -> FakeOperation:
        """Connection.open_descriptor."""
        return self._begin(
            connection,
            caller,
            lambda: connection.open_descriptor(descriptor, host, principal, timeout),
        )

    def command(
        self,
        connection: FakeConnection,
        caller: int,
        command: list[Encoded],
        timeout: Seconds | None,
    ) -> FakeOperation:
        """Connection.command."""
        return self._begin(connection, caller, lambda: connection.command(command, timeout))

    def outputs(
        self,
        connection: FakeConnection,
        caller: int,
        session: FakeSession | None,
        bytes: int,
        timeout: Seconds | None,
    ) -> FakeOperation:
        """Connection.output for one token and those after it that need no wait."""

        def call() -> list[Token]:
            tokens = [connection.output(session, timeout)]
            size = 0
            while connection.token_ready and (size := size + len(tokens[-1][1] or b"")) < bytes:
                tokens.append(connection.output(session))
            return tokens

        return self._begin(connection, caller, call, session)

    def run(
        self,
        connection: FakeConnection,
        caller: int,
        command: list[Encoded],
        timeout: Seconds | None,
    ) -> FakeOperation:
        """Connection.run."""
        return self._begin(connection, caller, lambda: connection.run(command, timeout))

    def simple(
        self,
        connection: FakeConnection,
        caller: int,
        host: str | bytes,
        port: int,
        principal: str | bytes | None,
        command: list[Encoded],
        timeout: Seconds | None,
    ) -> FakeOperation:
        """Connection.simple."""
        return self._begin(
            connection, caller, lambda: connection.simple(host, port, principal, command, timeout)
        )

    def stream(
        self,
        connection: FakeConnection,
        caller: int,
        command: list[Encoded],
        timeout: Seconds | None,
    ) -> FakeOperation:
        """Connection.stream."""
        return self._begin(connection, caller, lambda: connection.stream(command, timeout))

    def noop(
        self, connection: FakeConnection, caller: int, timeout: Seconds | None
    ) -> FakeOperation:
        """Connection.noop."""
        return self._begin(connection, caller, lambda: connection.noop(timeout))
