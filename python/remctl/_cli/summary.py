"""The summary of failures, by reason, and the exit status."""

from __future__ import annotations

import re

from remctl._cli.hints import hint_of, printable, text_of
from remctl._cli.nodesets import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Outcome, RemctlError, Target

OK, COMMAND_FAILED, HOST_FAILED = 0, 1, 3

#: The value for --largest-status of a host without a status.
NO_STATUS = 255

CANNOT_HAVE_RUN = "failed, cannot have run"
MAY_HAVE_RUN = "failed, may have run"
NOT_STARTED = "not started"


class Summary:
    """Collects the hosts that did not succeed, in three groups.

    Attributes:
        status: the exit status so far.
        failed: how many hosts did not succeed.
        largest: the largest exit status of the command; 255 for a host that has none.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.status = OK
        self.failed = 0
        self.largest = 0
        self._groups: dict[str, dict[str, list[str]]] = {
            CANNOT_HAVE_RUN: {},
            MAY_HAVE_RUN: {},
            NOT_STARTED: {},
        }
        self._hints: dict[str, str] = {}

    def add(self, outcome: Outcome, left: bool = False) -> bool:
        """Count a host; returns whether it did not succeed.

        With `left` the run has ended without it, and the exit status is given by what ended the
        run.
        """
        found = reason_of(outcome)
        if found is None:
            return False
        group, reason = found
        error = outcome.error
        status = COMMAND_FAILED if error is None else HOST_FAILED
        hint = None if error is None else hint_of(error)
        if hint is not None:
            self._hints.setdefault(reason, hint)
        if not left and group is not NOT_STARTED:
            self.status = max(self.status, status)
            result = outcome.result
            self.largest = max(self.largest, NO_STATUS if result is None else result.status or 0)
        self.failed += 1
        self._groups[group].setdefault(reason, []).append(str(outcome.target))
        return True

    def lines(self) -> list[str]:
        """The lines of the summary; none if all hosts succeeded."""
        if not self.failed:
            return []
        lines = [f"{self.failed} of {self.total} hosts failed"]
        said = set()
        for group, reasons in self._groups.items():
            for reason, hosts in sorted(reasons.items(), key=lambda one: (-len(one[1]), one[0])):
                lines.append(f"  {explained(group, reason)} ({len(hosts)}): {fold(hosts)}")
                if reason in self._hints and reason not in said:
                    said.add(reason)
                    lines.append(f"    hint: {self._hints[reason]}")
        return lines


def reason_of(outcome: Outcome) -> tuple[str, str] | None:
    """The group of a host, and the reason of its failure; None if it succeeded."""
    error, result = outcome.error, outcome.result
    if error is None:
        if result is None or not result.status:
            return None
        line = getattr(result, "line", None)  # of a script
        return MAY_HAVE_RUN, f"line {line}: " * (line is not None) + f"status {result.status}"
    group = MAY_HAVE_RUN if error.may_have_run else CANNOT_HAVE_RUN
    return NOT_STARTED if error.kind == "not_started" else group, _reason(outcome.target, error)


def explained(group: str, reason: str) -> str:
    """The group and the reason; the reason of a host that was not started says both."""
    return reason if group is NOT_STARTED else f"{group}: {reason}"


def _reason(target: Target, error: RemctlError) -> str:
    """The text of an error without the host name, so that it is the same for all hosts."""
    # The summary has one line for each reason.
    text = " ".join(text_of(error).split())
    host = "|".join(map(re.escape, {target.host, printable(target.host)}))
    return re.sub(rf"(?<![\w.-])(?:{host})(?![\w-]|\.\w)", "HOST", text)
