"""A network of one's own, where a realm's server has just the ports that it should have.

    python -m tests.support.own_network '{"ports": [4373], ...}' program argument...

runs the program there, as a member of a realm. Its server listens on the given ports of the
given hosts, each of which has an address and a principal of its own.
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
from collections.abc import Mapping, Sequence
from pathlib import Path

from remctl.testing import Command, Realm

from tests.support import hosts

COMMANDS = {"test": {"test": "#!/bin/sh\necho hello world\n"}}
HOSTS = {"foo.example.com": "127.0.0.1"}


def available() -> bool:
    """Whether this process may make namespaces."""
    return os.geteuid() == 0


def run(
    ports: Sequence[int],
    *program: str,
    servers: Mapping[str, str] = HOSTS,
    silent: Mapping[str, str] | None = None,
    commands: Mapping[str, Mapping[str, object]] = COMMANDS,
    keytabs: Mapping[str, Sequence[str]] | None = None,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run a program there; what it printed.

    `servers` are the addresses of the hosts where the server listens, `silent` those of hosts
    where nobody does; `commands` are the server's: scripts, or the arguments of a `Command`;
    `keytabs` are files below /etc that are there meanwhile, each with the clients it has keys of.
    """
    names = {"localhost": "127.0.0.1", **servers, **(silent or {})}
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "ports": list(ports),
            "servers": dict(servers),
            "commands": commands,
            "keytabs": dict(keytabs or {}),
            "folder": folder,
        }
        command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += hosts.launcher(Path(folder), {name: [at] for name, at in names.items()})
        command += [sys.executable, "-m", __name__, json.dumps(options)]
        return subprocess.run(
            [*command, *program],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes from one socket to another until they end."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


class Forwarder(socketserver.ThreadingTCPServer):
    """Carries connections on to a port of 127.0.0.1."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int, onward: int) -> None:
        self.onward = onward
        super().__init__((address, port), Forwarding)
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


def make_keytabs(realm: Realm, keytabs: Mapping[str, Sequence[str]], folder: Path) -> None:
    """Make keytabs below /etc, on a layer of its own that this mount namespace alone sees."""
    names = Path("/etc/hosts").read_text()  # mounted there, and so not in the layer below
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    layers = [folder / "upper", folder / "work"]
    for layer in layers:
        layer.mkdir()
    where = "lowerdir=/etc,upperdir={},workdir={}".format(*layers)
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", where, "/etc"], check=True)
    Path("/etc/hosts").write_text(names)
    for client in dict.fromkeys(client for clients in keytabs.values() for client in clients):
        realm.add_principal(client)
    for file, clients in keytabs.items():
        Path(file).parent.mkdir()
        realm.make_keytab(*clients, path=file)


def main(text: str, *program: str) -> int:
    """Set everything up, run the program, and give its exit status."""
    options = json.loads(text)
    subprocess.run([shutil.which("ip") or "/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
    with Realm() as realm, realm.environ():
        for name in options["servers"]:
            realm.add_principal(f"host/{name}")
        if options["keytabs"]:
            make_keytabs(realm, options["keytabs"], Path(options["folder"]))
        commands = {
            command: {
                name: Command(**program) if isinstance(program, dict) else program
                for name, program in programs.items()
            }
            for command, programs in options["commands"].items()
        }
        with realm.server(commands) as server:
            for address in options["servers"].values():
                for port in options["ports"]:
                    Forwarder(address, port, server.port)
            return subprocess.run(program).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
