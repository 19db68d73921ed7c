"""A command whose connection is cut after so many bytes: what the client says, and what ran.

    python -m tests.programs.cuts [bytes]

cuts one whose argument has so many, two pieces of it unless told otherwise, after each of its
bytes, on a connection each. It takes some minutes.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from remctl import RemctlError, RemctlTimeoutError
from remctl.testing import Realm

from tests.programs.worlds import Blocking
from tests.support.obliging import ObligingServer
from tests.support.proxy import UP, Proxy

MakeWorld = Callable[[], Any]

TWO_PIECES = 66_000


@dataclass(frozen=True)
class Where:
    """What a world opens."""

    host: str
    port: int
    principal: str


class Trial:
    """One command after another on a new connection each, through a proxy that cuts it."""

    def __init__(self, make_world: MakeWorld, server: ObligingServer, how: str = "open") -> None:
        self._make_world, self._server, self._how = make_world, server, how
        self._number = 0

    def run(
        self, proxy: Proxy, count: int, direction: str, cut: Callable[[Proxy], None], *more: bytes
    ) -> tuple[bool | None, bool]:
        """What `may_have_run` says, or None after an answer; and whether the command ran."""
        self._number += 1
        nonce = b"%06d of many" % self._number
        world = self._make_world()
        world.set_timeout(20)
        getattr(world, self._how)(Where(proxy.host, proxy.port, self._server.principal))
        if cut is Proxy.pause:
            world.set_timeout(0.15)
        if count:
            proxy.after(count, direction, cut)
        said: bool | None = None
        try:
            world.run([b"answer", nonce, *more])
        except RemctlTimeoutError as error:
            assert cut is Proxy.pause
            said = error.may_have_run
        except RemctlError as error:
            assert cut is not Proxy.pause
            said = error.may_have_run
        proxy.cut()
        if cut is Proxy.pause:
            proxy.resume()
        self._server.wait_for_end()
        assert self._server.record.count(nonce) <= 1
        ran = nonce in self._server.record
        assert ran if said is None else said or not ran, (count, direction)
        return said, ran

    def lengths(self, *more: bytes) -> dict[str, int]:
        """How many bytes such a command and its answer are."""
        with Proxy((self._server.host, self._server.port)) as proxy:
            world = self._make_world()
            getattr(world, self._how)(Where(proxy.host, proxy.port, self._server.principal))
            proxy.resume()  # an order like others: what has passed is counted then
            before = dict(proxy.count)
            world.run([b"answer", b"000000 of many", *more])
            proxy.resume()
            return {direction: proxy.count[direction] - before[direction] for direction in before}


def main(size: int = TWO_PIECES) -> None:
    """Cut a command after each of its bytes, and print how often it was said that it may run."""
    world = Blocking()

    def closed() -> Blocking:
        world.close()
        return world

    data = b"x" * size
    said: Counter[bool | None] = Counter()
    with Realm() as realm, realm.environ():
        server = ObligingServer(realm)
        trial = Trial(closed, server)
        length = trial.lengths(data)[UP]
        with Proxy((server.host, server.port)) as proxy:
            for count in range(1, length + 1):
                answer, ran = trial.run(proxy, count, UP, Proxy.cut, data)
                assert ran is (count == length), count
                said[answer] += 1
        world.end()
        server.close()
    print(f"{length} bytes of a command, cut after each: run by the last alone.")
    print(f"may_have_run was True {said[True]} times, and False {said[False]} times.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
