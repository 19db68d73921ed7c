"""In a network of their own, with buffers so small that a small command is really cut."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from remctl import Remctl
from remctl.testing import Realm

from tests.fix_hostile import Connection, MakeHostile

SETUP = """
import contextlib, os, sys, time
from tests.support.tun import ip, open_tun
ip("link", "set", "lo", "up")
def tcp(name, value):
    with open("/proc/sys/net/ipv4/tcp_" + name, "w") as file: file.write(value)
from remctl import *
from remctl import remctl
from remctl.testing import Realm
from tests.fix_hostile import Connection, HostileServer
class Known:  # the realm, as far as a made-up server needs it
    name, keytab = sys.argv[1:3]
"""

CUT = """
tcp("wmem", "4096 4096 4096")
tcp("rmem", "4096 4096 4096")
import threading
cut, commands = sys.argv[3], []
go_on = threading.Event()
def script(connection):
    if server.connections == 1:
        assert connection.recv_command() == [b"begin"]
        connection.send_status(0)
        assert len(connection.sock.recv(100)) == 100
        if cut == "silence": go_on.wait(20)
        elif cut == "end": connection.close()
        else: connection.reset()
    else:
        with contextlib.suppress(EOFError):
            commands.append(connection.recv_command())
server = HostileServer(Known, script)
client = Remctl(server.host, server.port, server.principal)
client.set_timeout(3)
assert client.run(["begin"]).status == 0
client.set_timeout(0.5)
small = 30_000  # more than the buffers hold, and less than what needs a helper thread
try:
    client.command([b"x" * small])
except RemctlTimeoutError as error:
    assert cut == "silence", error
    assert str(error) == "error sending token: timed out", error
except RemctlError as error:
    assert cut != "silence", error
    assert str(error) == "error sending token: unexpected end of file", error
else:
    raise AssertionError("it was sent")
time.sleep(0.2)
assert server.connections == 1, server.connections
assert commands == [], commands
client.set_timeout(5)
with contextlib.suppress(RemctlError):
    client.run(["next"])
assert commands == [[b"next"]], commands
print("good")
go_on.set()
client.close()
server.close()
"""

PATIENCE = """
tcp("syn_retries", "1")
_, name = open_tun()  # packets lie in its queue, which nobody reads
ip("addr", "add", "198.18.0.1/24", "dev", name)
ip("link", "set", name, "up")
where = "198.18.0.2", 4373, None, ["test"]
start = time.monotonic()
try: remctl(*where)
except RemctlProtocolError as error: print("the simple call:", error)
assert 2 < time.monotonic() - start < 20
try: Remctl("198.18.0.2", 4373)
except RemctlProtocolError as error: print("wrong:", error)
except RemctlError as error: print("the full interface:", error)
start = time.monotonic()
try: remctl(*where, timeout=0.3)
except RemctlTimeoutError as error: print("a timeout:", error)
assert 0.3 <= time.monotonic() - start < 2
"""


@pytest.fixture(autouse=True)
def service_ticket(realm: Realm, hostile: MakeHostile) -> None:
    """In the cache before the network changes: the KDC is not reached from there."""
    if os.geteuid() != 0:
        pytest.skip("a network of one's own takes root")
    server = hostile(Connection.wait_closed)
    Remctl(server.host, server.port, server.principal).close()


def run(realm: Realm, code: str, *words: str) -> str:
    program = ["unshare", "--net", sys.executable, "-c", SETUP + code]
    done = subprocess.run(
        [*program, realm.name, str(realm.keytab), *words],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("cut", ["end", "reset", "silence"])
def test_a_small_command_that_left_in_part_is_not_sent_again(realm: Realm, cut: str) -> None:
    assert run(realm, CUT, cut) == "good\n"


def test_the_systems_own_patience(realm: Realm) -> None:
    """No timeout was given, so it is not one of ours: as with the old module."""
    refusal = "cannot connect to 198.18.0.2 (port 4373): Connection timed out"
    assert run(realm, PATIENCE).splitlines() == [
        f"the simple call: {refusal}",
        f"the full interface: {refusal}",
        f"a timeout: {refusal}",
    ]
