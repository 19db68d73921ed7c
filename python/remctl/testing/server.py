"""`Server`: a real remctld."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from remctl.testing._callbacks import Callbacks
from remctl.testing._keeper import Daemon, Keeper
from remctl.testing._tools import find
from remctl.testing.commands import Commands, configuration

EVERY_IPV4 = "0.0.0.0"


class Server:
    """A remctld on the loopback interface; created by `Realm.server`, used with `with`.

    Attributes:
        host: the name to connect to: `localhost`, or the first of `addresses` if the server
            does not listen on 127.0.0.1; it matches libremctl's default principal.
        port: the port it listens on, on each of `addresses`.
        principal: the principal of `host`, with its realm.
        addresses: the addresses that it listens on.
        keytab: the file with its keys, which it reads for each connection.
        folder: the directory with its configuration, scripts and log.
    """

    def __init__(
        self,
        keeper: Keeper,
        commands: Commands,
        *,
        realm: str,
        keytab: Path,
        env: Mapping[str, str],
        addresses: Sequence[str] = ("127.0.0.1",),
        port: int | None = None,
        debug: bool = False,
        launcher: Sequence[str] = (),
    ) -> None:
        self.addresses: tuple[str, ...] = tuple(addresses)
        local = not {"127.0.0.1", EVERY_IPV4}.isdisjoint(self.addresses)
        self.host: str = "localhost" if local else self.addresses[0]
        self.principal: str = f"host/{self.host}@{realm}"
        self.keytab: Path = keytab
        self.port: int = keeper.lease(1) if port is None else port
        self.folder: Path = Path(tempfile.mkdtemp(prefix="server-", dir=keeper.folder))
        self.config: Path = self.folder / "remctld.conf"
        self._callbacks = Callbacks(self.folder)
        self.config.write_text(
            configuration(commands, self.folder / "scripts", self._callbacks.script)
        )
        self._keeper = keeper
        self._env = dict(env)
        self._debug = debug
        self._launcher = launcher
        self._daemon: Daemon | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the remctld that accepts connections; None if it is stopped."""
        return None if self._daemon is None else self._daemon.pid

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        if self._daemon is not None:
            raise RuntimeError("the server runs already")
        # remctld writes its pid file, in one go, when it listens.
        ready = self.folder / "pid"
        ready.unlink(missing_ok=True)
        remctld = find("remctld")
        args = [*self._launcher, remctld, "-m", "-F", "-S"]
        args += ["-p", str(self.port), "-P", str(ready)]
        args += ["-k", str(self.keytab), "-f", str(self.config)]
        for address in self.addresses:
            args += ["-b", address]
        if self._debug:
            args.append("-d")
        # Its own sockets have a queue of 5: of many simultaneous clients, the sixth waits a
        # second until its SYN is sent again. So it gets better sockets, if it was built with
        # support for that.
        better = not self._launcher and b"sd_listen_fds" in Path(remctld).read_bytes()
        listen = [(address, self.port) for address in self.addresses] if better else []
        self._callbacks.open(self.host, self.port)
        self._daemon = self._keeper.start("remctld", args, self._env, self._log, listen)
        self._daemon.wait_until(ready.exists)

    def stop(self) -> None:
        """Kill the server with its connections and commands, and wait until they are gone."""
        if self._daemon is not None:
            daemon, self._daemon = self._daemon, None
            daemon.stop()
        self._callbacks.close()

    def restart(self) -> None:
        """Stop the server and start it again on the same port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Pause the server with its connections and commands, with SIGSTOP.

        The kernel still accepts connections, but nobody answers, like a host that hangs.
        """
        self._running().pause()

    def resume(self) -> None:
        """Resume a paused server with SIGCONT."""
        self._running().resume()

    def _running(self) -> Daemon:
        if self._daemon is None:
            raise RuntimeError("the server does not run")
        return self._daemon

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    @property
    def exceptions(self) -> list[BaseException]:
        """The exceptions that commands written in Python have raised, the oldest first."""
        return self._callbacks.exceptions

    def log(self) -> str:
        """The server's log so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def __enter__(self) -> Server:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Do nothing in a fork: the server belongs to the other process.
        if os.getpid() == self._keeper.owner:
            self.stop()

    def __repr__(self) -> str:
        state = f"pid {self.pid}" if self.pid else "stopped"
        return f"<remctl.testing.Server {self.host}:{self.port}, {state}>"
