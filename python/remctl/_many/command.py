"""The plan to run one command on each of many hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from remctl import _remctl
from remctl._arguments import Command, Encoded, command_list, first_words
from remctl._binary_file import BinaryFile
from remctl._errors import RemctlError, RemctlSimpleResult, locate
from remctl._many.attempt import Attempt, Clock
from remctl._many.outcome import Target
from remctl._many.plan import Plan

if TYPE_CHECKING:
    from remctl._files import Sinks
    from remctl._many.crew import HostCrew

#: A command, or a function that returns one for each target.
CommandFor = Command | Callable[[Target], Command]

#: A function that returns a target's file.
FileFor = Callable[[Target], BinaryFile | None]


class CommandPlan(Plan):
    """The command for each host, and the files for its output; see `run_many`."""

    def __init__(
        self,
        command: CommandFor,
        *,
        stdout: FileFor | None,
        stderr: FileFor | None,
        **connecting: Any,
    ) -> None:
        self.command = command if callable(command) else command_list(command)
        super().__init__(**connecting)
        for file, name in ((stdout, "stdout"), (stderr, "stderr")):
            if file is not None and not callable(file):
                raise TypeError(f"{name} must be a function of the Target that returns a file")
        self.stdout, self.stderr = stdout, stderr

    def sent(self) -> dict[str, Any]:
        """See `Plan`."""
        command = self.command
        if not callable(command):
            # Words that are hidden from logs stay hidden.
            command = [one if isinstance(one, bytes) else bytes(one) for one in command]
        return {"command": command, "stdout": self.stdout, "stderr": self.stderr}

    async def carry_out(self, attempt: Attempt, arguments: list[Encoded]) -> RemctlSimpleResult:
        """Connect, send the command, and read its answer."""
        return await attempt.simple(arguments)

    def _work(self, target: Target, crew: HostCrew) -> CommandWork:
        given = self.command
        arguments = command_list(given(target)) if callable(given) else given
        sinks = None
        if not (self.stdout is None and self.stderr is None and self.max_output is None):
            from remctl._files import Sinks

            sinks = Sinks(
                None if self.stdout is None else self.stdout(target),
                None if self.stderr is None else self.stderr(target),
                self.max_output,
            )
        return CommandWork(self, target, arguments, sinks, crew)


class CommandWork:
    """One command on one host: see `remctl._many.tries.Work`."""

    repeatable = True

    def __init__(
        self,
        plan: CommandPlan,
        target: Target,
        arguments: list[Encoded],
        sinks: Sinks | None,
        crew: HostCrew,
    ) -> None:
        self._plan, self._target, self._crew = plan, target, crew
        self._arguments = arguments
        self._sinks = sinks

    def locate(self, error: RemctlError) -> None:
        """See `Work`."""
        target = self._target
        port = self._plan.port_of(target) or None
        locate(error, target.host, port, first_words(self._arguments))

    async def attempt(self, connection: _remctl.Connection, clock: Clock) -> dict[str, Any]:
        """See `Work`."""
        plan, target, crew = self._plan, self._target, self._crew
        port = plan.port_of(target)
        attempt = Attempt(target, port, plan.principal, connection, crew, self._sinks, clock)
        return {"result": await plan.carry_out(attempt, self._arguments)}
