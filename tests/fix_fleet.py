"""A fleet of more than 300 targets, of all kinds that there are."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from remctl.testing import Command, Realm

from tests.fix_protocol1 import Protocol1Server
from tests.fix_realm import ENVIRONMENT, PROGRAMS


@dataclass
class Fleet:
    """The targets, written as for -H: each has its port.

    Attributes:
        alive: those where the commands of the tests run (`tests/data/commands`), and
            `test pid`, which prints another number each time.
        refusing: where all of that is denied.
        dead: where nobody listens.
        silent: where a connection is accepted and nothing is said.
        old: one that speaks protocol 1, and answers to `test hello` as the others do.
        principals: of those whose principal is not the default.
        port: the port of most of those that are alive.
    """

    port: int
    alive: list[str] = field(default_factory=list)
    refusing: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    principals: dict[str, str] = field(default_factory=dict)

    @property
    def all(self) -> list[str]:
        """All of them."""
        return [*self.alive, *self.refusing, *self.dead, *self.silent, *self.old]

    def write(self, path: Path) -> Path:
        """Write them all to a file as for --hosts."""
        lines = [f"{host} {self.principals.get(host, '')}\n" for host in self.all]
        path.write_text("# The fleet.\n\n" + "".join(lines))
        return path


def addresses(net: int, count: int) -> list[str]:
    """Addresses of 127.0.<net>.0/24."""
    return [f"127.0.{net}.{number}" for number in range(1, count + 1)]


@pytest.fixture(scope="session")
def fleet(realm: Realm) -> Iterator[Fleet]:
    """The fleet, made once for the session."""
    many, few, deny = addresses(1, 200), addresses(2, 20), addresses(5, 20)
    realm.add_host(*many, *few, *deny, *addresses(4, 30))
    commands = PROGRAMS | {"pid": "#!/bin/sh\necho $$\n"}
    denied = {name: Command("/bin/true", acl=("deny:ANYUSER",)) for name in commands}
    port = realm.keeper.lease(1)
    with (
        realm.server({"test": commands}, addresses=["0.0.0.0"], env=ENVIRONMENT) as first,
        realm.server({"test": commands}, addresses=["0.0.0.0"], env=ENVIRONMENT) as second,
        realm.server({"test": denied}, addresses=["0.0.0.0"]) as third,
        socket.create_server(("0.0.0.0", 0), backlog=512) as deaf,
        contextlib.closing(Protocol1Server(realm, lambda _: (b"hello world\n", 0))) as protocol1,
    ):
        old = f"127.0.0.1:{protocol1.port}"
        yield Fleet(
            port=first.port,
            alive=[f"{one}:{first.port}" for one in many] + [f"{one}:{second.port}" for one in few],
            refusing=[f"{one}:{third.port}" for one in deny],
            dead=[f"{one}:{port}" for one in addresses(3, 40)],
            silent=[f"{one}:{deaf.getsockname()[1]}" for one in addresses(4, 30)],
            old=[old],
            principals={old: protocol1.principal},
        )
