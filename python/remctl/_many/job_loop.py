"""The event loop of a job's connection, which limits each call to the host's remaining time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from remctl import _remctl
from remctl._waiting.loops import Bound

if TYPE_CHECKING:
    from remctl._files import Sinks
    from remctl._many.attempt import Clock
    from remctl._many.crew import HostCrew
    from remctl._output import RemctlOutput


class Commands:
    """Whether any command of a job may have run, other than the current one."""

    def __init__(self) -> None:
        self._before = False
        self._last = False

    @property
    def any_may_have_run(self) -> bool:
        """Whether one may have run."""
        return self._before or self._last

    def begin(self) -> None:
        """A command is being sent."""
        self.pause()
        self._last = True

    def pause(self) -> None:
        """A call that is not a command: its result says nothing about the last command."""
        self._before, self._last = self._before or self._last, False

    def refused(self) -> None:
        """The last command has not run."""
        self._last = False


class JobLoop(Protocol):
    """A `remctl._waiting.loops.Loop` with the additions for a job."""

    pid: int
    clients: WeakSet[Bound]
    reactor: Any

    def bind(self) -> None:
        """Raise RemctlError if the job's loop is not the running one."""

    def close(self) -> None:
        """The job has ended: drop the reactor, as an exception may keep this object alive."""

    def caller(self) -> int:
        """See `Loop`."""

    def lend(self, session: _remctl.Session, maker: int | None) -> None:
        """See `Loop`."""

    def move_here(self) -> None:
        """See `Loop`."""

    async def checkpoint_if_cancelled(self) -> None:
        """See `Loop`."""

    async def finish(self, operation: _remctl.Operation) -> Any:
        """See `Loop`."""

    async def sleep(self, seconds: float) -> None:
        """See `Loop`."""

    def give_up(self, operation: _remctl.Operation) -> None:
        """See `Loop`."""

    async def write(self, sinks: Sinks, token: RemctlOutput) -> None:
        """Write a token to the caller's files."""


class CrewLoop:
    """A crew in the role of a job's event loop: see `JobLoop`."""

    def __init__(
        self, connection: _remctl.Connection, crew: HostCrew, clock: Clock, commands: Commands
    ) -> None:
        self.pid = os.getpid()
        self.clients: WeakSet[Bound] = WeakSet()
        self.reactor: Any = JobReactor(crew, clock, commands)
        self._crew = crew
        self._caller = id(connection)  # a job is one caller

    def bind(self) -> None:
        """See `JobLoop`."""

    def close(self) -> None:
        """See `JobLoop`."""

    def caller(self) -> int:
        """See `Loop`."""
        return self._caller

    def lend(self, session: _remctl.Session, maker: int | None) -> None:
        """Do nothing: a job has no tasks."""

    def move_here(self) -> None:
        """Do nothing: the caller of the crew does it."""

    async def checkpoint_if_cancelled(self) -> None:
        """Do nothing: a job is closed where it waits."""

    async def finish(self, operation: _remctl.Operation) -> Any:
        """See `Loop`."""
        return await self._crew.finish(operation)

    async def sleep(self, seconds: float) -> None:
        """See `Loop`."""
        await self._crew.rest(seconds)

    def give_up(self, operation: _remctl.Operation) -> None:
        """See `Loop`."""
        self._crew.reactor.cancel(operation)

    async def write(self, sinks: Sinks, token: RemctlOutput) -> None:
        """See `JobLoop`."""
        await self._crew.write(sinks, token)


class HasReactor(Protocol):
    """A crew or an event loop, which closes its reactor; nothing else may keep that alive."""

    reactor: _remctl.Reactor


class JobReactor:
    """The calls of a job's connection, limited to the remaining time of the host."""

    def __init__(self, owner: HasReactor, clock: Clock, commands: Commands) -> None:
        self._owner, self._clock, self._commands = owner, clock, commands

    def command(self, *arguments: Any) -> _remctl.Operation:
        """See `Reactor`."""
        self._commands.begin()
        return self._owner.reactor.command(*self._limited(arguments))

    def run(self, *arguments: Any) -> _remctl.Operation:
        """See `Reactor`."""
        self._commands.begin()
        return self._owner.reactor.run(*self._limited(arguments))

    def stream(self, *arguments: Any) -> _remctl.Operation:
        """See `Reactor`."""
        self._commands.begin()
        return self._owner.reactor.stream(*self._limited(arguments))

    def noop(self, *arguments: Any) -> _remctl.Operation:
        """See `Reactor`."""
        self._commands.pause()
        return self._owner.reactor.noop(*self._limited(arguments))

    def outputs(self, *arguments: Any) -> _remctl.Operation:
        """See `Reactor`."""
        return self._owner.reactor.outputs(*self._limited(arguments))

    def _limited(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same arguments with a limited timeout, which is the last one of each call."""
        *others, timeout = arguments
        return (*others, self._clock.at_most(timeout))
