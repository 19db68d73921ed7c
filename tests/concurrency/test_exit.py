"""The end of an interpreter, in whatever state the connections are."""

import subprocess
import sys

import pytest
from remctl.testing import Server

from tests.fix_network import DeafServer, MuteKdc
from tests.support.processes import for_the_end_of_a_process

SETUP = """
import os, signal, sys, threading, time
from remctl import Remctl, RemctlError, remctl
port = {port}
deaf = {deaf!r}
def client(): return Remctl("localhost", port)
def thread(action, daemon=True):
    def run():
        try: action()
        except RemctlError: pass
    one = threading.Thread(target=run, daemon=daemon)
    one.start()
    return one
"""

ENDS = {
    "open": "c = client()",
    "open, in a cycle": "c = [client()]; c.append(c)",
    "output pending": "c = client(); c.command(['test', 'sleep', '20'])",
    "in a stream": "c = client(); s = c.stream(['test', 'stream', '9', '9']); next(s)",
    "global with a destructor": (
        "class D:\n"
        "    def __init__(self): self.c = client()\n"
        "    def __del__(self): self.c.run(['test', 'hello']); self.c.close()\n"
        "d = D()"
    ),
    "atexit": ("import atexit\nc = client()\natexit.register(c.run, ['test', 'hello'])"),
    "daemons waiting for output": (
        "for _ in range(5):\n"
        "    c = client(); c.command(['test', 'sleep', '20']); thread(c.output)\n"
        "time.sleep(0.2)"
    ),
    "daemons in busy streams": (
        "for _ in range(4):\n"
        "    c = client()\n"
        "    thread(lambda c=c: [None for _ in c.stream(['test', 'bytes', '9' * 12])])\n"
        "time.sleep(0.2)"
    ),
    "daemons connecting over and over": (
        "def loop():\n"
        "    while True: client().run(['test', 'status', '0'])\n"
        "for _ in range(4): thread(loop)\n"
        "time.sleep(0.3)"
    ),
    "daemons in handshakes": (
        "for _ in range(4): thread(lambda: Remctl(deaf[0], deaf[1], 'host/localhost'))\n"
        "time.sleep(0.2)"
    ),
    "daemons waiting for their turn": (
        "c = client()\n"
        "for _ in range(4): thread(lambda: c.run(['test', 'sleep', '20']))\n"
        "time.sleep(0.2)"
    ),
    "a thread that is waited for": "thread(lambda: client().run(['test', 'sleep', '0.3']), False)",
    "SystemExit in a handler": (
        "signal.signal(signal.SIGALRM, lambda *_: sys.exit(0))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.2)\n"
        "client().run(['test', 'sleep', '20'])"
    ),
    "an exception on the way": (
        "c = client(); s = c.stream(['test', 'stream', '9', '9']); next(s)\n"
        "thread(lambda: client().run(['test', 'sleep', '20']))\n"
        "sys.exit(0)"
    ),
}


def run(code: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-c", code],
        capture_output=True,
        text=True,
        timeout=15,
        env=for_the_end_of_a_process(),
    )


@pytest.mark.parametrize("end", ENDS)
def test_no_crash_and_no_hang(server: Server, deaf: DeafServer, end: str) -> None:
    setup = SETUP.format(port=server.port, deaf=(deaf.host, deaf.port))
    for _ in range(3):
        result = run(setup + ENDS[end])
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_while_the_kdc_is_mute(
    server: Server, mute_kdc: MuteKdc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread in the Kerberos library is left behind, and does not keep the process."""
    for name, value in mute_kdc.env.items():
        monkeypatch.setenv(name, value)
    setup = SETUP.format(port=server.port, deaf=None)
    for end in (
        "thread(client)\ntime.sleep(0.3)",
        "c = Remctl()\nc.set_timeout(0.2)\n"
        "try: c.open('localhost', port)\nexcept RemctlError: pass",
    ):
        result = run(setup + end)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_ctrl_c_ends_a_script(server: Server) -> None:
    """As a user sees it: by the signal, at once."""
    code = SETUP.format(port=server.port, deaf=None) + (
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "remctl('localhost', port, None, ['test', 'sleep', '20'])"
    )
    result = run(code)
    assert result.returncode == -2
    assert result.stderr.endswith("KeyboardInterrupt\n")


SUB_INTERPRETER = """
import sys, threading
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
code = '''
try:
    from remctl import Remctl, RemctlError
except ImportError as error:
    assert "interpreter" in str(error), error
else:
    for _ in range(3):
        with Remctl("localhost", {port}) as client:
            assert client.run(["test", "hello"]).stdout == b"hello world\\\\n"
            assert client.noop()
            try:
                client.stream([])
            except ValueError:
                pass
            try:
                Remctl("127.0.0.9", 1)
            except RemctlError:
                pass
'''
{first}
for _ in range(3):
    one = interpreters.create()
    def run():
        {run}
    other = threading.Thread(target=run)
    other.start()
    other.join()
    interpreters.destroy(one)
import signal, os, threading, time
from remctl import Remctl
client = Remctl("localhost", {port})
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
other = threading.Thread(target=lambda: client.run(["test", "sleep", "1"]))
other.start()
time.sleep(0.05)
start = time.monotonic()
try:
    client.run(["test", "hello"])  # waits for its turn
except KeyboardInterrupt:
    assert time.monotonic() - start < 0.5
    print("served")
client.close()
other.join()
"""


@pytest.mark.parametrize("first", ["", "import remctl"], ids=["alone", "after the main one"])
def test_sub_interpreters(server: Server, first: str) -> None:
    """They work, or the import says why not; signals stay the main interpreter's."""
    runner = (
        "failed = interpreters.run_string(one, code)\n        assert not failed, failed"
        if sys.version_info >= (3, 13)
        else "interpreters.run_string(one, code)"
    )
    result = run(SUB_INTERPRETER.format(port=server.port, first=first, run=runner))
    assert result.returncode == 0, result.stderr
    assert result.stdout == "served\n"
