"""Output by line, as it arrives, each with its host in front."""

from __future__ import annotations

from remctl._cli.hosts import label
from remctl._cli.terminal import coloured, harmless_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from remctl import Outcome, Target
    from remctl._cli.screen import Screen

#: A line that is longer than so many bytes is shown in pieces.
LONGEST = 65536

# Of the name in front: cyan, red.
_COLOURS = {1: b"\x1b[36m", 2: b"\x1b[31m"}


class Lines:
    """The report that shows lines; see `remctl._cli.interface.Report`."""

    def __init__(self, screen: Screen, terminals: tuple[bool, bool]) -> None:
        self._screen = screen
        self._terminal = dict(zip((1, 2), terminals, strict=True))
        self._open: dict[Target, list[_Lines]] = {}

    def stdout(self, target: Target) -> _Lines:
        """Where its standard output goes."""
        return self._writer(target, 1)

    def stderr(self, target: Target) -> _Lines:
        """Where its standard error goes."""
        return self._writer(target, 2)

    def _writer(self, target: Target, descriptor: int) -> _Lines:
        name = label(target).encode(errors="surrogateescape")
        prefix = name + b": "
        terminal = self._terminal[descriptor]
        if terminal:
            prefix = harmless_bytes(prefix)
            if coloured(descriptor):
                prefix = _COLOURS[descriptor] + prefix[:-1] + b"\x1b[0m "

        def emit(lines: list[bytes]) -> None:
            if terminal:
                lines = [harmless_bytes(line) for line in lines]
            self._screen.write(descriptor, b"".join(prefix + line + b"\n" for line in lines))

        writer = _Lines(emit)
        self._open.setdefault(target, []).append(writer)
        return writer

    def ended(self, outcome: Outcome) -> None:
        """Show what is left of its last lines."""
        for writer in self._open.pop(outcome.target, ()):
            writer.end()

    def end(self) -> None:
        """Show what is left of the last lines of those that were given up."""
        for writers in self._open.values():
            for writer in writers:
                writer.end()
        self._open.clear()


class _Lines:
    """Takes bytes as they come and gives whole lines to `emit`, without their ends."""

    def __init__(self, emit: Callable[[list[bytes]], None]) -> None:
        self._emit = emit
        self._rest = b""

    def write(self, data: bytes) -> int:
        *lines, self._rest = (self._rest + bytes(data)).split(b"\n")
        while len(self._rest) >= LONGEST:
            lines.append(self._rest[:LONGEST])
            self._rest = self._rest[LONGEST:]
        if lines:
            self._emit(lines)
        return len(data)

    def end(self) -> None:
        rest, self._rest = self._rest, b""
        if rest:
            self._emit([rest])
