"""The keeper: a process that owns everything that must not outlive the process that started it.

It creates a temporary directory, reserves ports and starts daemons. When it is told to end, or
when the process that started it is gone for any reason (even `kill -9`), it kills all processes
below it, removes the directory and exits.

It is run as a script and uses only the standard library. It reads requests from standard input
and writes answers to standard output, one JSON object per line.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Below the ports that Linux uses for outgoing connections (by default 32768 and up).
PORTS = range(20000, 32700)

# The descriptors at which a daemon gets its listening sockets, by systemd's convention. They
# are kept open here, so that nothing else gets these numbers.
HANDED = range(3, 131)
QUEUE = 1024

_prctl: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl


def processes() -> Iterator[tuple[int, int, int, bytes]]:
    """The id, the parent's id, the session and the state of every process that is not a zombie."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
            state, parent, _group, session = stat.read().rpartition(b")")[2].split()[:4]
            if state not in (b"Z", b"X"):
                yield int(name), int(parent), int(session), state


def send(pid: int, number: int) -> None:
    """Send a signal to a process, which may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def lock_port(port: int) -> socket.socket | None:
    """A lock on a port number, held until the socket is closed; None if it is taken.

    The lock is a socket in the abstract namespace: like the port, it belongs to the network
    namespace and not to a user, and the kernel releases it with its last owner.
    """
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lock.bind(f"\0remctl.testing/port/{port}")
        for family, kind in (
            (socket.AF_INET, socket.SOCK_STREAM),
            (socket.AF_INET, socket.SOCK_DGRAM),
            (socket.AF_INET6, socket.SOCK_STREAM),
        ):
            if family == socket.AF_INET6 and not has_ipv6():
                continue
            with socket.socket(family, kind) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(("", port))
    except OSError:
        lock.close()
        return None
    return lock


def has_ipv6() -> bool:
    """Whether this machine supports IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def listening(address: str, port: int) -> socket.socket:
    """A listening socket with a long queue."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(QUEUE)
    except OSError:
        sock.close()
        raise
    return sock


class Keeper:
    """The daemons, the directory and the ports of one realm."""

    def __init__(self, prefix: str) -> None:
        self.folder = tempfile.mkdtemp(prefix=prefix)
        with open(os.devnull, "rb") as null:
            self.null = fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, HANDED.stop)
        self.handed_over()
        self.locks: list[socket.socket] = []
        self.daemons: dict[int, subprocess.Popen[bytes]] = {}
        self.ended: dict[int, int] = {}
        self.leaving = False

    def leave(self) -> None:
        """End after this request is answered."""
        self.leaving = True

    def lease(self, count: int) -> int:
        """Reserve consecutive free ports; returns the first one."""
        for _ in range(1000):
            first = random.choice(PORTS)
            locks: list[socket.socket] = []
            for port in range(first, first + count):
                if (lock := lock_port(port)) is None:
                    break
                locks.append(lock)
            else:
                self.locks += locks
                return first
            for lock in locks:
                lock.close()
        raise RuntimeError(f"no {count} free ports in a row found in {PORTS}")

    def handed_over(self) -> None:
        """Close our copies of a daemon's listening sockets."""
        for descriptor in HANDED:
            os.dup2(self.null, descriptor, inheritable=False)

    def start(
        self, args: list[str], env: dict[str, str], log: str, listen: list[tuple[str, int]]
    ) -> int:
        """Start a daemon in a new session; returns its process id.

        Its output is appended to the file `log`. It gets listening sockets for the addresses
        and ports `listen` by systemd's convention.
        """
        if len(listen) > len(HANDED):
            raise ValueError(f"a server can listen at {len(HANDED)} addresses, not {len(listen)}")
        handed = HANDED[: len(listen)]
        if listen:
            wrapper = f'LISTEN_PID=$$ LISTEN_FDS={len(listen)} exec "$@"'
            args = ["/bin/sh", "-c", wrapper, "sh", *args]
        try:
            for descriptor, where in zip(handed, listen, strict=True):
                with listening(*where) as sock:
                    os.dup2(sock.fileno(), descriptor, inheritable=False)
            return self.spawn(args, env, log, handed)
        finally:
            self.handed_over()

    def spawn(self, args: list[str], env: dict[str, str], log: str, handed: Sequence[int]) -> int:
        """The last step of `start`."""
        with open(log, "ab") as output:
            daemon = subprocess.Popen(
                args,
                pass_fds=handed,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=lambda: _prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
            )
        self.daemons[daemon.pid] = daemon
        return daemon.pid

    def status(self, pid: int) -> int | None:
        """The exit status of a daemon, negative for a signal; None while it runs."""
        self.reap()
        return self.ended.get(pid)

    def stop(self, pid: int) -> None:
        """Kill a daemon and everything in its session, and wait until it is gone."""
        while alive := [one for one, _, session, _ in processes() if session == pid]:
            for one in alive:
                send(one, signal.SIGKILL)
            time.sleep(0.001)
        while self.status(pid) is None:
            time.sleep(0.001)
        del self.daemons[pid], self.ended[pid]

    def pause(self, pid: int) -> None:
        """Stop a daemon and everything in its session, and wait until all are stopped."""
        while running := self._running(pid):
            for one in running:
                send(one, signal.SIGSTOP)
            time.sleep(0.001)

    def _running(self, session: int) -> list[int]:
        """The processes of a session that are not stopped."""
        found = [one for one in processes() if one[2] == session]
        # A process that waits in vfork() for a stopped child will stop when the child
        # continues.
        vforked = {parent for _, parent, _, state in found if state == b"T"}
        return [
            pid
            for pid, _, _, state in found
            if state != b"T" and not (state == b"D" and pid in vforked)
        ]

    def resume(self, pid: int) -> None:
        """Resume a daemon and everything in its session."""
        for one, _, session, _ in processes():
            if session == pid:
                send(one, signal.SIGCONT)

    def reap(self) -> None:
        """Reap the children that have ended: daemons, and their orphans."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if pid in self.daemons:
                    self.ended[pid] = os.waitstatus_to_exitcode(status)

    def end(self) -> None:
        """Kill everything below this process and remove the directory.

        This process is a subreaper: the children of a child that dies become its own children,
        so when it has no children there are no processes left.
        """
        with contextlib.suppress(ChildProcessError):
            while True:
                for pid, parent, _, _ in processes():
                    if parent == os.getpid():
                        send(pid, signal.SIGKILL)
                os.waitpid(-1, 0)
        for _ in range(100):  # a tool started by the dead parent may still be writing
            shutil.rmtree(self.folder, ignore_errors=True)
            if not os.path.exists(self.folder):
                break
            time.sleep(0.01)

    def answer(self, line: bytes) -> dict[str, Any]:
        """Handle one request."""
        request = json.loads(line)
        answer: dict[str, Any] = {"id": request["id"]}
        try:
            answer["result"] = getattr(self, request["verb"])(*request["args"])
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        return answer


def requests(parent: int, idle: Callable[[], None]) -> Iterator[bytes]:
    """The lines from standard input, until its end or the death of the parent.

    `idle` is called now and then.
    """
    poll = select.poll()
    poll.register(0, select.POLLIN)
    with contextlib.suppress(OSError, AttributeError):
        poll.register(os.pidfd_open(parent), select.POLLIN)
    pending = b""
    while os.getppid() == parent:
        # The end of standard input is not enough: a fork of the parent may hold it open.
        ready = {descriptor for descriptor, _ in poll.poll(1000)}
        idle()
        if not ready:
            continue
        if ready != {0}:
            return
        data = os.read(0, 65536)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        yield from lines


def main(prefix: str, parent: int) -> None:
    """Serve one parent."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not SIG_IGN, which the daemons and their commands would inherit.
        signal.signal(number, lambda *_: None)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    keeper = Keeper(prefix)
    try:
        print(json.dumps({"id": 0, "result": keeper.folder}), flush=True)
        for line in requests(parent, keeper.reap):
            print(json.dumps(keeper.answer(line)), flush=True)
            if keeper.leaving:
                break
    except BrokenPipeError:
        pass
    finally:
        keeper.end()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
