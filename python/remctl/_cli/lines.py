"""The default report: shows lines as they arrive, with the host in front unless --no-prefix."""

from __future__ import annotations

from remctl._cli.report import Writers
from remctl._cli.terminal import coloured, harmless_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from remctl import Target
    from remctl._cli.screen import Screen

#: A longer line, in bytes, is shown in pieces.
LONGEST = 65536

# Colours of the prefix: cyan and red.
_COLOURS = {1: b"\x1b[36m", 2: b"\x1b[31m"}


class Lines(Writers):
    """The report that shows lines; see `remctl._cli.report.Report`."""

    def __init__(self, screen: Screen, terminals: tuple[bool, bool], prefix: bool = True) -> None:
        super().__init__()
        self._prefix = prefix
        self._screen = screen
        self._terminal = dict(zip((1, 2), terminals, strict=True))

    def stdout(self, target: Target) -> _Lines:
        """The writer for its standard output."""
        return self._writer(target, 1)

    def stderr(self, target: Target) -> _Lines:
        """The writer for its standard error."""
        return self._writer(target, 2)

    def _writer(self, target: Target, descriptor: int) -> _Lines:
        terminal = self._terminal[descriptor]
        prefix = b""
        if self._prefix:
            prefix = str(target).encode(errors="surrogateescape") + b": "
            if terminal:
                prefix = harmless_bytes(prefix)
                if coloured(descriptor):
                    prefix = _COLOURS[descriptor] + prefix[:-1] + b"\x1b[0m "

        def emit(lines: list[bytes]) -> None:
            shown = [line + b"\n" for line in lines]
            if terminal:
                shown = [harmless_bytes(line) for line in shown]
            self._screen.write(descriptor, b"".join(prefix + line for line in shown))

        writer = _Lines(emit)
        self.keep(target, writer)
        return writer


class _Lines:
    """Splits bytes into lines and passes complete lines to `emit`, without their newlines."""

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

    def close(self) -> None:
        rest, self._rest = self._rest, b""
        if rest:
            self._emit([rest])
