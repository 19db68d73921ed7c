"""Children of a fork that go on with an object of the parent's, at whatever moment they began."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from remctl import Remctl, RemctlError
from remctl.testing import Server

from tests.fix_network import DeafServer
from tests.support.forks import in_child
from tests.support.traces import descriptors, wait_until

pytestmark = pytest.mark.forks

FORKS = 4  # in one call
PATIENCE = 10.0  # seconds; what has not ended by then hangs


@pytest.fixture
def remctl(server: Server) -> Iterator[Remctl]:
    one = Remctl("localhost", server.port)
    yield one
    one.close()


def hello(remctl: Remctl, word: str) -> None:
    assert remctl.run(["test", "hello", word]).stdout == f"hello {word}\n".encode()


def outcome(pid: int) -> int:
    """The exit status of a child as `subprocess` has it; one that hangs is killed: -9."""
    status = 0

    def ended() -> bool:
        nonlocal status
        done, status = os.waitpid(pid, os.WNOHANG)
        return done != 0

    if not wait_until(ended, PATIENCE):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return -signal.SIGKILL
    return os.waitstatus_to_exitcode(status)


class TestAnObjectOfTheParents:
    """The child makes a connection of its own at the next command; the parent's goes on."""

    def test_serves_both(self, remctl: Remctl) -> None:
        number = remctl.fileno()

        def child() -> object:
            for word in ("a", "b"):
                hello(remctl, word)
            assert remctl.noop()
            with remctl.stream(["test", "lines", "3"]) as stream:
                assert list(stream)[-1].status == 0
            return "done"

        for _ in range(3):
            assert in_child(child) == "done"
            hello(remctl, "parent")
            assert remctl.fileno() == number

    def test_serves_children_of_children(self, remctl: Remctl) -> None:
        def child() -> object:
            hello(remctl, "child")
            assert in_child(lambda: hello(remctl, "grandchild")) == "None"
            hello(remctl, "child again")
            return "done"

        assert in_child(child) == "done"
        hello(remctl, "parent")

    def test_keeps_its_settings(self, remctl: Remctl) -> None:
        remctl.set_timeout(0.2)

        def child() -> object:
            with pytest.raises(RemctlError, match="timed out"):
                remctl.run(["test", "sleep", "20"])
            return "done"

        assert in_child(child) == "done"

    def test_leaves_no_descriptor_in_the_child(self, remctl: Remctl) -> None:
        """A connection of its own takes the place of the parent's, and goes as that does."""
        with_connection = len(descriptors())
        own = 3  # the socket, and the pair for the library

        def child() -> object:
            hello(remctl, "child")
            used = len(descriptors())
            remctl.close()
            return f"{used} {len(descriptors())}"

        used, closed = map(int, in_child(child).split())
        # One more for what the child reports over, and one for what wakes its waits.
        assert used <= with_connection + 2
        assert closed <= with_connection + 2 - own

    def test_closes_no_file_of_the_childs(self, remctl: Remctl) -> None:
        """One that has got the number of a copy which the child has closed before."""

        def child() -> object:
            for number in range(3, 64):
                with contextlib.suppress(OSError):
                    os.close(number)
            files = [os.open("/dev/null", os.O_RDONLY) for _ in range(61)]
            with contextlib.suppress(RemctlError):
                remctl.run(["test", "hello"])
            with contextlib.suppress(RemctlError):
                remctl.close()
            for number in files:
                os.fstat(number)
            return "done"

        # What it reports over has a higher number.
        reading, writing = os.pipe()
        os.dup2(writing, 100)
        try:
            pid = os.fork()
            if pid == 0:
                text = "failed"
                try:
                    text = str(child())
                except BaseException as error:
                    text = repr(error)
                finally:
                    os.write(100, text.encode())
                    os._exit(0)
            os.close(100)
            os.close(writing)
            assert outcome(pid) == 0
            assert os.read(reading, 1000) == b"done"
        finally:
            os.close(reading)

    def test_output_pending_belongs_to_the_parent(self, remctl: Remctl) -> None:
        remctl.command(["test", "hello"])

        def child() -> object:
            with pytest.raises(RemctlError, match="parent") as caught:
                remctl.output()
            assert remctl.error() == str(caught.value)
            hello(remctl, "child")
            return "done"

        assert in_child(child) == "done"
        assert remctl.output().output == b"hello world\n"
        assert remctl.output().status == 0

    def test_a_connection_over_a_socket_of_the_callers(self, server: Server) -> None:
        """It cannot be made again, and the error says why."""
        remctl = Remctl()
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            remctl.open_socket(sock, principal=server.principal)

        def child() -> object:
            for _ in range(2):
                with pytest.raises(RemctlError, match=r"parent|open_socket"):
                    remctl.run(["test", "hello"])
            remctl.open("localhost", server.port)
            hello(remctl, "child")
            return "done"

        assert in_child(child) == "done"
        hello(remctl, "parent")
        remctl.close()

    def test_whose_parent_has_gone(self, server: Server) -> None:
        """Connect, fork, leave, and go on in the child, as daemons do."""
        code = (
            "import os, remctl\n"
            f"r = remctl.Remctl('localhost', {server.port})\n"
            "r.run(['test', 'hello'])\n"
            "if os.fork():\n"
            "    os._exit(0)\n"
            "os.setsid()\n"
            "if os.fork():\n"
            "    os._exit(0)\n"
            "for word in 'abc':\n"
            "    print(r.run(['test', 'hello', word]).stdout.decode(), end='')\n"
            "r.close()\n"
        )
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=30
        )
        assert (done.stdout, done.stderr) == ("hello a\nhello b\nhello c\n", "")


def test_two_threads_open_it_in_the_child(server: Server, remctl: Remctl) -> None:
    """No crash, hang or error in any child."""

    def child() -> int:
        failures: list[object] = []
        ready = threading.Barrier(2)

        def work(name: str) -> None:
            ready.wait()
            try:
                remctl.open("127.0.0.1", server.port, server.principal)
                for number in range(2):
                    hello(remctl, f"{name}-{number}")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return 3 if failures else 0

    outcomes: list[int] = []
    for _ in range(60):
        pid = os.fork()
        if pid == 0:
            status = 4
            try:
                status = child()
            finally:
                os._exit(status)
        outcomes.append(outcome(pid))
    assert outcomes == [0] * len(outcomes)
    hello(remctl, "parent")


@pytest.mark.forks_in_a_crowd
@pytest.mark.parametrize("what", ["run", "stream", "open", "noop", "large"])
def test_a_fork_in_a_handler_of_a_call(server: Server, remctl: Remctl, what: str) -> None:
    """While a crowd of threads waits for its turn. The child comes out of the call, and goes on."""
    mine = os.getpid()
    children: list[int] = []
    armed = False
    end = threading.Event()

    def fork(number: int, frame: object) -> None:
        if not armed or os.getpid() != mine:
            return
        if pid := os.fork():
            children.append(pid)
            # One after another and never many, however slow the machine is.
            if len(children) < FORKS:
                signal.setitimer(signal.ITIMER_REAL, 0.005)

    def call() -> None:
        match what:
            case "run":
                remctl.run(["test", "stream", "8", "0.03"])
            case "stream":
                for _ in remctl.stream(["test", "stream", "20", "0.005"]):
                    pass
            case "open":
                remctl.open("localhost", server.port)
            case "noop":
                remctl.noop()
            case "large":
                remctl.run([b"test", b"stdin", bytes(3_000_000)])

    def beside() -> None:
        while not end.is_set():
            with contextlib.suppress(RemctlError):
                remctl.noop()

    def go_on() -> None:
        """In the child: whatever state the object is in, it can be opened and used."""
        remctl.close()
        remctl.open("localhost", server.port)
        hello(remctl, "child")
        remctl.close()

    threads = [threading.Thread(target=beside, daemon=True) for _ in range(60)]
    before = signal.signal(signal.SIGALRM, fork)
    for thread in threads:
        thread.start()
    status = 5
    try:
        until = time.monotonic() + 4
        while time.monotonic() < until:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            try:
                call()
            except RemctlError:
                if os.getpid() == mine:
                    raise
            signal.setitimer(signal.ITIMER_REAL, 0)
            armed = False
            if os.getpid() != mine:
                status = 6
                go_on()
                status = 0
                break
            assert [outcome(pid) for pid in children] == [0] * len(children)
            children.clear()
    finally:
        if os.getpid() != mine:
            os._exit(status)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        end.set()
        for thread in threads:
            thread.join()
    hello(remctl, "parent")


def test_the_childs_waits_end_as_the_parents_do(server: Server, remctl: Remctl) -> None:
    """What ends a wait from another thread is the child's own, and the parent takes none of it."""
    hello(remctl, "parent")

    def child() -> object:
        taken: list[float] = []
        for _ in range(4):
            own = Remctl("localhost", server.port)
            closer = threading.Timer(0.1, own.close)
            start = time.monotonic()
            closer.start()
            with pytest.raises(RemctlError, match="closed during the call"):
                own.run(["test", "sleep", "20"])
            taken.append(time.monotonic() - start)
            closer.join()
        assert min(taken) < 1, taken
        assert max(taken) < 5, taken
        return "done"

    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            child()
            status = 0
        finally:
            os._exit(status)
    # The same thread waits meanwhile in the parent, of what the child has inherited.
    assert remctl.run(["test", "sleep", "1"]).status == 0
    assert outcome(pid) == 0


@pytest.mark.measures
def test_a_child_does_not_wait_for_calls_of_the_parents(deaf: DeafServer, server: Server) -> None:
    """At its end: the thread that was in the library at the fork is not in the child."""
    remctl = Remctl()

    def shake_hands() -> None:
        with contextlib.suppress(RemctlError):
            remctl.open(deaf.host, deaf.port, server.principal)

    thread = threading.Thread(target=shake_hands)
    thread.start()
    assert wait_until(lambda: deaf.connections == 1)
    time.sleep(0.1)

    def leave() -> float:
        pid = os.fork()
        if pid == 0:
            ctypes.CDLL(None).exit(0)
        start = time.monotonic()  # the fork itself may wait for the call
        assert outcome(pid) == 0
        return time.monotonic() - start

    try:
        best = min(leave() for _ in range(8))
    finally:
        remctl.close()
        thread.join()
    assert best < 0.09, best  # exit() gives a call that is on its way a tenth of a second
