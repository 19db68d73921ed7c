"""What has failed, by reason, and the exit status."""

from __future__ import annotations

import re

from remctl._cli.hints import hint_of
from remctl._cli.nodesets import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Outcome, RemctlError, Target

OK, COMMAND_FAILED, HOST_FAILED = 0, 1, 3

CANNOT_HAVE_RUN = "failed, cannot have run"
MAY_HAVE_RUN = "failed, may have run"
NOT_STARTED = "not started"


class Summary:
    """Collects the hosts that did not succeed, in three groups that never mix.

    Attributes:
        status: the exit status for what was collected so far.
        failed: how many hosts did not succeed.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.status = OK
        self.failed = 0
        self._groups: dict[str, dict[str, list[str]]] = {
            CANNOT_HAVE_RUN: {},
            MAY_HAVE_RUN: {},
            NOT_STARTED: {},
        }
        self._hints: dict[str, str] = {}

    def add(self, outcome: Outcome, left: bool = False) -> bool:
        """Count a host; whether it did not succeed.

        With `left` the run has ended without it: the exit status is for what has ended the run.
        """
        error, result = outcome.error, outcome.result
        group, status = MAY_HAVE_RUN, COMMAND_FAILED
        if error is not None:
            group, status = group_of(error), HOST_FAILED
            reason = _reason(outcome.target, str(error))
            hint = hint_of(error)
            if hint is not None:
                self._hints.setdefault(reason, hint)
        elif result is not None and result.status:
            reason = f"status {result.status}"
        else:
            return False
        if not left and group is not NOT_STARTED:
            self.status = max(self.status, status)
        self.failed += 1
        self._groups[group].setdefault(reason, []).append(str(outcome.target))
        return True

    def lines(self) -> list[str]:
        """The summary: nothing where all went well, else every host that did not."""
        if not self.failed:
            return []
        lines = [f"{self.failed} of {self.total} hosts failed"]
        said = set()
        for group, reasons in self._groups.items():
            for reason, hosts in sorted(reasons.items(), key=lambda one: (-len(one[1]), one[0])):
                # A host that was not started has that as its reason.
                text = reason if group is NOT_STARTED else f"{group}: {reason}"
                lines.append(f"  {text} ({len(hosts)}): {fold(hosts)}")
                if reason in self._hints and reason not in said:
                    said.add(reason)
                    lines.append(f"    hint: {self._hints[reason]}")
        return lines


def group_of(error: RemctlError) -> str:
    """The group of a host with this error."""
    if error.kind == "not_started":
        return NOT_STARTED
    return MAY_HAVE_RUN if error.may_have_run else CANNOT_HAVE_RUN


def _reason(target: Target, text: str) -> str:
    """The text of an error without the name of its host, the same for all hosts."""
    # Each line of the summary is one line.
    text = " ".join(text.split())
    return re.sub(rf"(?<![\w.-]){re.escape(target.host)}(?![\w-]|\.\w)", "HOST", text)
