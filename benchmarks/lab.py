"""Where measurements are made: a realm, a server, a slow link, and the clients in turn."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from remctl.testing import Command, Realm, Server

from benchmarks.clients import HERE, Client, Place, Worker, all_clients, compile_c
from tests.support import tun
from tests.support.wan import Wan

Samples = dict[str, list[list[float]]]
"""For each client the seconds of each iteration, round by round."""


BINDINGS = ("c", "old", "ours", "bundled")
"""The clients that hold a connection of their own: each in its process."""


class LeftOut(Exception):
    """What a figure needs is missing here."""


@dataclass(frozen=True)
class Effort:
    """How much to measure: a number for each occasion, divided to save time."""

    name: str
    divisor: int

    def times(self, full: int) -> int:
        """What is left of `full`, 1 at least."""
        return max(1, full // self.divisor)


FULL, QUICK, SMOKE = Effort("full", 1), Effort("quick", 5), Effort("smoke", 1000)


@dataclass
class Lab:
    """Everything that a scenario needs."""

    effort: Effort
    realm: Realm
    program: Path
    clients: dict[str, Client]
    near: Place
    malloc: Path
    wheels: Path | None
    bundled: Path | None
    _stack: contextlib.ExitStack
    wan: Wan | None = None
    _far: Place | None = None

    def present(self, clients: Sequence[str]) -> list[str]:
        """Those of the clients that there are: the self-contained wheel may be missing."""
        return [client for client in clients if client in self.clients]

    def interleaved(
        self,
        scenario: str,
        argument: object = "hello",
        *,
        rounds: int,
        count: int = 1,
        clients: Sequence[str] = BINDINGS,
        place: Place | None = None,
        once: Sequence[str] = (),
        processor: Samples | None = None,
    ) -> Samples:
        """Let the clients run a scenario in turns: `count` iterations each, `rounds` times.

        Both numbers are those of a full measurement. The order changes from round to round,
        so that nobody is always the one after the same other. `once`: clients that are so
        slow here that one round is enough. `processor`: where to put the seconds of processor
        time, the same for all iterations of a round.
        """
        clients = self.present(clients)
        samples: Samples = {key: [] for key in clients}
        with contextlib.ExitStack() as stack:
            workers = [
                (
                    key,
                    stack.enter_context(
                        Worker(self.clients[key], place or self.near, scenario, argument)
                    ),
                )
                for key in clients
            ]
            for turn in range(max(3, self.effort.times(rounds)) if self.effort != SMOKE else 1):
                for key, worker in workers[turn % len(workers) :] + workers[: turn % len(workers)]:
                    if not (turn and key in once):
                        before = worker.busy()
                        samples[key].append(taken := worker.run(self.effort.times(count)))
                        if processor is not None:
                            each = (worker.busy() - before) / len(taken)
                            processor.setdefault(key, []).append([each] * len(taken))
        return samples

    def far(self) -> Place:
        """The server behind a link with a round trip of 40 ms; LeftOut where there is none."""
        if self._far is None:
            if not tun.available():
                raise LeftOut("a slow link takes root and /dev/net/tun")
            try:
                self.wan = self._stack.enter_context(Wan(delay=0.02))
            except OSError as error:
                raise LeftOut(f"no slow link: {error}") from error
            self.realm.add_principal(f"host/{self.wan.far}")
            server = serve(
                self.realm, self.program, addresses=[self.wan.far], launcher=self.wan.launcher
            )
            self._far = place_of(self._stack.enter_context(server))
        return self._far


def serve(
    realm: Realm,
    program: Path,
    addresses: Sequence[str] = ("127.0.0.1",),
    launcher: Sequence[str] = (),
) -> Server:
    """A server with the commands of c_commands.c."""
    names = ("hello", "nothing", "sleep", "bytes", "lines")
    commands: dict[str, Path | Command] = dict.fromkeys(names, program)
    commands["stdin"] = Command(program, stdin="last")
    launcher = [*launcher, sys.executable, str(HERE / "activate.py")]
    return realm.server({"bench": commands}, addresses=addresses, launcher=launcher)


def place_of(server: Server) -> Place:
    """Where a server is."""
    return Place(server.host, server.port, server.principal)


@contextlib.contextmanager
def laboratory(
    effort: Effort, wheels: Path | None = None, bundled: Path | None = None
) -> Iterator[Lab]:
    """A laboratory; `wheels` is the folder with the wheel that is measured, if there is one.

    `bundled` is a self-contained wheel to measure too.
    """
    with contextlib.ExitStack() as stack:
        build = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        clients = all_clients(build, bundled)
        program = compile_c(build / "c_commands", "c_commands.c", "-static")
        malloc = compile_c(build / "c_malloc.so", "c_malloc.c", "-shared", "-fPIC")
        realm = stack.enter_context(Realm())
        stack.enter_context(realm.environ())
        server = stack.enter_context(serve(realm, program))
        near = place_of(server)
        yield Lab(effort, realm, program, clients, near, malloc, wheels, bundled, stack)
