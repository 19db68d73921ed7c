"""A real remctld."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from remctl.testing._keeper import Daemon
from remctl.testing._tools import find
from remctl.testing.commands import Commands, configuration

if TYPE_CHECKING:
    from remctl.testing.realm import Realm


class Server:
    """A remctld on the loopback interface; made by `Realm.server`, used with `with`.

    Attributes:
        host: the name to connect to, `localhost` or the first of `addresses` if the server
            has no IPv4; the default principal of libremctl fits it.
        port: the port it listens on, on each of `addresses`.
        principal: the principal that it has keys for, written out with its realm.
        addresses: the addresses that it listens on.
        folder: the folder with its configuration, scripts and log.
    """

    def __init__(
        self,
        realm: Realm,
        commands: Commands,
        *,
        addresses: tuple[str, ...] = ("127.0.0.1",),
        env: Mapping[str, str] | None = None,
        debug: bool = False,
        launcher: Sequence[str] = (),
    ) -> None:
        self.realm = realm
        self.addresses = addresses
        self.host: str = "localhost" if "127.0.0.1" in addresses else addresses[0]
        self.principal: str = f"host/{self.host}@{realm.name}"
        self.port: int = realm.keeper.lease(1)
        self.folder: Path = realm.folder / f"server-{self.port}"
        self.folder.mkdir()
        self.config: Path = self.folder / "remctld.conf"
        self.config.write_text(configuration(commands, self.folder / "scripts"))
        self._env = {**realm.daemon_env, **(env or {})}
        self._debug = debug
        self._launcher = launcher
        self._daemon: Daemon | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the remctld that accepts connections; None when it is stopped."""
        return None if self._daemon is None else self._daemon.pid

    def start(self) -> None:
        """Start the server and return as soon as it accepts connections."""
        if self._daemon is not None:
            raise RuntimeError("the server runs already")
        # remctld writes its pid file when it listens, and never a part of it.
        ready = self.folder / "pid"
        ready.unlink(missing_ok=True)
        args = [*self._launcher, find("remctld"), "-m", "-F", "-S"]
        args += ["-p", str(self.port), "-P", str(ready)]
        args += ["-k", str(self.realm.keytab), "-f", str(self.config)]
        for address in self.addresses:
            args += ["-b", address]
        if self._debug:
            args.append("-d")
        self._daemon = self.realm.keeper.start("remctld", args, self._env, self._log)
        self._daemon.wait_until(ready.exists)

    def stop(self) -> None:
        """Kill the server with every connection and command; return when they are gone."""
        if self._daemon is not None:
            daemon, self._daemon = self._daemon, None
            daemon.stop()

    def restart(self) -> None:
        """Stop the server and start it again on the same port."""
        self.stop()
        self.start()

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def log(self) -> str:
        """All that the server has logged so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def __enter__(self) -> Server:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Nothing to do in a fork: the server is the other process's.
        if os.getpid() == self.realm.owner:
            self.stop()

    def __repr__(self) -> str:
        state = f"pid {self.pid}" if self.pid else "stopped"
        return f"<remctl.testing.Server {self.host}:{self.port}, {state}>"
