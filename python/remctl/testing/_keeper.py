"""Talks to the keeper process: see `_keeper_process`."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from remctl.testing import _keeper_process


class Daemon:
    """A running daemon and the file with its output."""

    def __init__(self, keeper: "Keeper", name: str, pid: int, log: Path) -> None:
        self._keeper = keeper
        self.name = name
        self.pid = pid
        self.log = log

    def wait_until(self, ready: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until `ready()` is true; RuntimeError if the daemon ends or the time is up.

        `timeout` is in seconds.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            status = self._keeper.request("status", self.pid)
            if status is not None:
                why = f"ended with status {status}"
            elif time.monotonic() > deadline:
                why = f"not ready after {timeout} seconds"
            else:
                time.sleep(0.002)
                continue
            printed = self.log.read_text(errors="replace")
            raise RuntimeError(f"{self.name} {why}; it printed:\n{printed}")

    def stop(self) -> None:
        """Kill the daemon and its children, and wait until they are gone."""
        self._keeper.request("stop", self.pid)

    def pause(self) -> None:
        """Stop the daemon and its children with SIGSTOP, and wait until they are stopped."""
        self._keeper.request("pause", self.pid)

    def resume(self) -> None:
        """Resume the daemon and its children with SIGCONT."""
        self._keeper.request("resume", self.pid)


class Keeper:
    """The keeper process: it owns a directory, ports and daemons until this process ends."""

    def __init__(self, prefix: str) -> None:
        self.owner: int = os.getpid()
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", _keeper_process.__file__, prefix, str(self.owner)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # so that Ctrl-C at the terminal does not reach it
        )
        self.folder: Path = Path(self._answer(0))

    def request(self, verb: str, *args: Any) -> Any:
        """Send a request to the keeper and return its answer."""
        if os.getpid() != self.owner:
            raise RuntimeError("a realm belongs to the process that opened it, not to its forks")
        with self._lock:
            identity = next(self._ids)
            line = json.dumps({"id": identity, "verb": verb, "args": args})
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(line.encode() + b"\n")
                self._process.stdin.flush()
            except OSError as error:
                raise RuntimeError("the keeper of the realm is gone") from error
            return self._answer(identity)

    def _answer(self, identity: int) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer["id"] != identity:
                continue  # the answer to a request that a signal interrupted
            if "error" in answer:
                raise RuntimeError(answer["error"])
            return answer["result"]
        raise RuntimeError("the keeper of the realm is gone")

    def lease(self, count: int) -> int:
        """Reserve `count` consecutive free ports until the keeper ends; returns the first."""
        return int(self.request("lease", count))

    def start(
        self,
        name: str,
        args: Sequence[str],
        env: Mapping[str, str],
        log: Path,
        listen: Sequence[tuple[str, int]] = (),
    ) -> Daemon:
        """Start a daemon that the keeper owns; its output is appended to `log`.

        It gets listening sockets for the addresses and ports `listen`, like from systemd.
        """
        pid = self.request("start", list(args), dict(env), str(log), list(listen))
        return Daemon(self, name, pid, log)

    def close(self) -> None:
        """End everything that the keeper owns, and wait for it. Does nothing in a fork."""
        if os.getpid() != self.owner:
            return
        # Closing the pipe is not enough: a fork of this process may hold it open.
        with contextlib.suppress(RuntimeError, ValueError):
            self.request("leave")
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait()
