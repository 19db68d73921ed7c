"""Lets output and the progress line share the terminal."""

from __future__ import annotations

import contextlib
import os
import threading

from remctl._cli.streams import ClosedPipe, wait_to_write, write_all, write_some

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._cli.signals import Signals

#: PIPE_BUF: if a pipe is writable at all, this many bytes can be written without blocking.
SOME = 4096

_ERASE = b"\r\x1b[K"


class Screen:
    """Writes to standard output and standard error, and keeps a line at the bottom of the latter.

    Any thread may use it. Without a line it only writes.
    """

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._lock = threading.Lock()
        # The rest of lines whose writing was interrupted by a signal.
        self._left = {1: b"", 2: b""}
        # Those that cannot be written any more.
        self._broken: set[int] = set()
        self._drawn = False
        self._terminal = {1: os.isatty(1), 2: os.isatty(2)}

    def write(self, descriptor: int, data: bytes) -> None:
        """Write whole lines. The line at the bottom is erased, and comes back when it is redrawn.

        Raises like `write_all()`, once for each descriptor: then it writes nothing more there,
        because lines are missing. If a signal interrupts it, the rest is written before the next
        lines.
        """
        with self._lock:
            if descriptor in self._broken:
                return
            if self._terminal[descriptor]:
                self._erase()
            left = memoryview(self._left[descriptor] + data)
            try:
                while left:
                    with self._signals.waiting:
                        wait_to_write(descriptor)
                    left = left[write_some(descriptor, left[:SOME]) :]
            except (OSError, ClosedPipe):
                self._broken.add(descriptor)
                raise
            finally:
                self._left[descriptor] = bytes(left)

    def draw(self, line: bytes) -> None:
        """Replace the line at the bottom."""
        with self._lock:
            try:
                write_all(2, _ERASE + line)
                self._drawn = True
            except (OSError, ClosedPipe):
                pass

    def clear(self) -> None:
        """Remove the line."""
        with self._lock:
            self._erase()

    def _erase(self) -> None:
        if self._drawn:
            self._drawn = False
            with contextlib.suppress(OSError, ClosedPipe):
                write_all(2, _ERASE)
