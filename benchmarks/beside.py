"""run() of an answer that lies ready, beside a thread that computes in Python.

    python -m benchmarks.beside [rounds]

prints how long it takes calm, and beside that thread, and the second as a share of the first:
at most 1.10 is the goal. It takes root, for a socket buffer that holds all of the answer. One
processor is the reading thread's and one the computing thread's: compare on an idle machine.
"""

from __future__ import annotations

import socket
import statistics
import struct
import sys
import threading
import time

from remctl import Remctl
from remctl.testing import Realm

from tests.fix_hostile import Connection

SO_SNDBUFFORCE = 32  # of Linux, beyond the limit for all
TOKENS, LENGTH = 600, 65_000
GOAL = 1.10


def measure(realm: Realm, busy: bool) -> float:
    """Seconds of one run()."""
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 300_000_000)
    prepared, done = threading.Event(), threading.Event()

    def serve() -> None:
        connection = Connection(theirs, realm)
        connection.accept()
        plain = b"\2\3\1" + struct.pack("!I", LENGTH) + b"x" * LENGTH
        answer = b"".join(connection.wrap(plain) for _ in range(TOKENS))
        answer += connection.wrap(b"\2\4\0")
        prepared.set()
        connection.recv_command()
        connection.send_raw(answer)
        while busy and not done.is_set():
            sum(range(1000))

    server = threading.Thread(target=serve)
    server.start()
    with ours, theirs, Remctl() as client:
        client.open_socket(ours, "localhost")
        prepared.wait()
        start = time.perf_counter()
        answer = client.run(["x"]).stdout or b""
        taken = time.perf_counter() - start
        assert len(answer) == TOKENS * LENGTH
        done.set()
        server.join()
    return taken


def main(rounds: int = 7) -> int:
    """Measure in turns, print, and say by the status whether the goal is reached."""
    pairs: list[tuple[float, float]] = []
    with Realm() as realm, realm.environ():
        for _ in range(rounds):
            pairs.append((measure(realm, False), measure(realm, True)))
    calm, beside = (statistics.median(column) for column in zip(*pairs, strict=True))
    share = statistics.median(two / one for one, two in pairs)
    print(f"calm {calm:.3f} s, beside a computing thread {beside:.3f} s: {share:.2f}, goal {GOAL}")
    return share > GOAL


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
