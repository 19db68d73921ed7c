"""--gather: shows equal output once, with all its hosts in the heading."""

from __future__ import annotations

import os
from functools import partial

from remctl._cli.nodesets import fold, natural
from remctl._cli.report import each
from remctl._cli.terminal import harmless_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Outcome
    from remctl._cli.screen import Screen

_RULE = b"-" * 15 + b"\n"


class Gather:
    """The report of --gather; see `remctl._cli.report.Report`."""

    stdout = None
    stderr = None

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        # For each stream, the hosts by their output.
        self._hosts: dict[int, dict[bytes, list[str]]] = {1: {}, 2: {}}

    def ended(self, outcome: Outcome) -> None:
        """Keep the host's output, even if it failed later."""
        error = outcome.error
        result = outcome.result if error is None else error.partial
        if result is not None:
            for descriptor, data in ((1, result.stdout), (2, result.stderr)):
                # The command of a failed host without output may not even have started.
                if data or error is None:
                    hosts = self._hosts[descriptor].setdefault(data or b"", [])
                    hosts.append(str(outcome.target))

    def end(self) -> None:
        """Show everything: first standard output, then standard error, even if that failed."""
        each(partial(self.show_all, *stream) for stream in self._hosts.items())

    def show_all(self, descriptor: int, groups: dict[bytes, list[str]]) -> None:
        """Show one stream, each text once."""
        for data in self.sorted(groups):
            if data:
                self.show(descriptor, groups[data], data)

    def sorted(self, groups: dict[bytes, list[str]]) -> list[bytes]:
        """The outputs, in the order of their first hosts."""
        first = {data: min(map(natural, hosts)) for data, hosts in groups.items()}
        return sorted(groups, key=lambda data: first[data])

    def show(self, descriptor: int, hosts: list[str], data: bytes) -> None:
        """Show a text with its hosts in the heading."""
        heading = f"{fold(hosts)} ({len(hosts)})\n".encode(errors="surrogateescape")
        text = heading, data if data.endswith(b"\n") or not data else data + b"\n"
        if os.isatty(descriptor):
            text = harmless_bytes(text[0]), harmless_bytes(text[1])
        self._screen.write(descriptor, b"".join((_RULE, text[0], _RULE, text[1])))
