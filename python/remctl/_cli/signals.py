"""Handles the signals that end the program while there is something to do before that.

Otherwise they end the program immediately, see `remctl.__main__`.
"""

from __future__ import annotations

import contextlib
import os
import signal
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

#: A second signal within this many seconds counts as the same one: `timeout` and `sudo` may
#: send it twice.
SAME = 0.3

#: Ctrl-C, `kill`, and the end of the terminal's session.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interruptible() -> None:
    """Let Ctrl-C raise KeyboardInterrupt from now on, unless the signal is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def restoring(terminal: int) -> Iterator[None]:
    """Restore the settings of the terminal if SIGTERM or SIGHUP ends the program in the block.

    The block turns the terminal's echo off, and back on if it ends in any other way.
    """
    import termios

    settings = termios.tcgetattr(terminal)

    def end(number: int, _: FrameType | None) -> None:
        with contextlib.suppress(termios.error):
            if not _in_background(terminal):
                termios.tcsetattr(terminal, termios.TCSANOW, settings)
        _die_by(number)

    before = {
        number: signal.signal(number, end)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_background(terminal: int) -> bool:
    """Whether another program has the terminal: a change of its settings would stop this one."""
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        return False  # it controls no program


def _die_by(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


class Stopped(BaseException):
    """One of the signals was received."""


class Signals:
    """The signals of `ENDING` raise `Stopped` once, in a wait; a second signal ends the program.

    It is raised only in the waits inside a `waiting` block, so that other code is never
    interrupted and the exception cannot get lost. A signal that is ignored stays ignored.

    Attributes:
        number: the signal that was received, or None.
        waiting: a context manager for such a wait.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.waiting = _Waiting(self)
        self._since = 0.0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Signals:
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self.number is None:
            self.number, self._since = number, monotonic()
            self.waiting.stop()
        elif monotonic() - self._since > SAME:
            self.die()

    def die(self) -> None:
        """Die by the received signal, so that a loop in a shell script ends too."""
        assert self.number is not None
        _die_by(self.number)


class _Waiting:
    """See `Signals`."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._inside = False
        self._stopped = False

    def __enter__(self) -> None:
        self._inside = True
        if self._signals.number is not None:
            self.stop()

    def __exit__(self, *_: object) -> None:
        self._inside = False

    def stop(self) -> None:
        """A signal was received: end the current wait, if no wait was ended before."""
        if self._inside and not self._stopped:
            self._inside, self._stopped = False, True
            raise Stopped

    def over(self) -> None:
        """End no more waits from now on; the rest is reported unless a second signal comes."""
        self._stopped = True
