"""--ordered: shows the output host by host, in the given order."""

from __future__ import annotations

from collections import deque
from functools import partial

from remctl._cli.report import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from remctl import Outcome, Target
    from remctl._cli.report import Report, Writer


class Ordered:
    """Lets another report show one host after another.

    The output of the first unfinished host is shown as it arrives. The output of the hosts
    after it is held until their turn.
    """

    def __init__(self, report: Report, hosts: Iterable[Target]) -> None:
        self._report = report
        self._order = deque(hosts)
        self._held: dict[Target, list[tuple[int, bytes]]] = {}
        self._outcomes: dict[Target, Outcome] = {}
        self._open = {1: report.stdout, 2: report.stderr}
        self._writers: dict[int, Writer] = {}  # of the first unfinished host
        self.stdout = None if report.stdout is None else self._opening(1)
        self.stderr = None if report.stderr is None else self._opening(2)

    def ended(self, outcome: Outcome) -> None:
        """See `Report`."""
        self._outcomes[outcome.target] = outcome
        each(self._turns())

    def end(self) -> None:
        """See `Report`."""
        self._report.end()

    def _turns(self) -> Iterator[Callable[[], None]]:
        """The calls that show the finished hosts at the front, and the output of the next one."""
        while self._order and self._order[0] in self._outcomes:
            yield partial(self._report.ended, self._outcomes.pop(self._order.popleft()))
            self._writers.clear()
            if self._order:
                target = self._order[0]
                for number, data in self._held.pop(target, ()):
                    yield partial(self._show, target, number, data)

    def _opening(self, number: int) -> Callable[[Target], Writer]:
        return lambda target: _Writer(self, target, number)

    def take(self, target: Target, number: int, data: bytes) -> None:
        """Take some output of a host."""
        if target == self._order[0]:
            self._show(target, number, data)
        else:
            self._held.setdefault(target, []).append((number, data))

    def _show(self, target: Target, number: int, data: bytes) -> None:
        writer = self._writers.get(number)
        if writer is None:
            open_writer = self._open[number]
            assert open_writer is not None
            writer = self._writers[number] = open_writer(target)
        writer.write(data)


class _Writer:
    """The writer for a host's output."""

    def __init__(self, ordered: Ordered, target: Target, number: int) -> None:
        self._ordered = ordered
        self._target = target
        self._number = number

    def write(self, data: bytes, /) -> int:
        self._ordered.take(self._target, self._number, bytes(data))
        return len(data)

    def close(self) -> None:
        """Nothing to do."""
