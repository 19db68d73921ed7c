"""A slow link: a far network behind a pair of TUN interfaces and a relay that waits.

The relay is this file run as a script, a process of its own so that the interpreter lock of
the test does not disturb the timing. It goes when its standard input ends, and takes the
interfaces with it; the far network is a namespace without a name, which goes with the last
process in it. So nothing is left behind, whatever happens.
"""

import contextlib
import heapq
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.tun import ip, open_tun, subnet

NEAR, FAR = 0, 1
SYN = 0x02


def payload(packet: bytes) -> int:
    """The length of the data in an IPv4 TCP packet, a SYN counted as 1; else 0."""
    if packet[0] >> 4 != 4 or packet[9] != 6:
        return 0
    header = (packet[0] & 0x0F) * 4
    length = int.from_bytes(packet[2:4], "big") - header - (packet[header + 12] >> 4) * 4
    return length + bool(packet[header + 13] & SYN)


class Relay:
    """Carries packets between two interfaces, each `delay` seconds late; counts round trips."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.tuns = [open_tun(), open_tun()]
        self.queue: list[tuple[float, int, int, bytes]] = []
        self.order = itertools.count()
        self.reset()

    def reset(self) -> None:
        """Begin to count."""
        self.packets = [0, 0]
        self.data = [0, 0]
        self.round_trips = 0
        self.heard = True

    def take(self, side: int, packet: bytes) -> None:
        """Queue a packet that has come in at one side."""
        heapq.heappush(
            self.queue,
            (time.monotonic() + self.delay, next(self.order), 1 - side, packet),
        )
        self.packets[side] += 1
        self.data[side] += (length := payload(packet))
        # The near side sends something new after it has heard from the far side.
        if side == NEAR and length and self.heard:
            self.round_trips += 1
            self.heard = False

    def deliver(self) -> None:
        """Deliver what is due."""
        while self.queue and self.queue[0][0] <= time.monotonic():
            _, _, side, packet = heapq.heappop(self.queue)
            self.heard |= side == NEAR
            with contextlib.suppress(OSError):
                os.write(self.tuns[side][0], packet)

    def run(self) -> None:
        """Relay until standard input ends; a line there is answered with the counts so far."""
        descriptors = [descriptor for descriptor, _ in self.tuns]
        while True:
            wait = max(0.0, self.queue[0][0] - time.monotonic()) if self.queue else None
            ready, _, _ = select.select([0, *descriptors], [], [], wait)
            for side in (side for side in (NEAR, FAR) if descriptors[side] in ready):
                with contextlib.suppress(BlockingIOError):
                    while True:
                        self.take(side, os.read(descriptors[side], 65536))
            self.deliver()
            if 0 in ready:
                request = os.read(0, 65536)
                if not request:
                    return
                self.answer(packets=self.packets, data=self.data, round_trips=self.round_trips)
                self.reset()

    def answer(self, **values: Any) -> None:
        """Write one line of JSON to standard output."""
        print(json.dumps(values), flush=True)


class Wan:
    """The slow link as a test sees it; use it with `with`.

    `delay` is in seconds, each way. Nothing needs to be started in a namespace on this side:
    `far` is an address that this process can connect to.

    Attributes:
        near: the address of this machine on the link.
        far: the address of the machine at the other end.
        namespace: the far network, as a path.
        launcher: the words to put before a command, to run it at the other end.
        round_trip: the time of a round trip in seconds.
    """

    def __init__(self, delay: float = 0.02) -> None:
        self.round_trip = 2 * delay
        # It runs as long as its standard input is open: for as long as this process lives.
        self._far = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._relay = subprocess.Popen(
            [sys.executable, __file__, str(delay)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            assert self._far.stdout is not None
            self._far.stdout.readline()  # the namespace is there
            near, far = self._read()["names"]
            net = subnet(near)
            self.near, self.far = f"{net}.1", f"{net}.2"
            self.namespace = f"/proc/{self._far.pid}/ns/net"
            self.launcher = ["nsenter", f"--net={self.namespace}"]
            ip("addr", "add", f"{self.near}/30", "dev", near)
            ip("link", "set", near, "up")
            ip("link", "set", far, "netns", str(self._far.pid))
            for words in (
                ["addr", "add", f"{self.far}/30", "dev", far],
                ["link", "set", far, "up"],
                ["link", "set", "lo", "up"],
            ):
                subprocess.run([*self.launcher, "ip", *words], check=True)
        except BaseException:
            self.close()
            raise

    def _read(self) -> Any:
        assert self._relay.stdout is not None
        return json.loads(self._relay.stdout.readline())

    @contextlib.contextmanager
    def vanished(self) -> Iterator[None]:
        """Nothing arrives at either side any more, and no error tells of it."""
        self._relay.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._relay.send_signal(signal.SIGCONT)

    def counts(self) -> dict[str, Any]:
        """What has crossed the link since the last call.

        `round_trips` counts how often this side sent something new (a SYN or data) after it
        had heard from the other: the waits for the link in a conversation. `packets` and
        `data` (bytes) are pairs, from here and from there.
        """
        assert self._relay.stdin is not None
        self._relay.stdin.write(b"\n")
        self._relay.stdin.flush()
        counts: dict[str, Any] = self._read()
        return counts

    def close(self) -> None:
        """Take the link down."""
        for process in (self._relay, self._far):
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
            process.wait()

    def __enter__(self) -> "Wan":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def relay(delay: float) -> Iterator[Relay]:
    """A relay whose interfaces exist."""
    one = Relay(delay)
    yield one
    for descriptor, _ in one.tuns:
        os.close(descriptor)


if __name__ == "__main__":
    with relay(float(sys.argv[1])) as running:
        running.answer(names=[name for _, name in running.tuns])
        running.run()
