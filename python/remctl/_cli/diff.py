"""--diff: shows how the output of hosts differs from that of most hosts."""

from __future__ import annotations

import difflib

from remctl._cli.gather import Gather
from remctl._cli.hosts import parse_hosts
from remctl._cli.values import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from remctl import Target
    from remctl._cli.screen import Screen

#: If two texts together have more lines than this, they are not compared, which could take very
#: long.
MOST_LINES = 20_000

# What `diff -u` prints after a last line without a line feed.
_INCOMPLETE = "\n\\ No newline at end of file\n"


class Diff(Gather):
    """The report of --diff; see `remctl._cli.report.Report`.

    It shows the output of the largest group of hosts with equal output, or of the group of the
    named host; for the other groups it shows the differences. `port` is that of hosts without
    their own. Raises Misuse if the name is not among the hosts.
    """

    def __init__(
        self, screen: Screen, name: str, hosts: Sequence[Target], port: int | None = None
    ) -> None:
        super().__init__(screen)
        self._name = None
        if name:
            self._name = str(_named(name, hosts, port))

    def show_all(self, descriptor: int, groups: dict[bytes, list[str]]) -> None:
        """Show one text of a stream, and how the others differ from it."""
        if not any(groups):
            return
        order = self.sorted(groups)
        reference = max(order, key=lambda data: len(groups[data]))
        for data, hosts in groups.items():
            if self._name in hosts:
                reference = data
        self.show(descriptor, groups[reference], reference)
        for data in order:
            if data != reference:
                self.show(descriptor, groups[data], difference(reference, data))


def _named(name: str, hosts: Sequence[Target], default: int | None) -> Target:
    found = list(parse_hosts(name, "option --diff"))
    if len(found) != 1:
        raise Misuse(f"option --diff: must be the name of one host, not {name!r}")
    ((host, port),) = found
    for target in hosts:
        if target.host == host and port in (None, target.port or default):
            return target
    raise Misuse(f"option --diff: {name} is not one of the hosts")


def difference(before: bytes, after: bytes) -> bytes:
    """The difference of two texts as in `diff -u`; the second text if they are long."""
    old, new = (_lines(data) for data in (before, after))
    if len(old) + len(new) > MOST_LINES:
        return after
    lines = list(difflib.unified_diff(old, new))[2:]  # without the file names
    text = "".join(line if line.endswith("\n") else line + _INCOMPLETE for line in lines)
    return text.encode(errors="surrogateescape")


def _lines(data: bytes) -> list[str]:
    """The lines, each with its line feed; only the last may have none."""
    *lines, rest = data.decode(errors="surrogateescape").split("\n")
    return [line + "\n" for line in lines] + [rest] * bool(rest)
