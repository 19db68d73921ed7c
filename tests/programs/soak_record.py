"""What the soak's clients note, and what must be true of it when all is over.

A client writes a line for what became of each command, in one write, to a file of its own; so do
the children of its forks and its signal handlers. The servers' commands write their nonces to one
record. Nothing is kept in memory, so nothing can be lost by a signal, a fork or a crash.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# What can become of a command: its whole answer came; it failed, or was left, so that it may have
# run; it failed, and cannot have run.
ANSWERED, PERHAPS, NEVER = "answered", "perhaps", "never"
# What else is noted: a fault, something that was done, and a process at rest.
FAULT, DONE, REST = "fault", "done", "rest"

# What may grow after the first tenth, in KiB. At rest everything is closed. What the heap has in
# use then hardly moves: some bytes of Python's own here and there. A connection that was kept
# would cost some 20 KiB, and a client makes hundreds in a minute. The process's memory has the
# heap's holes in it too: they grow with the largest mix of calls that there was so far.
IN_USE_TOLERANCE = 512
MEMORY_TOLERANCE = 3072


class Notes:
    """The file that a client writes to."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)

    def note(self, what: str, *words: object) -> None:
        """Write a line."""
        text = " ".join(map(str, words)).replace("\\", "\\\\").replace("\n", "\\n")
        os.write(self._descriptor, f"{what} {text}\n".encode(errors="backslashreplace"))


@dataclass(frozen=True)
class Rest:
    """A client between two rounds, with everything closed."""

    seconds: float
    memory: int  # resident, KiB
    in_use: int  # of the heap, KiB
    descriptors: int
    threads: int


@dataclass
class Findings:
    """What a soak has shown."""

    answered: int = 0
    perhaps: int = 0
    never: int = 0
    ran: int = 0  # lines of the record
    connections: int = 0  # that commands ran on; process ids come again only after very many
    endings: Counter[str] = field(default_factory=Counter)  # of commands without an answer
    done: Counter[str] = field(default_factory=Counter)
    rests: dict[str, list[Rest]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def commands(self) -> int:
        """Those of which it is known what became of them."""
        return self.answered + self.perhaps + self.never


def judge(record: Iterable[str], notes: Mapping[str, Iterable[str]]) -> Findings:
    """Compare what the clients say with what the servers did."""
    found = Findings()
    ran: Counter[str] = Counter()
    connections = set()
    for line in record:
        nonce, connection = line.split()
        ran[nonce] += 1
        connections.add(connection)
    found.ran = ran.total()
    found.connections = len(connections)
    found.faults += [f"{nonce} ran {times} times" for nonce, times in ran.items() if times > 1]
    for client, lines in notes.items():
        for line in lines:
            what, _, rest = line.rstrip("\n").partition(" ")
            nonce, _, how = rest.partition(" ")
            if what == ANSWERED:
                found.answered += 1
                if ran[nonce] != 1:
                    found.faults.append(f"{nonce} was answered, and ran {ran[nonce]} times")
            elif what == PERHAPS:
                found.perhaps += 1
                found.endings[f"{how}, may have run"] += 1
            elif what == NEVER:
                found.never += 1
                found.endings[f"{how}, has not run"] += 1
                if ran[nonce]:
                    found.faults.append(f"{nonce} ran: {how} says that it has not")
            elif what == DONE:
                found.done[rest] += 1
            elif what == REST:
                seconds, *numbers = rest.split()
                at_rest = Rest(float(seconds), *map(int, numbers))
                found.rests.setdefault(client, []).append(at_rest)
            else:
                found.faults.append(f"client {client}: {rest}")
        found.faults += grown(client, found.rests.get(client, []))
    return found


def grown(client: str, rests: list[Rest]) -> Iterator[str]:
    """What a client has more of than it had. The first rest is after the warm-up."""
    if not rests:
        yield f"client {client} never came to rest"
        return
    first, last = rests[0], rests[-1]
    if last.descriptors > first.descriptors:
        yield f"client {client}: {first.descriptors} descriptors, then {last.descriptors}"
    if last.threads > first.threads:
        yield f"client {client}: {first.threads} threads, then {last.threads}"
    for what, tolerance in (("memory", MEMORY_TOLERANCE), ("in_use", IN_USE_TOLERANCE)):
        begin, end = tenths(rests, what)
        if end > begin + tolerance:
            yield f"client {client}: {what} {begin} KiB in the first tenth, then {end} KiB"


def tenths(rests: list[Rest], what: str) -> tuple[int, int]:
    """The most of the first tenth of the rests, and the least of the last, in KiB."""
    tenth = max(2, len(rests) // 10)
    sizes = [getattr(rest, what) for rest in rests]
    return max(sizes[:tenth]), min(sizes[-tenth:])


def lines(path: Path) -> Iterator[str]:
    """The lines of a file, or none where there is no such file."""
    if path.exists():
        with path.open(errors="replace") as file:
            yield from file
