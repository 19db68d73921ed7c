"""The progress: counts, and the line on the terminal that shows them."""

from __future__ import annotations

import os
import threading
import time

from remctl._cli.terminal import capable, coloured, harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from remctl import Target
    from remctl._cli.screen import Screen

#: Seconds between two updates of the line.
INTERVAL = 0.1


class Counts:
    """Which hosts are running, and how many are done; any thread may read it.

    Attributes:
        total: how many hosts there are.
        done: how many are done, failed ones included.
        failed: how many have failed.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.failed = 0
        self._begun = time.monotonic()
        self._running: dict[Target, float] = {}

    def begin(self, targets: Iterable[Target]) -> Iterable[Target]:
        """Pass on the hosts, and note when each was taken. The result has a length."""
        return _Noted(targets, self.total, self._running)

    def ended(self, target: Target, failed: bool) -> None:
        """Note that a host is done."""
        self._running.pop(target, None)
        self.done += 1
        self.failed += failed

    @property
    def running(self) -> list[Target]:
        """The running hosts, the longest-running first."""
        return list(self._running)

    def slowest(self) -> tuple[Target, float] | None:
        """The host that has been running longest, and for how many seconds."""
        # In starting order: the first is the oldest.
        for target, begun in list(self._running.items())[:1]:
            return target, time.monotonic() - begun
        return None

    def left(self) -> float | None:
        """The estimated remaining seconds."""
        if not self.done:
            return None
        return (time.monotonic() - self._begun) / self.done * (self.total - self.done)


class _Noted:
    """Hosts, with the time at which each was taken."""

    def __init__(self, targets: Iterable[Target], total: int, taken: dict[Target, float]) -> None:
        self._targets = targets
        self._total = total
        self._taken = taken

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[Target]:
        for target in self._targets:
            self._taken[target] = time.monotonic()
            yield target


def words(counts: Counts) -> str:
    """The counts as a line of text."""
    parts = [
        f"{counts.done}/{counts.total} done",
        f"{counts.failed} failed",
        f"{len(counts.running)} running",
    ]
    slowest = counts.slowest()
    if slowest is not None:
        parts.append(f"slowest {harmless(str(slowest[0]))} {slowest[1]:.0f} s")
    left = counts.left()
    if left is not None:
        minutes, seconds = divmod(round(left), 60)
        parts.append(f"{minutes}:{seconds:02} left")
    return ", ".join(parts)


def plain(counts: Counts, columns: int) -> bytes:
    """The line, without the package rich."""
    return words(counts)[: columns - 1].encode(errors="replace")


def rich_line() -> Callable[[Counts, int], bytes]:
    """A function that renders the line with a bar. Raises ImportError without rich."""
    import io

    from rich.console import Console
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def render(counts: Counts, columns: int) -> bytes:
        text = io.StringIO()
        console = Console(
            file=text,
            force_terminal=True,
            color_system="standard" if coloured(2) else None,
            width=columns - 1,
            legacy_windows=False,
        )
        bar = ProgressBar(counts.total, counts.done, width=min(20, columns // 4))
        row = Table.grid(padding=(0, 1))
        row.add_column(no_wrap=True)
        row.add_column(no_wrap=True, overflow="ellipsis")
        row.add_row(bar, Text(words(counts), style="red" if counts.failed else ""))
        console.print(row, end="")
        return text.getvalue().rstrip("\n").encode(errors="replace")

    return render


class Progress:
    """The line at the bottom of the terminal, which is redrawn until the end of the block.

    Does nothing if standard error is not a terminal, or `wanted` is False.
    """

    def __init__(self, counts: Counts, screen: Screen, wanted: bool) -> None:
        self._counts = counts
        self._screen = screen
        self._ended = threading.Event()
        self._thread = None
        if wanted and capable(2):
            self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Progress:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._screen.clear()

    def _run(self) -> None:
        try:
            line = rich_line()
        except ImportError:
            line = plain
        while not self._ended.wait(INTERVAL):
            try:
                columns = os.get_terminal_size(2).columns or 80
            except OSError:
                columns = 80
            self._screen.draw(line(self._counts, columns))
