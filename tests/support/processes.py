"""What is left of a realm, and waiting for it to be gone."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def processes_of(folder: str) -> list[str]:
    """The command lines of the processes that belong to the realm in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (
                (process / name).read_bytes() for name in ("cmdline", "environ")
            )
        except OSError:
            continue
        if folder.encode() in command + environment:
            found.append(command.replace(b"\0", b" ").decode())
    return found


def wait_until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Wait until a condition holds, `timeout` seconds at most."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def gone(folder: str) -> bool:
    """Whether nothing is left of the realm in a folder."""
    return not os.path.exists(folder) and not processes_of(folder)


def for_the_end_of_a_process() -> dict[str, str]:
    """This process's environment: under ThreadSanitizer that end has suppressions of its own."""
    sanitizer = os.environ.get("TSAN_OPTIONS", "")
    sanitizer = sanitizer.replace("tsan-suppressions", "tsan-suppressions-at-exit")
    return os.environ | {"TSAN_OPTIONS": sanitizer}
