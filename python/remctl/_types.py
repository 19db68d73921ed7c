"""What calls return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class RemctlOutput(NamedTuple):
    """A token of output (manual, Remctl.output).

    Members that have no meaning for the token's type are None.
    """

    type: str
    """``"output"``, ``"status"``, ``"error"`` or ``"done"``."""
    output: bytes | None
    """What the command wrote, or the text of an error."""
    stream: int | None
    """1 for standard output, 2 for standard error."""
    status: int | None
    """The exit status, 0 to 255."""
    error: int | None
    """The protocol's error code; compare it with `ErrorCode`."""


@dataclass
class RemctlSimpleResult:
    """The answer to a command (manual, remctl.remctl)."""

    stdout: bytes | None = None
    """Standard output, or None when nothing came."""
    stderr: bytes | None = None
    """Standard error, or None when nothing came."""
    status: int | None = None
    """The exit status, 0 to 255."""

    def check(self) -> RemctlSimpleResult:
        """Return the result itself, or raise `RemctlCommandError` where the status is not 0."""
        if self.status != 0:
            from remctl._errors import RemctlCommandError

            raise RemctlCommandError(self)
        return self
