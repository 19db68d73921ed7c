"""How many hosts at once the open files are enough for."""

from __future__ import annotations

import contextlib
import os

from remctl._cli.streams import say

#: Open files of a host under way: its socket, and the pair between it and the library.
FILES = 3

#: Kept for everything else: ticket caches, name servers, KDCs.
RESERVE = 32


def hosts_at_once(wanted: int, hosts: int, files: int) -> int:
    """How many hosts can be under way, of so many wanted, if each has so many files beside.

    The soft limit of open files is raised to the hard one: it is low for the sake of programs
    that use select(). If there is not room for all that are wanted, this says so.
    """
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return wanted
    room = max(1, (most - _open_files() - RESERVE) // (FILES + files))
    if room < min(wanted, hosts):
        hosts_at_once = "1 host" if room == 1 else f"{room} hosts"
        say(f"{hosts_at_once} at once, not {wanted}: only {most} files can be open (ulimit -n)")
    return min(room, wanted)


def _open_files() -> int:
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return 16
