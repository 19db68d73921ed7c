"""5,000 targets at once, of which most are dead, silent, refusing, or talk something else."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from remctl.testing import Command, Realm

from tests.support.programs import PYREMCTL

#: How many there are of each kind.
DEAD, SILENT, GARBAGE, REFUSING, ALIVE = 3500, 500, 500, 100, 400

# A process counts as its own the memory of the one that it was started from, so that a small one
# starts it, and not this.
MEASURE = """
import json, resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([usage.ru_maxrss, usage.ru_utime + usage.ru_stime], file)
sys.exit(status)
"""


@contextlib.contextmanager
def garbage() -> Iterator[int]:
    """The port of a server that speaks HTTP, on all addresses."""

    def serve() -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                sock, _ = listener.accept()
                with sock, contextlib.suppress(OSError):
                    sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("0.0.0.0", 0), backlog=512) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def addresses(port: int, count: int) -> list[str]:
    """So many targets, each with an address of its own."""
    return [f"127.9.{number // 250}.{number % 250 + 1}:{port}" for number in range(count)]


@pytest.mark.measures
def test_each_has_its_outcome_and_little_memory_is_taken(realm: Realm, tmp_path: Path) -> None:
    denied = {"hello": Command("/bin/true", acl=("deny:ANYUSER",))}
    with (
        realm.server({"test": {"hello": "#!/bin/sh\necho hello\n"}}, addresses=["0.0.0.0"]) as one,
        realm.server({"test": denied}, addresses=["0.0.0.0"]) as two,
        socket.create_server(("0.0.0.0", 0), backlog=1024) as silent,
        socket.socket() as dead,
        garbage() as http,
    ):
        dead.bind(("0.0.0.0", 0))
        lines = [
            *addresses(dead.getsockname()[1], DEAD),
            *addresses(silent.getsockname()[1], SILENT),
            *addresses(http, GARBAGE),
            *addresses(two.port, REFUSING),
            *addresses(one.port, ALIVE),
        ]
        (tmp_path / "hosts").write_text("\n".join(lines))
        command = [*PYREMCTL, "--hosts", str(tmp_path / "hosts"), "-s", "host/localhost"]
        options = ["--limit", "300", "--connect-timeout", "12", "--json"]
        measured = [sys.executable, "-c", MEASURE, str(tmp_path / "usage")]
        with open(tmp_path / "out", "wb") as out:
            process = subprocess.run(
                [*measured, *command, *options, "test", "hello"],
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
    memory, seconds = json.loads((tmp_path / "usage").read_text())
    records = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert {f"{one['host']}:{one['port']}" for one in records} == set(lines)
    kinds = Counter(str(one["kind"]) for one in records)
    assert kinds.pop("connect") == DEAD
    assert kinds.pop("timeout") == SILENT
    assert kinds.pop("denied") == REFUSING
    assert kinds.pop("None") == ALIVE
    assert kinds.total() == GARBAGE
    assert all(one["may_have_run"] == (one["kind"] is None) for one in records)
    assert process.returncode == 3
    assert memory < 100 * 1024  # KiB
    assert seconds < 20
