"""What a call leaves behind in this process: threads, descriptors, memory."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from remctl import Remctl, RemctlError


def wait_until(condition: Callable[[], bool], timeout: float = 10.0) -> bool:
    """Wait until a condition holds, `timeout` seconds at most; whether it does."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.005)
    return True


def threads() -> set[str]:
    """The threads of this process, Python's and others.

    Without helpers that expire: ours, trio's, and those that the kernel makes for io_uring, which
    uvloop uses.
    """
    trio = {one.native_id for one in threading.enumerate() if one.name.startswith("Trio thread")}
    found = set()
    for number in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError):  # one that has ended
            name = Path(f"/proc/self/task/{number}/comm").read_text()
            expires = name.startswith(("remctl-idle\n", "iou-wrk-"))
            if not expires and int(number) not in trio:
                found.add(number)
    return found


def descriptors() -> dict[str, str]:
    """The open descriptors of this process, and what each is."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one that lists them
            found[number] = os.readlink(f"/proc/self/fd/{number}")
    return found


def resident() -> int:
    """The memory of this process in bytes, as the kernel counts it (RSS)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def nothing_left(patience: float = 5.0) -> Iterator[None]:
    """Within the block as many threads and descriptors come as go, soon after it at the latest.

    A made-up server in this process needs that moment to see that its client has gone.
    """
    # The first call of a thread makes the descriptor that its waits are ended by.
    with contextlib.suppress(RemctlError):
        Remctl()._connection.output()
    before = len(threads()), len(descriptors())
    yield

    def none() -> bool:
        return len(threads()) <= before[0] and len(descriptors()) <= before[1]

    if not wait_until(none, patience):
        raise AssertionError(f"left: {threads()}, {descriptors()}; before: {before}")
