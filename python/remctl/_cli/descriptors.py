"""Limits the number of hosts at once to what the open-file limit allows."""

from __future__ import annotations

import contextlib
import os

from remctl._cli.streams import say

#: Open files per host in progress: its socket, and the socket pair to the library.
FILES = 3

#: Kept for everything else: ticket caches, name servers, KDCs.
RESERVE = 32


def hosts_at_once(wanted: int, hosts: int, files: int) -> int:
    """How many of the wanted hosts can run at once, if each also has this many output files.

    Raises the soft limit of open files to the hard one. (The soft limit is low because of
    programs that use select().) Prints a message if the limit is too low for the wanted number.
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
