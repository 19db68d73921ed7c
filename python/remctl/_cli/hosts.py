"""The hosts of -H and --hosts.

Names are separated by commas, and each may have a port. ClusterShell parses ranges, groups and
set arithmetic, but not addresses, because it would treat the brackets of IPv6 as a range.
"""

from __future__ import annotations

import os
import re
import socket

from remctl import Target
from remctl._cli.nodesets import OPERATORS, expand, split
from remctl._cli.parse import Options
from remctl._cli.values import Misuse, is_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Characters that are not allowed in a host name.
_NEVER = re.compile(r"^[-#]|[\s\x00-\x1f\x7f,/*?\[\]@!&^]")


def targets(options: Options) -> list[Target]:
    """All hosts, each once, in the given order.

    Raises Misuse, with the file and the line, for an invalid one.
    """
    found: dict[Target, None] = {}

    def add(host: str, port: int | None, principal: str | None = None) -> None:
        # A port that is equal to -p is the same as no port.
        found[Target(host, None if port == options.port else port, principal)] = None

    for text in options.host_sets:
        for host, port in parse_hosts(text, "-H"):
            add(host, port)
    for path in options.hosts:
        for host, port, principal in _read(path):
            add(host, port, principal)
    excluded = {one for text in options.exclude for one in parse_hosts(text, "option --exclude")}
    if not found:
        sets = ",".join(options.host_sets)
        raise Misuse(f"-H: {sets!r} stands for no hosts" if sets else "no hosts")
    left = [
        target
        for target in found
        if not {(target.host, None), (target.host, target.port or options.port)} & excluded
    ]
    if not left:
        raise Misuse("no hosts are left: --exclude leaves out all of them")
    return left


def parse_hosts(text: str, where: str) -> Iterator[tuple[str, int | None]]:
    """The hosts and ports in a text. Raises Misuse that starts with `where`."""
    pieces = _pieces(text)
    if not all(pieces):
        raise Misuse(f"{where}: the name of a host is empty in {text!r}")
    for piece in _expanded(pieces, where):
        yield _host(piece, where)


def _expanded(pieces: list[str], where: str) -> Iterator[str]:
    """The pieces, with node sets expanded."""
    names = [piece for piece in pieces if _address(piece) is None]
    if any(operator in name for name in names for operator in "!&^"):
        # Set operators apply to everything before them.
        yield from expand(",".join(names), where)
        yield from (piece for piece in pieces if _address(piece) is not None)
        return
    for piece in pieces:
        if _address(piece) is None and any(operator in piece for operator in OPERATORS):
            yield from expand(piece, where)
        else:
            yield piece


def _pieces(text: str) -> list[str]:
    """The text split at commas outside brackets."""
    return split(text, ",")[::2]


def _address(piece: str) -> tuple[str, str] | None:
    """An IP address and the rest, `:port` or nothing; None for anything else."""
    if piece.startswith("["):
        address, bracket, rest = piece[1:].partition("]")
        return (address, rest) if bracket and _is_address(socket.AF_INET6, address) else None
    if piece.count(":") > 1:
        return (piece, "") if _is_address(socket.AF_INET6, piece) else None
    address, colon, port = piece.partition(":")
    return (address, colon + port) if _is_address(socket.AF_INET, address) else None


def _is_address(family: int, text: str) -> bool:
    address, percent, scope = text.partition("%")
    if not is_address(address, family):
        return False
    return bool(scope) and not _NEVER.search(scope) if percent else True


def _host(piece: str, where: str) -> tuple[str, int | None]:
    found = _address(piece)
    if found is None:
        host, colon, port = piece.partition(":")
        found = host, colon + port
    host, port = found
    if not host or (_address(piece) is None and _NEVER.search(host)):
        raise Misuse(f"{where}: not the name of a host: {piece!r}")
    if not port:
        return host, None
    number = port[1:]
    if port[0] != ":" or not re.fullmatch(r"[0-9]{1,5}", number) or not 0 < int(number) < 65536:
        raise Misuse(f"{where}: invalid port number in {piece!r}")
    return host, int(number)


def _read(path: str) -> Iterator[tuple[str, int | None, str | None]]:
    """The hosts in a file, with their ports and principals."""
    name = "standard input" if path == "-" else path
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            lines = file.read().removeprefix(b"\xef\xbb\xbf").splitlines()
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise Misuse(f"option --hosts: cannot read {name}: {reason}") from None
    for number, line in enumerate(lines, 1):
        where = f"{name}, line {number}"
        words = re.sub(r"(^|\s)#.*", "", os.fsdecode(line)).split()
        if len(words) > 2:
            raise Misuse(f"{where}: more than a host and a principal: {' '.join(words)!r}")
        if words:
            principal = words[1] if len(words) == 2 else None
            for host, port in parse_hosts(words[0], where):
                yield host, port, principal
