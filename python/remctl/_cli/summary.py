"""What has failed, by reason, and the exit status."""

from __future__ import annotations

import re

from remctl._cli.hints import hint_of
from remctl._cli.nodesets import natural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from remctl import Outcome, Target

OK, COMMAND_FAILED, HOST_FAILED = 0, 1, 3


class Summary:
    """Collects the failures.

    Attributes:
        status: the exit status for what was collected so far.
        failed: how many hosts have failed.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.status = OK
        self.failed = 0
        self._hosts: dict[str, list[str]] = {}
        self._hints: dict[str, str] = {}

    def add(self, outcome: Outcome) -> bool:
        """Count a host; whether it has failed."""
        error, result = outcome.error, outcome.result
        if error is not None:
            self.status = HOST_FAILED
            reason = _reason(outcome.target, str(error))
            hint = hint_of(error)
            if hint is not None:
                self._hints.setdefault(reason, hint)
        elif result is not None and result.status:
            self.status = max(self.status, COMMAND_FAILED)
            reason = f"status {result.status}"
        else:
            return False
        self.failed += 1
        self._hosts.setdefault(reason, []).append(str(outcome.target))
        return True

    def lines(self, stopped: Iterable[Target], not_begun: Iterable[Target]) -> list[str]:
        """The summary: nothing where all went well, else every host that did not."""
        groups = sorted(self._hosts.items(), key=lambda group: (-len(group[1]), group[0]))
        groups += [
            (reason, hosts)
            for reason, given_up in (
                ("given up, the command may have run", stopped),
                ("not begun", not_begun),
            )
            if (hosts := [str(target) for target in given_up])
        ]
        if not groups:
            return []
        failed = sum(len(hosts) for _, hosts in groups)
        lines = [f"{failed} of {self.total} hosts failed"]
        for reason, hosts in groups:
            names = ",".join(sorted(hosts, key=natural))
            lines.append(f"  {reason} ({len(hosts)}): {names}")
            if reason in self._hints:
                lines.append(f"    hint: {self._hints[reason]}")
        return lines


def _reason(target: Target, text: str) -> str:
    """The text of an error without the name of its host, the same for all hosts."""
    # Each line of the summary is one line.
    text = " ".join(text.split())
    return re.sub(rf"(?<![\w.-]){re.escape(target.host)}(?![\w-]|\.\w)", "HOST", text)
