"""A relay to a server that reads as badly as a peer may: it stalls, trickles, reads in bursts.

It is this file run as a script, a process of its own, so that neither the interpreter lock of
the test nor its threads set the pace. It goes when its standard input ends.
"""

import contextlib
import itertools
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

MEBIBYTE = 1024 * 1024

# How many bytes to read at most, after a wait of so many seconds.
Pace = Iterator[tuple[int, float]]


def stalls(source: random.Random) -> Pace:
    """Read freely, but for a few long stops in the middle."""
    for _ in range(source.randint(1, 3)):
        left = source.choice([20_000, source.randrange(1, 6 * MEBIBYTE)])
        while left > 0:
            piece = min(left, MEBIBYTE)
            left -= piece
            yield piece, 0
        yield 1, source.uniform(0.1, 0.5)
    yield from itertools.repeat((MEBIBYTE, 0))


def trickles(source: random.Random) -> Pace:
    """Read in drops, then a draught, and so on."""
    while True:
        for _ in range(source.randint(1, 60)):
            yield source.randint(1, 3000), source.choice([0, 0.001])
        yield source.randint(1, 2 * MEBIBYTE), 0


def bursts(source: random.Random) -> Pace:
    """Read nothing for a while, then much at once, and so on."""
    while True:
        yield source.randint(1, 2 * MEBIBYTE), source.uniform(0.001, 0.03)
        for _ in range(source.randint(0, 8)):
            yield MEBIBYTE, 0


MANNERS: dict[str, Callable[[random.Random], Pace]] = {
    "stalls": stalls,
    "trickles": trickles,
    "bursts": bursts,
}


def carry(source: socket.socket, target: socket.socket, pace: Pace) -> None:
    """Carry bytes from one socket to the other, and the end of them."""
    with contextlib.suppress(OSError):
        while True:
            size, wait = next(pace)
            if wait:
                time.sleep(wait)
            data = source.recv(size)
            if not data:
                break
            target.sendall(data)
    for sock, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with contextlib.suppress(OSError):
            sock.shutdown(how)


def serve(port: int, manner: str, seed: int) -> None:
    """Relay connections to a port of this machine, one seed after another."""
    listener = socket.socket()
    # Small, so that what is not read is soon felt at the other end.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=accept, args=(listener, port, manner, seed), daemon=True).start()
    sys.stdin.read()


def accept(listener: socket.socket, port: int, manner: str, seed: int) -> None:
    """Serve every client."""
    for number in itertools.count(seed):
        client, _ = listener.accept()
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        server.connect(("127.0.0.1", port))
        source = random.Random(number)
        for ends in ((client, server), (server, client)):
            pace = MANNERS[manner](random.Random(source.random()))
            threading.Thread(target=carry, args=(*ends, pace), daemon=True).start()


@contextlib.contextmanager
def relay(port: int, manner: str, seed: int) -> Iterator[int]:
    """Relay to a port of this machine in one of the `MANNERS`; the port of the relay."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(port), manner, str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
