"""`AsyncRemctl` and `AsyncStream`: the full interface for event loops."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Any, SupportsIndex

from remctl import _own_types, _remctl, _types
from remctl._arguments import (
    Command,
    Encoded,
    Port,
    Seconds,
    c_string,
    command_list,
    first_words,
    host_name,
    manual_command_list,
    output_limit,
    port_number,
    seconds,
)
from remctl._client import Remctl, Stream
from remctl._client_base import ClientBase, documented_as, end_after, left, socket_number
from remctl._errors import RemctlError, RemctlSimpleResult
from remctl._output import RemctlOutput
from remctl._stream_base import StreamBase
from remctl._waiting.loops import Loop, another_loop, give_way, running_loop, warn_left_open

_token = tuple.__new__

# A stream fetches the tokens that have arrived together, up to this many bytes.
_BATCH = 256 * 1024


class AsyncRemctl(ClientBase):
    """A connection to a remctl server, for asyncio (uvloop too) and trio.

    Like `Remctl`, but methods that may block are coroutines. If a host was given, ``async
    with`` opens the connection, and closes it at the end; otherwise use ``await r.open(...)``.
    A call that is cancelled ends immediately and drops the connection, as any failure does.

    Any number of tasks may use it; their calls run one after another, in order. It belongs to
    the event loop of its first call until it is closed.
    """

    __module__ = "remctl"

    def __init__(
        self,
        host: str | None = None,
        port: Port = None,
        principal: str | None = None,
        *,
        timeout: Seconds | None = None,
        ccache: str | os.PathLike[str] | _own_types.Credentials | None = None,
        keytab: str | os.PathLike[str] | None = None,
        source_ip: str | None = None,
        keepalive: Seconds | None = 60,
        connect_timeout: Seconds | None = None,
    ) -> None:
        self._loop: Loop | None = None
        if host is not None:
            host_name(host)
            if principal is not None:
                c_string(principal, "principal")
        self._given = None if host is None else (host, port_number(port), principal)
        super().__init__(timeout, ccache, keytab, source_ip, keepalive, connect_timeout)

    async def __aenter__(self) -> _types.Self:
        if self._given is not None and not self.opened:
            await self.open(*self._given)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if getattr(self, "_loop", None) is not None:
            self._left_open()

    # Connecting.

    @documented_as(Remctl.open)
    async def open(
        self,
        host: str,
        port: Port = None,
        principal: str | None = None,
        *,
        timeout: Seconds | None = None,
    ) -> None:
        number = port_number(port)
        reactor = self._bind().reactor
        await self._open(reactor.open, host, number, host, number, principal, timeout)

    @documented_as(Remctl.open_socket)
    async def open_socket(
        self,
        sock: _types.Socket,
        host: str | None = None,
        principal: str | None = None,
        *,
        timeout: Seconds | None = None,
    ) -> None:
        number = socket_number(sock)
        reactor = self._bind().reactor
        await self._open(reactor.open_descriptor, host, 0, number, host, principal, timeout)

    async def _open(
        self,
        verb: Callable[..., _remctl.Operation],
        host: str | None,
        port: int,
        *arguments: Any,
    ) -> None:
        loop = self._bind()
        await loop.checkpoint_if_cancelled()
        try:
            await loop.finish(verb(self._connection, loop.caller(), *arguments))
        except RemctlError as error:
            raise self._open_failed(error, host, port) from None
        self._set_server(host, port)

    async def close(self) -> None:
        """Close the connection, from any task. It never waits.

        A call that waits in another task ends with a RemctlError. The object can be opened again,
        in any event loop. Closing a closed object does nothing. After many of these calls in a
        row, other tasks run before it returns.
        """
        begin = monotonic()
        self._connection.close()
        self._unbind()
        await give_way(monotonic() - begin)

    aclose = close

    # Commands.

    @documented_as(Remctl.command)
    async def command(self, command: Command, *, timeout: Seconds | None = None) -> None:
        self._require_opened()
        arguments = manual_command_list(command)
        words = first_words(arguments)
        loop = self._bind()
        try:
            await self._call(loop, words, loop.reactor.command, arguments, timeout)
            self._words = words
        except RemctlError:
            raise
        except BaseException:  # a cancellation, or a signal handler's
            self._connection.abandon(loop.caller())
            raise

    @documented_as(Remctl.output)
    async def output(self, *, timeout: Seconds | None = None) -> RemctlOutput:
        loop = self._bind()
        try:
            tokens = await self._call(loop, self._words, loop.reactor.outputs, None, 0, timeout)
            return _token(RemctlOutput, tokens[0])
        except RemctlError:
            raise
        except BaseException:  # a cancellation, or a signal handler's
            self._connection.abandon(loop.caller())
            raise

    @documented_as(Remctl.__iter__)
    async def __aiter__(self) -> AsyncIterator[RemctlOutput]:
        while (token := await self.output()).type != "done":
            yield token

    @documented_as(Remctl.run)
    async def run(
        self,
        command: Command,
        *,
        timeout: Seconds | None = None,
        stdout: _own_types.BinaryFile | None = None,
        stderr: _own_types.BinaryFile | None = None,
        max_output: SupportsIndex | None = None,
    ) -> RemctlSimpleResult:
        self._require_opened()
        arguments = command_list(command)
        limit = self._output_limit(max_output)
        if stdout is not None or stderr is not None or limit is not None:
            return await self._run_into_files(arguments, timeout, stdout, stderr, limit)
        words = first_words(arguments)
        loop = self._bind()
        answer = await self._call(loop, words, loop.reactor.run, arguments, timeout)
        return self._result(answer, words)

    async def _run_into_files(
        self,
        arguments: list[Encoded],
        timeout: Seconds | None,
        stdout: _own_types.BinaryFile | None,
        stderr: _own_types.BinaryFile | None,
        max_output: int | None,
    ) -> RemctlSimpleResult:
        from remctl._files import Sinks

        sinks = Sinks(stdout, stderr, max_output)
        words = first_words(arguments)
        async with self.stream(arguments, timeout=timeout, raise_errors=False) as tokens:
            tokens._batch = sinks.batch
            async for token in tokens:
                if (error := sinks.excess(token)) is not None:
                    raise self._located(error, words)
                tokens._batch = sinks.batch
                await self._write(sinks, token)
        return self._result(sinks.answer(), words, wrote=sinks.wrote)

    async def _write(self, sinks: Any, token: RemctlOutput) -> None:
        await sinks.awrite(token)

    def _output_limit(self, max_output: SupportsIndex | None) -> int | None:
        return output_limit(max_output)

    def stream(
        self, command: Command, *, timeout: Seconds | None = None, raise_errors: bool = True
    ) -> AsyncStream:
        """Iterate over the tokens of a command's answer as they arrive.

            async with r.stream(["log", "follow"]) as stream:
                async for token in stream: ...

        The command is sent at ``async with``, or when the first token is requested. The last
        token is the ``status``, which is also an attribute of the stream. If the server refuses
        the command, RemctlProtocolError is raised instead, and the connection can still be
        used; with ``raise_errors=False`` you get the ``error`` token. Closing the stream early
        drops the connection, unless the whole answer has already arrived; the next command
        opens a new one. (``break`` in a loop does not close the stream: use ``async with``.)
        ``timeout`` is for the whole stream. Raises the errors of `command()` and `output()`.
        """
        self._require_opened()
        if timeout is not None:
            seconds(timeout)
        return AsyncStream(self, command_list(command), timeout, raise_errors)

    @documented_as(Remctl.noop)
    async def noop(self, *, timeout: Seconds | None = None) -> bool:
        self._require_opened()
        loop = self._bind()
        answered: bool = await self._call(loop, None, loop.reactor.noop, timeout)
        return answered

    # The event loop.

    def _bind(self) -> Loop:
        """The loop of this object, which must be the running one."""
        now = running_loop()
        if self._loop is not None and self._loop.pid != now.pid:
            self._loop = None  # it was created before a fork
        if self._loop is None:
            self._loop = now
            now.clients.add(self)
        elif self._loop is not now:
            raise another_loop()
        return now

    def _unbind(self) -> None:
        if self._loop is not None:
            self._loop.clients.discard(self)
            self._loop = None

    def _caller(self) -> int | None:
        """The caller's number, if it is a task of this object's loop."""
        try:
            return None if self._loop is None else self._loop.caller()
        except RuntimeError:  # no loop is running in this thread
            return None

    async def _call(
        self,
        loop: Loop,
        words: str | None,
        verb: Callable[..., _remctl.Operation],
        *arguments: Any,
    ) -> Any:
        await loop.checkpoint_if_cancelled()
        try:
            return await loop.finish(verb(self._connection, loop.caller(), *arguments))
        except RemctlError as error:
            raise self._located(error, words) from None

    def _left_open(self) -> None:
        self._loop = None
        if self.opened:
            try:
                warn_left_open(self, self._host)
            finally:
                self._connection.close()


class AsyncStream(StreamBase, AsyncIterator[RemctlOutput]):
    """The tokens of one command's answer, as they arrive; from `AsyncRemctl.stream()`.

    Until it is exhausted or closed, it has exclusive use of the connection. It is an
    asynchronous context manager that closes the stream. Once it is entered, tasks may share it:
    each token goes to one of them, and all of them see the end, or the error that ends the
    stream. A task that reads while another is still sending the command gets RuntimeError.
    """

    __module__ = "remctl"

    def __init__(
        self,
        remctl: AsyncRemctl,
        command: list[Encoded],
        timeout: Seconds | None,
        raise_errors: bool,
    ) -> None:
        super().__init__(remctl, first_words(command), raise_errors=raise_errors)
        self._remctl = remctl
        self._command: list[Encoded] | None = command  # None after it was sent
        self._timeout = timeout
        self._end: float | None = None
        self._sending: tuple[Loop, _remctl.Operation] | None = None
        self._session: _remctl.Session | None = None
        self._maker = remctl._caller()  # another task may start to read
        self._closed = False
        self._ready: deque[RemctlOutput] = deque()
        self._batch = _BATCH

    async def __aenter__(self) -> _types.Self:
        await self._send()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        self._leave()

    def __aiter__(self) -> _types.Self:
        return self

    async def __anext__(self) -> RemctlOutput:
        return self._checked(await self._take(raise_errors=self._raise_errors))

    @documented_as(Stream.lines)
    async def lines(self) -> AsyncIterator[tuple[int, str]]:
        for line in self._lines_left():
            yield line
        try:
            while True:
                for line in self._lines_of(await self._take(raise_errors=True)):
                    yield line
        except StopAsyncIteration:
            return

    async def _take(self, *, raise_errors: bool) -> RemctlOutput:
        """Return the next token; StopAsyncIteration after the last.

        `raise_errors` raises the server's refusal in every task.
        """
        while not self._ready:
            await self._fetch(raise_errors)
        token = self._ready.popleft()
        self._note(token)
        return token

    async def close(self) -> None:
        """Close the stream. If it was not read to its end, the connection is dropped.

        A task that waits for its next token gets the end of the stream.
        """
        self._leave()

    aclose = close

    async def _send(self) -> None:
        """Send the command, unless it was sent already."""
        if self._sending is not None and not self._closed:
            raise RuntimeError("another task is sending the stream's command")
        if self._command is None:
            return
        remctl = self._remctl
        loop = remctl._bind()
        await loop.checkpoint_if_cancelled()
        command, self._command = self._command, None
        if command is None:  # closed meanwhile
            return
        self._end = end_after(self._timeout)
        try:
            # No local variables for these: the frame of an exception would keep them, and the
            # stream, alive.
            self._sending = (
                loop,
                loop.reactor.stream(remctl._connection, loop.caller(), command, self._timeout),
            )
            self._session = await loop.finish(self._sending[1])
        except RemctlError as error:
            raise remctl._located(error, self._words) from None
        except BaseException:
            self._leave()
            raise
        finally:
            self._sending = None
        if self._closed:
            self._leave()
        elif self._session is not None:
            loop.lend(self._session, self._maker)

    async def _fetch(self, raise_errors: bool) -> None:
        """Read at least one token, or raise the error or the end."""
        await self._send()
        session = self._session
        if session is None:
            raise StopAsyncIteration
        remctl = self._remctl
        try:
            loop = remctl._bind()
            tokens = await remctl._call(
                loop, self._words, loop.reactor.outputs, session, self._batch, left(self._end)
            )
            if tokens[-1][0] != "output":
                session.end()
            if tokens[-1][0] == "status":
                self._session = None
            if tokens[-1][0] == "done":
                # Another task has read it.
                refusal = remctl._connection.refusal(session, loop.caller())
                tokens[-1:] = [refusal] if refusal is not None and raise_errors else []
            if not self._closed:  # after they had arrived
                self._ready.extend(_token(RemctlOutput, token) for token in tokens)
        except RemctlError:
            raise
        except BaseException:  # a cancellation, or a signal handler's: tokens may be lost
            remctl._connection.cut(session)
            raise
        if not self._ready:
            raise StopAsyncIteration

    def _leave(self) -> None:
        if self._sending is not None:  # first, because this raises in another thread
            loop, operation = self._sending
            loop.give_up(operation)
        self._closed = True
        self._command = None
        self._ready.clear()
        session, self._session = self._session, None
        if session is not None:
            self._remctl._connection.leave(session)
