"""The memory of a command is given back with the interpreter lock, whatever the process is."""

import subprocess
import sys

import pytest
from remctl.testing import Server

# A reactor's calls end where there is no lock; the next call that has it gives the memory back.
CODE = """
import sys
from remctl import _remctl
{before}
connection, reactor = _remctl.Connection(), _remctl.Reactor()
connection.open("localhost", int(sys.argv[1]))
data = bytearray(b"hello")
operation = reactor.run(connection, 1, [b"test", data], None)
while not operation.done:
    reactor.wait()
    reactor.dispatch(1, lambda _: None)
assert operation.result()[0] == b"hello world\\n"
try:
    data.append(0)
except BufferError:
    print("held")
reactor.dispatch(0, lambda _: None)
data.append(0)
"""

SUB_INTERPRETER = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
interpreters.destroy(interpreters.create())
"""


@pytest.mark.parametrize("before", ["", SUB_INTERPRETER], ids=["alone", "after a sub-interpreter"])
def test_a_command_is_given_back_with_the_lock(server: Server, before: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(before=before), str(server.port)],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "held\n", "")
