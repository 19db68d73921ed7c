"""One attempt on one of many hosts: its connection, its calls, and their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remctl import _remctl
from remctl._arguments import Encoded, Seconds, first_words, seconds
from remctl._client_base import Answer, result_of
from remctl._errors import RemctlSimpleResult
from remctl._many.outcome import Target
from remctl._output import RemctlOutput

if TYPE_CHECKING:
    from remctl._files import Sinks
    from remctl._many.crew import HostCrew

_token = tuple.__new__


class Clock:
    """The clock of one host. It stands still while the caller's own code makes the host wait."""

    def __init__(self, crew: HostCrew, timeout: float | None) -> None:
        self._crew = crew
        self._timeout = timeout
        self._begin = self._stopped_at = crew.now()
        self._stops = 0

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self._timeout is not None

    @property
    def stopped(self) -> bool:
        """Whether it is stopped: an exception now comes from the caller's code."""
        return self._stops > 0

    def passed(self) -> float:
        """How many seconds have passed."""
        return (self._stopped_at if self.stopped else self._crew.now()) - self._begin

    def left(self) -> float | None:
        """How many seconds are left; None if there is no limit."""
        return None if self._timeout is None else self._timeout - self.passed()

    def at_most(self, timeout: Seconds | None) -> Seconds | None:
        """The smaller of a call's own limit and the host's remaining time."""
        left = self.left()
        if timeout is None or left is None:
            return left if timeout is None else timeout
        return min(seconds(timeout), left)

    def stop(self) -> None:
        """Stop the clock: the caller's code is running."""
        if not self._stops:
            self._stopped_at = self._crew.now()
        self._stops += 1

    def go_on(self) -> None:
        """Start the clock again, once everyone who has stopped it has called this."""
        self._stops -= 1
        if not self._stops:
            self._begin += self._crew.now() - self._stopped_at


class Attempt:
    """One attempt on one host.

    Its calls are coroutines of a crew, and raise RemctlError. Output goes to the host's files,
    if it has any, or into the results.

    Attributes:
        target: the host.
    """

    def __init__(
        self,
        target: Target,
        port: int | None,
        principal: str | None,
        connection: _remctl.Connection,
        crew: HostCrew,
        sinks: Sinks | None,
        clock: Clock,
    ) -> None:
        self.target = target
        self._host, self._port = target.host, port
        self._principal = principal if target.principal is None else target.principal
        self._connection = connection
        self._caller = id(connection)  # the connection has no other caller
        # No variable for the reactor, here and below: the frame of an exception would keep its
        # descriptors open.
        self._crew = crew
        self._sinks = sinks
        self._clock = clock

    async def simple(self, arguments: list[Encoded]) -> RemctlSimpleResult:
        """Connect, and run a command."""
        if self._sinks is not None:
            await self.open()
            return await self.run(arguments)
        return self._result(
            await self._crew.finish(
                self._crew.reactor.simple(
                    self._connection,
                    self._caller,
                    self._host,
                    self._port or 0,
                    self._principal,
                    arguments,
                    self._clock.left(),
                )
            ),
            arguments,
        )

    async def open(self) -> None:
        """Connect and authenticate."""
        await self._crew.finish(
            self._crew.reactor.open(
                self._connection,
                self._caller,
                self._host,
                self._port or 0,
                self._principal,
                self._clock.left(),
            )
        )

    async def run(self, arguments: list[Encoded]) -> RemctlSimpleResult:
        """Run a command on the open connection."""
        if self._sinks is None:
            return self._result(
                await self._crew.finish(
                    self._crew.reactor.run(
                        self._connection, self._caller, arguments, self._clock.left()
                    )
                ),
                arguments,
            )
        self._sinks.begin()
        await self._stream(arguments, self._sinks)
        return self._result(self._sinks.answer(), arguments, wrote=self._sinks.wrote)

    async def say(self, text: bytes, stream: int = 1, status: int = 0) -> RemctlSimpleResult:
        """A result with the given text as its output, or as its standard error (2)."""
        sinks = self._sinks
        if sinks is not None:
            sinks.begin()
            wrote = sinks.wrote
            self._clock.stop()
            await self._crew.write(sinks, RemctlOutput("output", text, stream, None, None))
            self._clock.go_on()
            sinks.wrote = wrote  # no command has
            stdout, stderr, *_ = sinks.answer()
            return RemctlSimpleResult(stdout, stderr, status)
        if stream == 1:
            return RemctlSimpleResult(text, None, status)
        return RemctlSimpleResult(None, text, status)

    def line_ended(self, stream: int) -> bool:
        """Whether the output for the host's files so far ends with a line feed, or is empty."""
        return self._sinks is None or self._sinks.line_ended[stream]

    async def _stream(self, arguments: list[Encoded], sinks: Sinks) -> None:
        """Run a command, and write its output to the files as it arrives."""
        session = await self._crew.finish(
            self._crew.reactor.stream(self._connection, self._caller, arguments, self._clock.left())
        )
        kind = "output"
        while kind == "output":
            tokens = await self._crew.finish(
                self._crew.reactor.outputs(
                    self._connection, self._caller, session, sinks.batch, self._clock.left()
                )
            )
            for one in tokens:
                token = _token(RemctlOutput, one)
                if (error := sinks.excess(token)) is not None:
                    raise error
                self._clock.stop()
                await self._crew.write(sinks, token)
                self._clock.go_on()
            kind = tokens[-1][0]
        session.end()

    def _result(
        self, answer: Answer, arguments: list[Encoded], wrote: bool = False
    ) -> RemctlSimpleResult:
        words = first_words(arguments)
        return result_of(answer, self._host, self._port or None, words, wrote=wrote)
