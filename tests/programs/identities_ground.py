"""What the sequences of `identities` stand on: a realm, a server, a way to it, and tickets."""

import contextlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from remctl import remctl
from remctl.testing import Realm

from tests.support.proxy import Proxy

WHO = ["test", "who"]
COMMANDS = {"test": {"who": '#!/bin/sh\necho "$REMOTE_USER"\n'}}

USERS = ["alice", "bob"]

# In each is a keytab, of another client.
FOLDERS = ["first", "second"]
KEYTAB = "client.keytab"


@dataclass
class Ground:
    """What all sequences stand on: a realm, a server, a way to it, and tickets to copy."""

    realm: Realm
    proxy: Proxy
    principal: str
    top: Path
    tickets: dict[tuple[str, bool], bytes]  # by user; with one for the server, or without
    services: dict[str, str] = field(default_factory=dict)  # the keytab's client, by folder
    commands: Counter[str] = field(default_factory=Counter)

    def put(self, cache: Path, user: str, whole: bool) -> None:
        """Fill a cache, in one step."""
        new = self.top / "new"
        new.write_bytes(self.tickets[user, whole])
        new.rename(cache)


@contextlib.contextmanager
def grounds() -> Iterator[Ground]:
    """A realm with two users, and a keytab of another client in each folder."""
    before = Path.cwd()
    with (
        Realm() as realm,
        realm.environ(),
        realm.server(COMMANDS) as server,
        tempfile.TemporaryDirectory(prefix="remctl-identities-") as folder,
        Proxy(("127.0.0.1", server.port)) as proxy,
    ):
        top = Path(folder)
        ground = Ground(realm, proxy, server.principal, top, {})
        for user in USERS:
            realm.add_principal(user, "secret")
            cache = realm.kinit(user, "secret", ccache=top / "new")
            ground.tickets[user, False] = (top / "new").read_bytes()
            remctl(server.host, server.port, command=WHO, ccache=cache)
            ground.tickets[user, True] = (top / "new").read_bytes()
        for name in FOLDERS:
            (top / name).mkdir()
            ground.services[name] = f"service-{name}"
            realm.add_principal(f"service-{name}", "secret")
            realm.make_keytab(f"service-{name}", path=top / name / KEYTAB)
        try:
            yield ground
        finally:
            os.chdir(before)
