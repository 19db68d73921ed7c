"""A client of the soak: `python -m tests.programs.soaker`, started by `tests.programs.soak`.

In rounds, with threads; between two rounds everything is closed, and what the process has is
noted.
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import gc
import itertools
import os
import random
import signal
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from remctl import ConnectionPool, Remctl

from tests.programs.soak_acts import ACTS, MAIN_ACTS, Interrupted, Place, Soaker
from tests.programs.soak_record import DONE, FAULT, REST, Notes

THREADS = 3
SHARED = 3
# An act is some commands, each with an end of its own by limits, servers that go on or come back.
# One that takes longer than this, in seconds, hangs.
PATIENCE = 240.0
THREADS_AT_REST = 2  # the main one, and the watch
# Helper threads rest for half a second before they end; the KDC's may have to wait for it.
REST_PATIENCE = 60.0


class Watch(threading.Thread):
    """Ends the process, with a stack of every thread, when an act does not end.

    It ends too when the one that started it is gone.
    """

    def __init__(self, notes: Notes) -> None:
        super().__init__(daemon=True)
        self.notes = notes
        self.busy: dict[int, tuple[str, float]] = {}
        self.parent = os.getppid()

    def run(self) -> None:
        """Look every second."""
        while True:
            time.sleep(1)
            if os.getppid() != self.parent:
                os._exit(4)
            for _, (act, since) in list(self.busy.items()):
                if time.monotonic() - since > PATIENCE:
                    self.notes.note(FAULT, f"{act} hangs")
                    faulthandler.dump_traceback(all_threads=True)
                    os._exit(3)


class Client:
    """The rounds."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.notes = Notes(options.notes)
        self.watch = Watch(self.notes)
        self.begin = time.monotonic()
        self.over = threading.Event()  # of a round
        places = [Place(int(port), options.principal) for port in options.ports.split(",")]
        self.soaker = Soaker(
            self.notes,
            places,
            name=options.name,
            shared=[Remctl() for _ in range(SHARED)],
            pool=lambda: ConnectionPool(
                places[0].host, places[0].port, places[0].principal, max_size=2, timeout=5
            ),
            keytab=options.keytab,
        )

    def act(self, rng: random.Random, acts: dict[Any, float]) -> None:
        """Do something; nothing comes out but what is documented, and the soaker takes that."""
        (act,) = rng.choices(list(acts), list(acts.values()))
        me = threading.get_ident()
        self.watch.busy[me] = act.__name__, time.monotonic()
        try:
            act(self.soaker, rng)
            self.notes.note(DONE, act.__name__)
        except BaseException:
            self.notes.note(FAULT, f"{act.__name__}: {traceback.format_exc()}")
        finally:
            del self.watch.busy[me]

    def work(self, rng: random.Random) -> None:
        """What the threads do in a round."""
        while not self.over.is_set():
            self.act(rng, ACTS)

    def finished(self) -> bool:
        """Whether the time is over, or the commands are used up."""
        options = self.options
        asked = self.soaker.asked
        return bool(
            (options.commands and asked >= options.commands)
            or (options.seconds and time.monotonic() - self.begin > options.seconds)
        )

    def round(self, seconds: float, number: int) -> None:
        """Some seconds of everything at once; the main thread is the one that signals reach."""
        self.over.clear()
        end = time.monotonic() + seconds
        self.soaker.begin()
        seed = f"{self.options.seed} {self.options.name} {number}"
        threads = [
            threading.Thread(target=self.work, args=(random.Random(f"{seed} {one}"),))
            for one in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        rng = random.Random(f"{seed} main")
        while time.monotonic() < end and not self.finished():
            self.act(rng, MAIN_ACTS)
        self.over.set()
        for thread in threads:
            thread.join()
        self.soaker.end()

    def warm_up(self) -> None:
        """Everything once, so that what is loaded at the first use is there."""
        rng = random.Random(f"{self.options.seed} {self.options.name}")
        self.soaker.begin()
        for act in dict.fromkeys([*ACTS, *MAIN_ACTS]):
            self.act(rng, {act: 1})
        self.soaker.end()

    def rest(self) -> None:
        """Wait until nothing is left of the round that ends by itself, and note what there is."""
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        end = time.monotonic() + REST_PATIENCE
        while (threads := count("task")) > THREADS_AT_REST and time.monotonic() < end:
            time.sleep(0.05)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        memory = pages * os.sysconf("SC_PAGE_SIZE") // 1024
        elapsed = time.monotonic() - self.begin
        self.notes.note(REST, f"{elapsed:.1f}", memory, in_use(), count("fd"), threads)

    def run(self) -> None:
        """All of it."""
        self.watch.start()
        self.warm_up()
        self.rest()
        for number in itertools.count():
            if self.finished():
                break
            self.round(self.options.round, number)
            self.rest()


class _Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def in_use() -> int:
    """What of the C library's heap is in use, in KiB."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _Mallinfo2
    heap: _Mallinfo2 = mallinfo2()
    return int(heap.uordblks + heap.hblkhd) // 1024


def count(what: str) -> int:
    """How many descriptors or threads this process has."""
    return len(os.listdir(f"/proc/self/{what}"))


def main() -> None:
    """Be a client, until the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--notes", type=Path, required=True)
    parser.add_argument("--ports", required=True)
    parser.add_argument("--principal", required=True)
    parser.add_argument("--keytab", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--commands", type=int, default=0)
    parser.add_argument("--round", type=float, default=20)
    options = parser.parse_args()
    faulthandler.enable()
    # Python 3.12 warns of forks beside threads: they are what is tried here.
    warnings.simplefilter("ignore", DeprecationWarning)
    client = Client(options)

    def unraisable(args: Any) -> None:
        if not isinstance(args.exc_value, Interrupted):
            text = "".join(traceback.format_exception(args.exc_value))
            client.notes.note(FAULT, f"ignored in {args.object!r}: {text}")

    sys.unraisablehook = unraisable
    for number in (signal.SIGALRM, signal.SIGUSR1):
        signal.signal(number, client.soaker.handle)
    client.run()


if __name__ == "__main__":
    main()
