"""Fork: the connection stays with the parent; the child may open its own."""

import gc
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from remctl import Remctl, RemctlError
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.support.forks import in_child
from tests.support.traces import descriptors, wait_until

PENDING = "output that was pending when the process was forked belongs to the parent"
PARENTS = "the stream belongs to the parent process"

pytestmark = pytest.mark.forks


@pytest.fixture
def remctl(server: Server) -> Remctl:
    return Remctl("localhost", server.port)


def close(remctl: list[Remctl]) -> None:
    remctl[0].close()
    assert not remctl[0].opened


def collect(remctl: list[Remctl]) -> None:
    remctl.clear()
    gc.collect()


def leave(remctl: list[Remctl]) -> None:
    """The object is there when the child ends."""


def leave_the_block(remctl: list[Remctl]) -> None:
    with remctl[0]:
        pass


def use(remctl: list[Remctl]) -> None:
    """What was pending is the parent's; the next command makes a connection of the child's own."""
    for read in (remctl[0].output, remctl[0].__iter__().__next__):
        with pytest.raises(RemctlError, match=PENDING):
            read()
    assert PENDING in remctl[0].error()
    assert remctl[0].opened
    assert remctl[0].run(["test", "hello", "child"]).stdout == b"hello child\n"
    assert remctl[0].noop()
    assert remctl[0].output().type == "done"


CHILDS = [close, collect, leave, leave_the_block, use]


@pytest.mark.parametrize("childs", CHILDS)
def test_the_parents_connection_goes_on(
    server: Server, childs: Callable[[list[Remctl]], None]
) -> None:
    # The list holds the only reference of the child's to its copy.
    held = [Remctl("localhost", server.port)]
    held[0].command(["test", "hello"])
    number = held[0].fileno()
    in_child(lambda: childs(held))
    assert held[0].fileno() == number
    assert held[0].output().output == b"hello world\n"
    assert held[0].output().status == 0
    assert held[0].run(["test", "hello", "again"]).stdout == b"hello again\n"


@pytest.mark.parametrize("late", ["", "sys.late = s; del s\n"], ids=["as it comes", "late"])
def test_a_child_that_exits_in_good_order(server: Server, late: str) -> None:
    """With an interpreter's whole end, not `os._exit`; destructors may run when little is left."""
    code = (
        "import os, sys, remctl\n"
        f"r = remctl.Remctl('localhost', {server.port})\n"
        "s = r.stream(['test', 'stream', '3', '0.1'])\n"
        "next(s)\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        f"    {late or 'pass'}\n"
        "    sys.exit(7)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7\n"
        "assert list(s)[-1].status == 0\n"
        "print(r.run(['test', 'hello']).stdout)\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, timeout=30
    )
    assert (result.stdout, result.stderr) == (b"b'hello world\\n'\n", b"")


def test_the_child_opens_a_connection_of_its_own(server: Server, remctl: Remctl) -> None:
    def child() -> object:
        with Remctl("localhost", server.port) as fresh:
            assert fresh.run(["test", "hello", "child"]).stdout == b"hello child\n"
        # The object itself serves too, once it is opened here.
        remctl.open("localhost", server.port)
        assert remctl.run(["test", "hello", "child"]).stdout == b"hello child\n"
        remctl.close()
        return "done"

    assert in_child(child) == "done"
    assert remctl.run(["test", "hello"]).stdout == b"hello world\n"


def test_the_child_has_no_copies(remctl: Remctl) -> None:
    """They are closed before anything else happens there, whether or not the object is used."""
    socket = descriptors()[str(remctl.fileno())]  # its number may be another file's there
    mine = len(descriptors())

    def child() -> object:
        assert socket not in descriptors().values()
        return mine - len(descriptors())

    # The socket and both ends of the pair, at least.
    assert int(in_child(child)) >= 3


def test_numbers_that_are_other_files_by_then_stay_open(remctl: Remctl, tmp_path: Path) -> None:
    remctl.fileno()

    def child() -> object:
        files = [open(tmp_path / str(i), "w") for i in range(10)]  # noqa: SIM115
        remctl.run(["test", "hello"])
        remctl.close()
        gc.collect()
        for file in files:
            file.write("still open")
            file.close()
        return "done"

    assert in_child(child) == "done"


def squat() -> list[socket.socket]:
    """Sockets of the child's own at every low number that is free; nobody writes to them."""
    sockets: list[socket.socket] = []
    while not sockets or sockets[-1].fileno() < 64:
        sockets += socket.socketpair()
    return sockets


def left_alone(sockets: list[socket.socket]) -> bool:
    """Whether they are open, and nothing came through any of them."""
    for each in sockets:
        with pytest.raises(BlockingIOError):
            each.recv(1, socket.MSG_DONTWAIT)
    return True


@pytest.mark.parametrize("childs", CHILDS)
def test_nothing_is_said_on_numbers_that_are_other_files_by_then(
    server: Server, childs: Callable[[list[Remctl]], None]
) -> None:
    """No goodbye on one, and none shut: the library has kept the parent's numbers."""
    held = [Remctl("localhost", server.port)]
    held[0].command(["test", "hello"])

    def child() -> bool:
        sockets = squat()
        childs(held)
        return left_alone(sockets)

    assert in_child(child) == "True"
    assert held[0].output().output == b"hello world\n"


def test_nothing_is_said_on_them_where_the_fork_was_in_the_middle_of_a_call(
    server: Server, remctl: Remctl
) -> None:
    """The child comes out of the call, and gives up the connection that it was made on."""
    sockets: list[socket.socket] = []

    def child() -> bool:
        mine = os.getpid()

        def fork(number: int, frame: object) -> None:
            if os.fork() == 0:
                sockets.extend(squat())

        signal.signal(signal.SIGALRM, fork)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        status = 1
        try:
            remctl.open("localhost", server.port)
            remctl.run(["test", "stream", "2", "0.3"])
            status = os.waitstatus_to_exitcode(os.wait()[1])
        except RemctlError:
            status = 0 if left_alone(sockets) else 1
        finally:
            if os.getpid() != mine:
                os._exit(status)
        return status == 0

    assert in_child(child) == "True"


def test_a_socket_of_the_callers_in_the_child(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        client = Remctl()
        client.open_socket(sock, "localhost")

    def child() -> object:
        with pytest.raises(RemctlError, match=r"stays with it.*use open_socket"):
            client.run(["test", "hello"])
        return "done"

    assert in_child(child) == "done"
    assert client.run(["test", "hello"]).stdout == b"hello world\n"


def test_the_parent_goes_and_the_child_goes_on(server: Server) -> None:
    """As daemons do it, and servers that fork their workers."""
    code = (
        "import os, sys, time, remctl\n"
        f"r = remctl.Remctl('localhost', {server.port})\n"
        "assert r.run(['test', 'hello']).status == 0\n"
        "if os.fork():\n"
        "    os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork():\n"
        "    os._exit(0)\n"
        "print(r.run(['test', 'hello', 'daemon']).text, end='', flush=True)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30)
    assert (result.stdout, result.stderr) == (b"hello daemon\n", b"")


def test_a_stream_in_the_child(server: Server, remctl: Remctl) -> None:
    """Using it raises; leaving it, or losing it, says nothing and harms nobody."""
    stream = [remctl.stream(["test", "stream", "3", "0.1"])]
    next(stream[0])

    def child() -> object:
        unraisable: list[object] = []
        sys.unraisablehook = unraisable.append
        with pytest.raises(RemctlError, match=PARENTS):
            next(stream[0])
        stream.clear()
        gc.collect()
        return unraisable

    assert in_child(child) == "[]"
    assert list(stream[0])[-1].status == 0

    stream[0] = remctl.stream(["test", "stream", "3", "0.1"])

    def lose() -> object:
        unraisable: list[object] = []
        sys.unraisablehook = unraisable.append
        stream.clear()
        gc.collect()
        return unraisable

    assert in_child(lose) == "[]"
    assert b"".join(token.output or b"" for token in stream[0]) == b"line 1\nline 2\nline 3\n"


@pytest.mark.forks_in_a_crowd
@pytest.mark.parametrize("childs", [*CHILDS[:4], "open"], ids=lambda c: getattr(c, "__name__", c))
def test_fork_while_other_threads_are_at_it(
    server: Server, remctl: Remctl, childs: Callable[[list[Remctl]], None] | str
) -> None:
    """One thread waits for an answer, others for their turn."""
    results: list[bytes | None] = []

    def run() -> None:
        results.append(remctl.run(["test", "stream", "2", "0.2"]).stdout)

    others = [threading.Thread(target=run) for _ in range(3)]
    for other in others:
        other.start()
    assert wait_until(lambda: remctl._connection.pending)
    held = [remctl]

    def child() -> object:
        if isinstance(childs, str):
            held[0].open("localhost", server.port)
            held[0].run(["test", "hello"])
        else:
            childs(held)
        return "done"

    assert in_child(child) == "done"
    for other in others:
        other.join()
    assert results == [b"line 1\nline 2\n"] * 3


def test_the_end_of_the_connection_reaches_the_server(hostile: MakeHostile) -> None:
    """Even while a child still holds a copy of it."""
    ended = threading.Event()

    def script(connection: Connection) -> None:
        connection.recv_command()
        connection.wait_closed()
        ended.set()

    server = hostile(script)
    remctl = Remctl(server.host, server.port, server.principal)
    stream = remctl.stream(["test"])
    pid = os.fork()
    if pid == 0:
        signal.pause()
    try:
        stream.close()
        assert ended.wait(5)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def work(remctl: Remctl | None, port: int, word: str) -> str:
    """What the workers of the pool do."""
    if remctl is not None:
        return (remctl.run(["test", "hello", word]).stdout or b"").decode()
    with Remctl("localhost", port) as own:
        return (own.run(["test", "hello", word]).stdout or b"").decode()


before_the_pool: Remctl | None = None


def work_with_global(port: int, word: str) -> str:
    return work(before_the_pool, port, word)


def test_multiprocessing(server: Server, remctl: Remctl) -> None:
    """With connections opened before the workers are forked, and after."""
    global before_the_pool
    before_the_pool = remctl
    try:
        with multiprocessing.get_context("fork").Pool(3) as pool:
            after = Remctl("localhost", server.port)
            tasks = [(server.port, str(number)) for number in range(9)]
            answers = pool.starmap(work_with_global, tasks)
            assert after.run(["test", "hello"]).stdout == b"hello world\n"
    finally:
        before_the_pool = None
    assert answers == [f"hello {number}\n" for number in range(9)]
    assert remctl.run(["test", "hello"]).stdout == b"hello world\n"


def test_fork_in_a_signal_handler_of_a_call(server: Server, remctl: Remctl, tmp_path: Path) -> None:
    """The child comes to itself in the middle of the parent's call."""
    note = tmp_path / "child"

    pid = -1

    def fork(number: int, frame: object) -> None:
        nonlocal pid
        pid = os.fork()

    mine = os.getpid()
    before = signal.signal(signal.SIGALRM, fork)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        result = remctl.run(["test", "stream", "2", "0.3"])
    except BaseException as error:
        if os.getpid() != mine:
            note.write_text(f"{type(error).__name__}: {error}")
            os._exit(0)
        raise
    finally:
        if os.getpid() != mine:
            os._exit(1)
        signal.signal(signal.SIGALRM, before)
    assert result.stdout == b"line 1\nline 2\n"
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert note.read_text().startswith("RemctlError: the process was forked in the middle")
