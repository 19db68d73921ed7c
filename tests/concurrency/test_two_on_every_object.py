"""Two threads call every method of one object at once: nothing crashes, nothing hangs.

And nothing is raised but what is documented. On a Python without the interpreter lock
(`scripts/dev free-threaded`) they really are in it at the same time.
"""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from remctl import ConnectionPool, Credentials, Remctl, RemctlError, _remctl
from remctl._client import Stream
from remctl.testing import Realm, Server

from tests.support.traces import nothing_left
from tests.support.two import documented, two

ROUNDS = 25

Calls = tuple[Callable[[], object], ...]


def use(client: Remctl) -> Calls:
    """The methods of an object that is connected."""

    def stream() -> None:
        for token in client.stream(["test", "lines", "3"]):
            assert token.type == "status" or (token.output or b"").startswith(b"line")

    def leave() -> None:
        with client.stream(["test", "lines", "3"]) as tokens:
            next(tokens)

    def command_and_output() -> None:
        client.command(["test", "hello"])
        for token in client:
            assert token.type in ("output", "status")

    def run() -> None:
        word = str(threading.get_ident())
        result = client.run(["test", "hello", word])
        assert result.stdout == f"hello {word}\n".encode()

    def look() -> None:
        assert client.opened in (True, False)
        assert client.ready in (True, False)
        assert client.error()
        assert repr(client)
        with contextlib.suppress(RemctlError):
            assert client.fileno() >= 0

    return (
        stream,
        leave,
        command_and_output,
        run,
        run,
        look,
        client.output,
        client.noop,
        lambda: client.set_timeout(20),
    )


def settings(client: Remctl, realm: Realm) -> Calls:
    return (
        lambda: client.set_timeout(None),
        lambda: client.set_ccache(realm.ccache),
        lambda: client.set_source_ip("127.0.0.1"),
    )


def test_remctl(realm: Realm, server: Server) -> None:
    def over_a_socket() -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as ours:
            client.open_socket(ours, "localhost")

    with nothing_left():
        client = Remctl("localhost", server.port)
        two(
            (
                *use(client),
                *settings(client, realm),
                client.close,
                lambda: client.open("localhost", server.port),
                over_a_socket,
            ),
            ROUNDS,
        )
        client.open("localhost", server.port)
        assert client.run(["test", "hello"]).stdout == b"hello world\n"
        client.close()


def ways_to_use(stream: Stream) -> Calls:
    """All of a stream's methods."""

    def read() -> None:
        for token in iter(stream):
            assert token.type in ("output", "status")

    def enter() -> None:
        with stream as same:
            assert same is stream
            next(same, None)

    return read, enter, lambda: next(stream, None), stream.close


def test_stream(server: Server) -> None:
    with nothing_left():
        client = Remctl("localhost", server.port)
        for command in (["test", "lines", "20"], ["test", "status", "3"]):
            for _ in range(ROUNDS):
                two(ways_to_use(client.stream(command)), 1)
        assert client.run(["test", "hello"]).stdout == b"hello world\n"
        client.close()


def ways_to_end(connection: _remctl.Connection, session: _remctl.Session) -> Calls:
    """All that is done with a session, which is what a stream is made on."""

    def read() -> None:
        while connection.output(session)[0] == "output":
            pass
        session.end()

    def leave() -> None:
        connection.leave(session)

    def look() -> None:
        assert not session.inherited

    return read, leave, look


def test_session(server: Server) -> None:
    with nothing_left():
        connection = _remctl.Connection()
        connection.open("localhost", server.port)
        for _ in range(4 * ROUNDS):
            session = connection.stream([b"test", b"lines", b"3"])
            two(ways_to_end(connection, session), 1)
        connection.close()


def test_pool(server: Server) -> None:
    def block() -> None:
        with pool.connection() as client:
            assert client.run(["test", "hello"]).status == 0
            with documented():
                client.open("localhost", server.port)

    def look() -> None:
        stats = pool.stats()
        assert 0 <= stats["pool_size"] <= 3
        assert repr(pool)

    with nothing_left():
        for end in (False, True):
            pool = ConnectionPool("localhost", server.port, min_size=1, max_size=3)
            calls: list[Callable[[], object]] = [
                block,
                look,
                pool.open,
                partial(pool.run, ["test", "status", "0"]),
            ]
            two([*calls, pool.close] if end else calls, ROUNDS)
            if not end:
                assert pool.stats()["requests_errors"] == 0
            pool.close()
            assert pool.stats()["pool_size"] == 0


def test_a_block_of_a_pool(server: Server) -> None:
    """One that is lent to two threads at once, and given back under them."""
    with nothing_left(), ConnectionPool("localhost", server.port, max_size=1) as pool:
        for _ in range(3):
            with pool.connection() as client:
                two(use(client), 3)
        two(use(client), 3)  # which is given back
        assert pool.run(["test", "hello"]).stdout == b"hello world\n"


def ways_to_be(credentials: Credentials, server: Server) -> list[Callable[[], object]]:
    """What tickets are good for."""

    def look() -> None:
        assert repr(credentials)
        assert credentials.valid in (True, False)
        assert credentials.name is None or ":" in credentials.name
        assert credentials.principal is None or "@" in credentials.principal
        assert credentials.expires is None or credentials.expires.year > 2000

    def connect() -> None:
        with Remctl("localhost", server.port, ccache=credentials) as client:
            assert client.run(["test", "status", "0"]).status == 0

    return [look, connect, look]


@pytest.mark.parametrize("closes", [False, True], ids=["used", "closed"])
def test_credentials(realm: Realm, server: Server, closes: bool) -> None:
    principal = f"two{int(closes)}@{realm.name}"
    realm.add_principal(principal, "secret")
    keytab = Credentials.from_keytab(realm.make_keytab(principal))
    for credentials in (keytab, Credentials.from_ccache(realm.ccache)):
        calls = ways_to_be(credentials, server)
        if credentials is keytab:  # a cache of the user's is not ours to renew
            calls.append(credentials.renew)
        if closes:
            calls.append(credentials.close)
        two(calls, 8)
        credentials.close()


def functions_of(handle: _remctl.Handle, realm: Realm, server: Server) -> Calls:
    """The low-level interface, but for the end of a handle."""
    return (
        lambda: _remctl.remctl_open(handle, "localhost", server.port),
        lambda: _remctl.remctl_command(handle, [b"test", b"hello"]),
        lambda: _remctl.remctl_output(handle),
        lambda: _remctl.remctl_output(handle),
        lambda: _remctl.remctl_output(handle),
        lambda: _remctl.remctl_noop(handle),
        lambda: _remctl.remctl_set_timeout(handle, 20),
        lambda: _remctl.remctl_set_ccache(handle, realm.ccache),
        lambda: _remctl.remctl_set_source_ip(handle, "127.0.0.1"),
        lambda: _remctl.remctl_error(handle),
    )


def test_a_low_level_handle(realm: Realm, server: Server) -> None:
    handle = _remctl.remctl_new()
    two(functions_of(handle, realm, server), ROUNDS)
    _remctl.remctl_close(handle)


def or_closed(call: Callable[[], object]) -> Callable[[], object]:
    """A call that may find its handle closed."""

    def made() -> None:
        with contextlib.suppress(ValueError):
            call()

    return made


def test_a_low_level_handle_that_is_closed(realm: Realm, server: Server) -> None:
    for _ in range(ROUNDS):
        handle = _remctl.remctl_new()
        close = partial(_remctl.remctl_close, handle)
        calls: Calls = (*functions_of(handle, realm, server), close)
        two([or_closed(call) for call in calls], 1)
        with pytest.raises(ValueError, match="closed"):
            _remctl.remctl_error(handle)


# Two threads cannot import collections.abc for the first time: CPython makes it by hand, in the
# middle of its parent.
FIRST_USE = """
import collections.abc
import sys, threading
import remctl
start = threading.Barrier(2)
errors = []
def use(names):
    start.wait()
    try:
        for name in names:
            assert getattr(remctl, name) is getattr(remctl, name)
    except BaseException as error:
        errors.append(error)
names = sorted(remctl.__all__)
threads = [threading.Thread(target=use, args=(names[::step],)) for step in (1, -1)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not errors, errors
"""


def test_the_names_of_the_package(tmp_path: Path) -> None:
    """Which are loaded when they are used first."""
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", FIRST_USE], capture_output=True, text=True, cwd=tmp_path
        )
        assert (done.returncode, done.stderr) == (0, "")
