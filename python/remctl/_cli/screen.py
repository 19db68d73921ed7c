"""The terminal as two things share it: output, and a line at the bottom that changes."""

from __future__ import annotations

import contextlib
import os
import threading

from remctl._cli.streams import ClosedPipe, wait_to_write, write_all, write_some

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._cli.signals import Signals

#: So many bytes can be written without a wait where anything can: PIPE_BUF.
SOME = 4096

_ERASE = b"\r\x1b[K"


class Screen:
    """Writes to standard output and standard error, and keeps a line on the latter.

    Any thread may use it. Without a line it only writes.
    """

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._lock = threading.Lock()
        # Lines of which a part was written when a signal came.
        self._left = {1: b"", 2: b""}
        self._drawn = False
        self._terminal = {1: os.isatty(1), 2: os.isatty(2)}

    def write(self, descriptor: int, data: bytes) -> None:
        """Write whole lines; the line at the bottom makes way, and comes back when redrawn.

        Raises as `write_all()` does. If a signal ends it, the rest comes before the next lines.
        """
        with self._lock:
            if self._terminal[descriptor]:
                self._erase()
            left = memoryview(self._left[descriptor] + data)
            try:
                while left:
                    with self._signals.waiting:
                        wait_to_write(descriptor)
                    left = left[write_some(descriptor, left[:SOME]) :]
            finally:
                self._left[descriptor] = bytes(left)

    def draw(self, line: bytes) -> None:
        """Have this line at the bottom, instead of the one that is there."""
        with self._lock:
            try:
                write_all(2, _ERASE + line)
                self._drawn = True
            except (OSError, ClosedPipe):
                pass

    def clear(self) -> None:
        """Take the line away."""
        with self._lock:
            self._erase()

    def _erase(self) -> None:
        if self._drawn:
            self._drawn = False
            with contextlib.suppress(OSError, ClosedPipe):
                write_all(2, _ERASE)
