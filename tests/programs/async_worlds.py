"""The asynchronous interface as the model speaks to it: each call a task of its own."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from remctl import AsyncRemctl, AsyncStream

from tests.programs.worlds import Tokens, World
from tests.support.obliging import ObligingServer


class AsyncTokens:
    """An `AsyncStream`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stream: AsyncStream) -> None:
        self._loop = loop
        self._stream = stream

    def next(self) -> Any:
        """See `Tokens`."""

        async def following() -> Any:
            return await anext(self._stream, None)

        return self._loop.run_until_complete(following())

    def close(self) -> None:
        """See `Tokens`."""
        self._loop.run_until_complete(self._stream.close())


class Asynchronous:
    """`AsyncRemctl`, in a loop of its own."""

    reads_ahead = True

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.remctl = AsyncRemctl()
        self.error = self.remctl.error
        self.set_timeout = self.remctl.set_timeout

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    @property
    def opened(self) -> bool:
        """See `World`."""
        return self.remctl.opened

    def open(self, server: ObligingServer) -> None:
        """See `World`."""
        self._wait(self.remctl.open(server.host, server.port, server.principal))

    def open_socket(self, server: ObligingServer) -> None:
        """See `World`."""
        with socket.create_connection((server.host, server.port)) as sock:
            self._wait(self.remctl.open_socket(sock, principal=server.principal))

    def close(self) -> None:
        """See `World`."""
        self._wait(self.remctl.close())

    def command(self, command: list[bytes]) -> None:
        """See `World`."""
        self._wait(self.remctl.command(command))

    def output(self) -> Any:
        """See `World`."""
        return self._wait(self.remctl.output())

    def run(self, command: list[bytes]) -> Any:
        """See `World`."""
        return self._wait(self.remctl.run(command))

    def noop(self) -> bool:
        """See `World`."""
        answer: bool = self._wait(self.remctl.noop())
        return answer

    def stream(self, command: list[bytes]) -> Tokens:
        """See `World`."""

        async def enter() -> AsyncStream:
            return await self.remctl.stream(command, raise_errors=False).__aenter__()

        return AsyncTokens(self.loop, self._wait(enter()))

    def run_and_close(self, command: list[bytes], running: Callable[[], bool]) -> Any:
        """See `World`."""

        async def both() -> Any:
            run = asyncio.ensure_future(self.remctl.run(command))
            while not running():
                await asyncio.sleep(0.001)
            await self.remctl.close()
            return await run

        return self._wait(both())

    def run_and_give_up(self, command: list[bytes], running: Callable[[], bool]) -> None:
        """See `World`: by a cancellation."""

        async def both() -> None:
            run = asyncio.ensure_future(self.remctl.run(command))
            while not running():
                await asyncio.sleep(0.001)
            run.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await run
                raise AssertionError("it was not cancelled")

        self._wait(both())

    def run_in_a_child(self, command: list[bytes]) -> bool:
        """See `World`."""
        return False

    def end(self) -> None:
        """See `World`."""
        self.loop.close()


ASYNC_WORLDS: dict[str, Callable[[], World]] = {"asyncio": Asynchronous}
