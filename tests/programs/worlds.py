"""The blocking and the asynchronous interface behind one: what the model speaks to."""

import contextlib
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from remctl import Remctl
from remctl._client import Stream

from tests.support.forks import in_child
from tests.support.obliging import ObligingServer


class Tokens(Protocol):
    """A stream."""

    def next(self) -> Any:
        """The next token, or None at the end."""

    def close(self) -> None:
        """Leave it."""


class World(Protocol):
    """The verbs, each waiting for its end."""

    reads_ahead: bool
    """Whether a stream takes in more tokens than were asked for."""

    @property
    def opened(self) -> bool:
        """As `Remctl.opened`."""

    def open(self, server: ObligingServer) -> None:
        """Open over the network."""

    def open_socket(self, server: ObligingServer) -> None:
        """Open over a socket of the caller's."""

    def close(self) -> None:
        """As `Remctl.close`."""

    def command(self, command: list[bytes]) -> None:
        """As `Remctl.command`."""

    def output(self) -> Any:
        """As `Remctl.output`."""

    def run(self, command: list[bytes]) -> Any:
        """As `Remctl.run`."""

    def stream(self, command: list[bytes]) -> Tokens:
        """As `Remctl.stream`."""

    def noop(self) -> bool:
        """As `Remctl.noop`."""

    def error(self) -> str:
        """As `Remctl.error`."""

    def set_timeout(self, seconds: float) -> None:
        """As `Remctl.set_timeout`."""

    def run_and_close(self, command: list[bytes], running: Callable[[], bool]) -> Any:
        """Run a command, and close the object when `running` says that it is on its way."""

    def run_and_give_up(self, command: list[bytes], running: Callable[[], bool]) -> None:
        """Run a command, and be interrupted when `running` says that it is on its way."""

    def run_in_a_child(self, command: list[bytes]) -> bool:
        """Run a command, of which no output is expected, in the child of a fork.

        False where this world does not do that.
        """

    def end(self) -> None:
        """No more of it."""


class GivenUp(Exception):
    """What interrupts a run."""


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    while not condition():
        time.sleep(0.001)


class BlockingTokens:
    """A `Stream`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def next(self) -> Any:
        """See `Tokens`."""
        return next(self._stream, None)

    def close(self) -> None:
        """See `Tokens`."""
        self._stream.close()


class Blocking:
    """`Remctl`, in this thread."""

    reads_ahead = False

    def __init__(self) -> None:
        self.remctl = Remctl()
        self.command = self.remctl.command
        self.output = self.remctl.output
        self.run = self.remctl.run
        self.noop = self.remctl.noop
        self.close = self.remctl.close
        self.error = self.remctl.error
        self.set_timeout = self.remctl.set_timeout

    @property
    def opened(self) -> bool:
        """See `World`."""
        return self.remctl.opened

    def open(self, server: ObligingServer) -> None:
        """See `World`."""
        self.remctl.open(server.host, server.port, server.principal)

    def open_socket(self, server: ObligingServer) -> None:
        """See `World`."""
        with socket.create_connection((server.host, server.port)) as sock:
            self.remctl.open_socket(sock, principal=server.principal)

    def stream(self, command: list[bytes]) -> Tokens:
        """See `World`."""
        return BlockingTokens(self.remctl.stream(command, raise_errors=False))

    def run_and_close(self, command: list[bytes], running: Callable[[], bool]) -> Any:
        """See `World`."""

        def close() -> None:
            wait_for(running)
            self.remctl.close()

        closer = threading.Thread(target=close)
        closer.start()
        try:
            return self.remctl.run(command)
        finally:
            closer.join()

    def run_and_give_up(self, command: list[bytes], running: Callable[[], bool]) -> None:
        """See `World`: by a signal handler that raises."""

        def give_up(number: int, frame: object) -> None:
            raise GivenUp

        def interrupt() -> None:
            wait_for(running)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

        before = signal.signal(signal.SIGUSR1, give_up)
        interrupter = threading.Thread(target=interrupt)
        interrupter.start()
        try:
            with contextlib.suppress(GivenUp):
                self.remctl.run(command)
                raise AssertionError("it was not interrupted")
        finally:
            interrupter.join()
            signal.signal(signal.SIGUSR1, before)

    def run_in_a_child(self, command: list[bytes]) -> bool:
        """See `World`."""

        def child() -> object:
            answer = self.remctl.run(command)
            self.remctl.close()
            return answer.status

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert in_child(child) == "0"
        return True

    def end(self) -> None:
        """See `World`."""


class InThreads(Blocking):
    """The same, each call in a thread of its own choice."""

    _pool = ThreadPoolExecutor(4)

    def __init__(self) -> None:
        super().__init__()
        for name in ("command", "output", "run", "noop", "close"):
            setattr(self, name, self._elsewhere(getattr(self, name)))

    def _elsewhere(self, call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: self._pool.submit(call, *arguments).result()

    def open(self, server: ObligingServer) -> None:
        """See `World`."""
        self._pool.submit(super().open, server).result()


WORLDS: dict[str, Callable[[], World]] = {"blocking": Blocking, "threads": InThreads}

with contextlib.suppress(ImportError):
    from tests.programs.async_worlds import ASYNC_WORLDS

    WORLDS |= ASYNC_WORLDS
