"""Node sets: ranges, groups and set arithmetic of host names, by ClusterShell."""

from __future__ import annotations

import re

from remctl._cli.values import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: The most hosts in a node set, so that a typing error does not use up all memory.
MOST = 1_000_000

#: Up to this many names are folded in all their numbers, which takes quadratic time; more names
#: are folded in their last number only.
MOST_FOLDED_FULLY = 200

#: Characters that only occur in node sets.
OPERATORS = "[]@!&^"

_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+)(?:/([0-9]+))?)?$")
# The last number of a name: the text before it, its digits, and the rest.
_LAST_NUMBER = re.compile(r"(.*?)([0-9]{1,18})([^0-9]*)$", re.DOTALL)


def expand(text: str, where: str) -> list[str]:
    """The names in a node set, in the given order.

    Raises Misuse that starts with `where`.
    """
    try:
        from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet
        from ClusterShell.NodeUtils import GroupResolverError, GroupSourceError
    except ImportError:
        raise Misuse(
            f"{where}: {text!r} is a node set, which takes: pip install 'pyremctl[fleet]'"
        ) from None
    if _size(text) > MOST:
        raise Misuse(f"{where}: {text!r} stands for more than {MOST:,} hosts")
    # Read ClusterShell's group files only if a group is used.
    resolver = None if "@" in text else RESOLVER_NOGROUP
    try:
        chosen = {str(node) for node in NodeSet(text, resolver=resolver)}
        order: dict[str, None] = {}
        for operand in filter(None, re.split(r"[,!&^](?![^\[]*\])", text)):
            order |= dict.fromkeys(str(node) for node in NodeSet(operand, resolver=resolver))
    except (GroupResolverError, GroupSourceError) as error:
        raise Misuse(f"{where}: {text!r}: unknown group or group source: {error}") from None
    except Exception as error:  # ClusterShell's exceptions have no common base
        raise Misuse(f"{where}: {error}") from None
    return [name for name in order if name in chosen]


def fold(labels: Iterable[str]) -> str:
    """Labels as one short, sorted text that -H accepts."""
    names = sorted(set(labels), key=natural)
    try:
        from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet
        from ClusterShell.RangeSet import RangeSet
    except ImportError:
        return ",".join(names)
    plain = [name for name in names if ":" not in name]
    others = [name for name in names if ":" in name]
    if len(plain) <= MOST_FOLDED_FULLY:
        folded = [str(NodeSet.fromlist(plain, resolver=RESOLVER_NOGROUP))] if plain else []
        return ",".join(folded + others)
    groups: dict[tuple[str, str], list[str]] = {}
    folded = []
    for name in plain:
        found = _LAST_NUMBER.match(name)
        if found is None:
            folded.append(name)
        else:
            groups.setdefault((found[1], found[3]), []).append(found[2])
    for (before, after), numbers in groups.items():
        ranges = RangeSet.fromlist(numbers) if len(numbers) > 1 else numbers[0]
        folded.append(f"{before}{f'[{ranges}]' if len(numbers) > 1 else ranges}{after}")
    return ",".join(folded + others)


def natural(text: str) -> list[tuple[int, str]]:
    """A sort key that puts web2 before web10."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part)
        for part in re.split(r"([0-9]{1,18})", text)
    ]


def _size(text: str) -> int:
    """An upper limit of the number of hosts in a node set; an invalid part counts as one."""
    total = 0
    for operand in re.split(r"[,!&^](?![^\[]*\])", text):
        size = 1
        for ranges in re.findall(r"\[([^\]]*)\]", operand):
            size *= sum(map(_length, ranges.split(",")))
        total += size
    return total


def _length(text: str) -> int:
    found = _RANGE.match(text)
    if found is None or found[2] is None:
        return 1
    if len(found[2]) > 18:
        return MOST + 1
    return max(1, (int(found[2]) - int(found[1])) // max(1, int(found[3] or 1)) + 1)
