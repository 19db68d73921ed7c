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
# A name without a range or a group.
_PLAIN = re.compile(r"[\w.:-]+")
# The last number of a name: the text before it, its digits, and the rest.
_LAST_NUMBER = re.compile(r"(.*?)([0-9]{1,18})([^0-9]*)$", re.DOTALL)


def split(text: str, operators: str) -> list[str]:
    """The text split at operators outside brackets: operands, and the operators between them."""
    words = [""]
    for number, part in enumerate(text.split("[")):
        inside, bracket, outside = part.rpartition("]")
        first, *rest = re.split(f"([{operators}])", outside)
        words[-1] += "[" * (number > 0) + inside + bracket + first
        words += rest
    return words


def expand(text: str, where: str) -> list[str]:
    """The names in a node set, in the given order.

    Raises Misuse that starts with `where`, also for an operand without names: it may be the
    name of a group with a typing error.
    """
    try:
        import ClusterShell  # noqa: F401
    except ImportError:
        raise Misuse(
            f"{where}: {text!r} is a node set, which takes: pip install 'pyremctl[fleet]'"
        ) from None
    words = split(text, ",!&^")
    operands, operators = words[::2], words[1::2]
    if sum(map(_size, operands)) > MOST:
        raise Misuse(f"{where}: {text!r} stands for more than {MOST:,} hosts")
    # ClusterShell's own arithmetic takes quadratic time.
    chosen: dict[str, None] = {}
    for operator, operand in zip([",", *operators], operands, strict=True):
        if not operand:
            raise Misuse(f"{where}: missing nodeset operand in {text!r}")
        names = dict.fromkeys(_names(operand, where))
        if operator == ",":
            chosen |= names
        elif operator == "&":
            chosen = {name: None for name in chosen if name in names}
        else:
            common = [name for name in names if name in chosen]
            if operator == "^":
                chosen |= names
            for name in common:
                del chosen[name]
    return list(chosen)


def _names(operand: str, where: str) -> list[str]:
    """The names that ClusterShell finds in an operand. Raises Misuse."""
    from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet
    from ClusterShell.NodeUtils import GroupResolverSourceError, GroupSourceError

    if _PLAIN.fullmatch(operand):
        return [operand]
    # Read ClusterShell's group files only if a group is used.
    resolver = None if "@" in operand else RESOLVER_NOGROUP
    try:
        names = [str(node) for node in NodeSet(operand, resolver=resolver)]
    except GroupResolverSourceError as error:
        raise Misuse(f"{where}: {operand!r}: unknown group source: {error}") from None
    except Exception as error:  # ClusterShell's exceptions have no common base
        text = str(error)
        if isinstance(error.__context__, GroupSourceError):
            # The text of that is the command of the source.
            text = f"{operand!r}: unknown group, or its source failed: {error.__context__}"
        raise Misuse(f"{where}: {text}") from None
    if not names:
        raise Misuse(f"{where}: {operand!r} stands for no hosts")
    return names


def fold(labels: Iterable[str]) -> str:
    """Labels as one short, sorted text that -H accepts."""
    names = sorted(set(labels), key=natural)
    # By port, because a port is no number to fold. IPv6 addresses stay as they are.
    groups: dict[str, list[str]] = {"": []}
    for label in names:
        name, colon, port = label.partition(":")
        if ":" in port or "[" in label:
            groups[label] = []
        else:
            groups.setdefault(colon + port, []).append(name)
    try:
        texts = [text + port for port, group in groups.items() for text in _folded(group) or [""]]
    except ImportError:
        return ",".join(names)
    return ",".join(filter(None, texts))


def _folded(names: list[str]) -> list[str]:
    """Sorted names as few node sets."""
    from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet
    from ClusterShell.RangeSet import RangeSet

    if not names:
        return []
    if len(names) <= MOST_FOLDED_FULLY:
        return split(str(NodeSet.fromlist(names, resolver=RESOLVER_NOGROUP)), ",")[::2]
    groups: dict[tuple[str, str], list[str]] = {}
    folded = []
    for name in names:
        found = _LAST_NUMBER.match(name)
        if found is None:
            folded.append(name)
        else:
            groups.setdefault((found[1], found[3]), []).append(found[2])
    for (before, after), numbers in groups.items():
        ranges = RangeSet.fromlist(numbers) if len(numbers) > 1 else numbers[0]
        folded.append(f"{before}{f'[{ranges}]' if len(numbers) > 1 else ranges}{after}")
    return folded


def natural(text: str) -> list[tuple[int, str]]:
    """A sort key that puts web2 before web10."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part)
        for part in re.split(r"([0-9]{1,18})", text)
    ]


def _size(operand: str) -> int:
    """An upper limit of the number of hosts in an operand; an invalid part counts as one."""
    size = 1
    for ranges in re.findall(r"\[([^\]]*)\]", operand):
        size *= sum(map(_length, ranges.split(",")))
    return size


def _length(text: str) -> int:
    found = _RANGE.match(text)
    if found is None or found[2] is None:
        return 1
    if len(found[2]) > 18:
        return MOST + 1
    return max(1, (int(found[2]) - int(found[1])) // max(1, int(found[3] or 1)) + 1)
