"""A deadline that passes while the whole answer is there already, so that nothing is waited for."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from tests.fix_hostile import Connection, MakeHostile

SO_SNDBUFFORCE = 32  # of Linux, beyond the limit for all
TOKENS = 60_000  # which take longer to read than a look at the time takes to come round
DEADLINE = 0.6

CODE = """
import os, sys, remctl
host, port, principal = sys.argv[1], int(sys.argv[2]), sys.argv[3]
try:
    got = len(remctl.remctl(host, port, principal, [str(os.getpid())], timeout={DEADLINE}).stdout)
except remctl.RemctlTimeoutError as error:
    print(error)
else:
    print("got", got)
"""


@pytest.mark.parametrize("late", [True, False])
def test_of_the_simple_call(hostile: MakeHostile, late: bool) -> None:
    """Its process is stopped until the deadline has passed, and the answer has come meanwhile."""
    if os.geteuid() != 0:
        pytest.skip("a socket that holds so much takes root")

    def script(connection: Connection) -> None:
        connection.sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 100_000_000)
        (number,) = connection.recv_command()
        os.kill(int(number), signal.SIGSTOP)
        start = time.monotonic()
        plain = b"\2\3\1" + struct.pack("!I", 1) + b"x"
        count = TOKENS if late else 10
        connection.send_raw(
            b"".join(connection.wrap(plain) for _ in range(count)) + connection.wrap(b"\2\4\0")
        )
        if late:
            time.sleep(max(0.0, start + DEADLINE - time.monotonic()))
        os.kill(int(number), signal.SIGCONT)
        connection.wait_closed()

    server = hostile(script)
    # On time it gets a deadline that is never near.
    code = CODE.replace("{DEADLINE}", str(DEADLINE if late else 60))
    arguments = [server.host, str(server.port), server.principal]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    expected = "error receiving token: timed out" if late else "got 10"
    assert done.stdout.strip() == expected
