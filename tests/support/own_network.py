"""A network of one's own, where a realm's server has just the ports that it should have.

    python -m tests.support.own_network '{"ports": [4373]}' program argument...

runs the program there, as a member of a realm whose server knows `test test`. It listens on
the given ports of 127.0.0.1, also by the name foo.example.com.
"""

import contextlib
import json
import os
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from remctl.testing import Realm

from tests.support import hosts

COMMANDS = {"test": {"test": "#!/bin/sh\necho hello world\n"}}
HOST = "foo.example.com"


def available() -> bool:
    """Whether this process may make namespaces."""
    return os.geteuid() == 0


def run(ports: Sequence[int], *program: str) -> subprocess.CompletedProcess[str]:
    """Run a program there; what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += hosts.launcher(Path(folder), {"localhost": ["127.0.0.1"], HOST: ["127.0.0.1"]})
        command += [sys.executable, "-m", __name__, json.dumps({"ports": list(ports)})]
        return subprocess.run(
            [*command, *program],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes from one socket to another until they end."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


class Forwarder(socketserver.ThreadingTCPServer):
    """Carries connections on to a port."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, onward: int) -> None:
        self.onward = onward
        super().__init__(("127.0.0.1", port), Forwarding)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Forwarding(socketserver.BaseRequestHandler):
    """Carries one connection on."""

    server: Forwarder

    def handle(self) -> None:
        """Carry bytes both ways until they end."""
        with socket.create_connection(("127.0.0.1", self.server.onward)) as onward:
            thread = threading.Thread(target=copy, args=(onward, self.request), daemon=True)
            thread.start()
            copy(self.request, onward)
            thread.join()


def main(options: str, *program: str) -> int:
    """Set everything up, run the program, and give its exit status."""
    subprocess.run([shutil.which("ip") or "/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
    with Realm() as realm, realm.environ():
        realm.add_principal(f"host/{HOST}")
        with realm.server(COMMANDS) as server:
            for port in json.loads(options)["ports"]:
                Forwarder(port, server.port)
            return subprocess.run(program).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
