"""Hosts in progress whose waits end if a signal is received."""

from __future__ import annotations

from math import inf

from remctl._many.crew import HostCrew

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._cli.signals import Signals
    from remctl._many.command import CommandPlan

#: The longest time for giving up the hosts in progress, in seconds.
PATIENCE = 10.0


class InterruptibleCrew(HostCrew):
    """Hosts in progress; signals interrupt its waits."""

    def __init__(self, plan: CommandPlan, limit: int, signals: Signals) -> None:
        super().__init__(plan, limit)
        self._signals = signals

    def wait(self, seconds: float = inf) -> None:
        """See `Crew`. Raises Stopped."""
        with self._signals.waiting:
            super().wait(seconds)
