"""A world for causes of failures: a realm, a server, a user's tickets, and a client."""

import os
import re
import socket
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from remctl import Remctl
from remctl.testing import Realm, Server

Remedy = Callable[[], object]


def at_peace() -> AbstractContextManager[None]:
    """Nothing is wrong meanwhile."""
    return nullcontext()


@dataclass
class World:
    """A server for any host, a user's cache with a new ticket, and a client that is to connect."""

    realm: Realm
    server: Server
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    host: str = "127.0.4.1"
    principal: str | None = None
    sock: Callable[[], socket.socket] | None = None
    arguments: dict[str, object] = field(default_factory=dict)  # Remctl's, in place of the cache
    timeout: float = 20
    during: Callable[[], AbstractContextManager[None]] = at_peace

    @property
    def ccache(self) -> Path:
        """The user's cache."""
        return self.folder / "ccache"

    def kinit(self, user: str | None = None, *flags: str) -> None:
        """What a user types, in this environment."""
        cache = [] if "ccache" in self.arguments else ["-c", str(self.ccache)]
        command = ["kinit", *cache, *flags, user or self.realm.user]
        password = "secret\n" if user else f"{self.realm.password}\n"
        subprocess.run(command, input=password, text=True, check=True, capture_output=True)

    def configure(self, pattern: str, text: str) -> Remedy:
        """Change krb5.conf; what puts it right again."""
        before = os.environ["KRB5_CONFIG"]
        config = Path(before).read_text()
        changed = re.sub(pattern, text, config)
        assert changed != config
        (self.folder / "krb5.conf").write_text(changed)
        self.monkeypatch.setenv("KRB5_CONFIG", str(self.folder / "krb5.conf"))
        return lambda: self.monkeypatch.setenv("KRB5_CONFIG", before)

    def only_while(self, during: Callable[[], AbstractContextManager[None]]) -> Remedy:
        """Something is wrong for as long as the call lasts; what ends it."""
        self.during = during
        return self.in_peace

    def in_peace(self) -> None:
        """Nothing is wrong any more."""
        self.during, self.timeout = at_peace, 20

    def open(self) -> None:
        """Connect."""
        arguments = self.arguments or {"ccache": self.ccache}
        sock = None if self.sock is None else self.sock()
        with sock or nullcontext(), Remctl(**arguments) as client, self.during():  # type: ignore[arg-type]
            if sock is None:
                client.open(self.host, self.server.port, self.principal, timeout=self.timeout)
            else:
                client.open_socket(sock, self.host, self.principal)
