"""A bare loop that ticks in another process: what it is late by is the machine's fault.

It is this file run as a script. It goes when its standard input ends.
"""

import select
import subprocess
import sys
import time

TICK = 0.005  # seconds


class Beside:
    """The loop beside, for as long as a test measures one of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def worst(self) -> float:
        """How late it was at the worst since it was last asked, in seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def __enter__(self) -> "Beside":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def tick() -> None:
    """Tick, and tell for each line of input how late that was at the worst."""
    worst = 0.0
    while True:
        begin = time.monotonic()
        if select.select([sys.stdin], [], [], TICK)[0]:
            if not sys.stdin.readline():
                return
            print(worst, flush=True)
            worst = 0.0
        worst = max(worst, time.monotonic() - begin - TICK)


if __name__ == "__main__":
    tick()
