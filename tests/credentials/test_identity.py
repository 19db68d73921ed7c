"""The identity of a call is settled when it is made, and a connection keeps it."""

import contextlib
import os
import platform
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint
from remctl import (
    AsyncConnectionPool,
    AsyncRemctl,
    ConnectionPool,
    Credentials,
    Remctl,
    RemctlError,
    Target,
    aremctl,
    arun_many,
    remctl,
    run_many,
)
from remctl.testing import Realm, Server

from tests.asynchronous.conftest import LOOPS
from tests.credentials.conftest import MakeService, Service, paused
from tests.fix_protocol1 import Protocol1Server
from tests.support.forks import in_child
from tests.support.processes import wait_until

PPOLL = {"x86_64": "271", "aarch64": "73"}[platform.machine()]
WHO = ["test", "env"]
ENV = "#!/bin/sh\nenv\n"


@pytest.fixture(params=LOOPS.values(), ids=list(LOOPS))
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """The loop that an asynchronous test runs in: each in turn."""
    return request.param


@dataclass(frozen=True)
class Users:
    """Two users of the realm, and a cache of each."""

    realm: Realm
    folder: Path

    def cache(self, user: str) -> str:
        """The cache that holds the tickets of this user at first."""
        return f"FILE:{self.folder / user}"

    def get_ticket(self, user: str, cache: str) -> None:
        """Put a new ticket of the user into a cache, in place of anybody's."""
        self.realm.kinit(user, "secret", ccache=cache)

    def name(self, user: str) -> str:
        """The user's principal."""
        return f"{user}@{self.realm.name}"


@pytest.fixture(scope="session")
def _two(realm: Realm) -> None:
    for user in ("alice", "bob"):
        realm.add_principal(user, "secret")


@pytest.fixture
def users(realm: Realm, _two: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Users:
    """Alice, whose cache is the default one, and Bob."""
    users = Users(realm, tmp_path)
    for user in ("alice", "bob"):
        users.get_ticket(user, users.cache(user))
    monkeypatch.setenv("KRB5CCNAME", users.cache("alice"))
    return users


def who(result: object) -> str:
    """Whose the command was, by what `test env` has printed."""
    (line,) = (one for one in result.text.splitlines() if one.startswith("REMOTE_USER="))  # type: ignore[attr-defined]
    return str(line.partition("=")[2].partition("@")[0])


def until_it_waits(thread: threading.Thread) -> None:
    """Wait until the thread's call waits, the interpreter lock given back, or is over."""
    deadline = time.monotonic() + 20
    while thread.is_alive():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            now = Path(f"/proc/self/task/{thread.native_id}/syscall").read_text()
            if now.startswith(PPOLL):
                return
        assert time.monotonic() < deadline
        time.sleep(0.001)


class TestACall:
    """Its default cache is that of the moment when it is made."""

    def test_of_a_thread(
        self, users: Users, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Remctl(server.host, server.port) as client:
            stream = client.stream(["test", "lines", "2"])  # until it is closed the others wait
            thread = threading.Thread(target=client.open, args=(server.host, server.port))
            thread.start()
            until_it_waits(thread)
            monkeypatch.setenv("KRB5CCNAME", users.cache("bob"))
            stream.close()
            thread.join()
            assert who(client.run(WHO)) == "alice"

    @pytest.mark.anyio
    async def test_of_a_task(
        self, users: Users, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with AsyncRemctl(server.host, server.port) as client, anyio.create_task_group() as g:
            async with client.stream(["test", "lines", "2"]):
                g.start_soon(client.open, server.host, server.port)
                await checkpoint()
                monkeypatch.setenv("KRB5CCNAME", users.cache("bob"))
            while client._loop is None or not client.opened:
                await checkpoint()
            assert who(await client.run(WHO)) == "alice"

    def test_of_each_thread_when_each_sets_the_variable(self, users: Users, server: Server) -> None:
        # The interpreter does not change threads between the two lines of a call.
        wrong = []
        lock = threading.Lock()

        def call(user: str) -> None:
            for _ in range(15):
                with lock:
                    os.environ["KRB5CCNAME"] = users.cache(user)
                    client = Remctl()
                    opening = threading.Thread(target=client.open, args=(server.host, server.port))
                    opening.start()
                    until_it_waits(opening)
                opening.join()
                with client:
                    if who(client.run(WHO)) != user:
                        wrong.append(user)

        threads = [threading.Thread(target=call, args=(user,)) for user in ("alice", "bob")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []

    @pytest.mark.anyio
    async def test_of_each_task_when_each_sets_the_variable(
        self, users: Users, server: Server
    ) -> None:
        wrong = []

        async def call(user: str) -> None:
            for _ in range(15):
                os.environ["KRB5CCNAME"] = users.cache(user)
                if who(await aremctl(server.host, server.port, command=WHO)) != user:
                    wrong.append(user)

        async with anyio.create_task_group() as all:
            all.start_soon(call, "alice")
            all.start_soon(call, "bob")
        assert wrong == []


class TestAConnection:
    """It goes on as the client that it was opened as, or says why it does not."""

    @pytest.fixture(params=["protocol 2", "protocol 1"])
    def client(self, request: pytest.FixtureRequest, users: Users) -> Iterator[Remctl]:
        """A connection that was opened as Alice, and has to connect again."""
        client = Remctl()
        if request.param == "protocol 2":
            own_server: Server = request.getfixturevalue("own_server")
            client.open(own_server.host, own_server.port)
            client.run(["test", "hello"])
            own_server.restart()
        else:
            old: Protocol1Server = request.getfixturevalue("protocol1")
            client.open("127.0.0.1", old.port, old.principal)
            client.run(["one"])
        with client:
            yield client

    def test_whatever_the_variable_says(
        self, client: Remctl, users: Users, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KRB5CCNAME", "FILE:/nonexistent")
        assert client.run(["test", "hello"]).status == 0

    def test_with_new_tickets_of_the_same_client(self, client: Remctl, users: Users) -> None:
        users.get_ticket("alice", users.cache("alice"))
        assert client.run(["test", "hello"]).status == 0

    def test_never_with_those_of_another(self, client: Remctl, users: Users) -> None:
        users.get_ticket("bob", users.cache("alice"))
        for _ in range(2):
            with pytest.raises(RemctlError) as raised:
                client.run(["test", "hello"])
            assert users.name("alice") in str(raised.value)
            assert users.name("bob") in str(raised.value)
            assert not raised.value.may_have_run

    def test_until_it_is_told_which_cache_to_use(self, client: Remctl, users: Users) -> None:
        client.set_ccache(users.cache("bob"))
        assert client.run(["test", "hello"]).status == 0

    def test_until_it_is_opened_again(self, users: Users, server: Server) -> None:
        with Remctl(server.host, server.port) as client:
            users.get_ticket("bob", users.cache("alice"))
            client.open(server.host, server.port)
            assert who(client.run(WHO)) == "bob"

    def test_also_with_a_cache_that_was_named(self, users: Users, own_server: Server) -> None:
        for cache in (users.cache("bob"), Credentials.from_ccache(users.cache("bob"))):
            with Remctl(own_server.host, own_server.port, ccache=cache) as client:
                users.get_ticket("alice", users.cache("bob"))
                own_server.restart()
                with pytest.raises(RemctlError, match="alice@"):
                    client.run(WHO)
            users.get_ticket("bob", users.cache("bob"))

    def test_also_in_the_child_of_a_fork(self, users: Users, server: Server) -> None:
        with Remctl(server.host, server.port) as client:
            os.environ["KRB5CCNAME"] = users.cache("bob")
            assert in_child(lambda: who(client.run(WHO))) == "alice"
            users.get_ticket("bob", users.cache("alice"))

            def refused() -> bool:
                with pytest.raises(RemctlError, match="bob@"):
                    client.run(WHO)
                return True

            assert in_child(refused)

    @pytest.mark.anyio
    async def test_also_in_an_event_loop(self, users: Users, own_server: Server) -> None:
        async with AsyncRemctl(own_server.host, own_server.port) as client:
            os.environ["KRB5CCNAME"] = users.cache("bob")
            own_server.restart()
            assert who(await client.run(WHO)) == "alice"
            users.get_ticket("bob", users.cache("alice"))
            own_server.restart()
            with pytest.raises(RemctlError, match="bob@"):
                await client.run(WHO)


class TestACollection:
    """Which of its caches is used is settled by the first open, too."""

    @pytest.fixture
    def folder(self, users: Users, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A collection of both users' caches; the primary one is Alice's."""
        folder = tmp_path / "caches"
        folder.mkdir(mode=0o700)
        for user in ("alice", "bob"):
            users.get_ticket(user, f"DIR::{folder}/tkt{user}")
        (folder / "primary").write_text("tktalice\n")
        monkeypatch.setenv("KRB5CCNAME", f"DIR:{folder}")
        monkeypatch.setenv("HOME", str(tmp_path))
        return folder

    def test_whatever_becomes_its_primary_one(self, folder: Path, own_server: Server) -> None:
        host, port = own_server.host, own_server.port
        with Remctl(host, port) as client, ConnectionPool(host, port, min_size=0) as pool:
            assert who(pool.run(WHO)) == "alice"
            (folder / "primary").write_text("tktbob\n")
            own_server.restart()
            assert who(client.run(WHO)) == "alice"
            assert who(pool.run(WHO)) == "alice"
            client.open(host, port)
            assert who(client.run(WHO)) == "bob"

    def test_until_that_one_has_gone(self, folder: Path, own_server: Server) -> None:
        with Remctl(own_server.host, own_server.port) as client:
            (folder / "primary").write_text("tktbob\n")
            (folder / "tktalice").unlink()
            own_server.restart()
            with pytest.raises(RemctlError, match=r"bob@.*alice@"):
                client.run(WHO)

    def test_among_many_hosts_each_has_the_one_that_is_chosen_for_it(
        self, users: Users, folder: Path, tmp_path: Path
    ) -> None:
        chosen = {"127.0.3.1": "alice", "127.0.3.2": "bob"}
        lines = (f"{users.name(user)} host={host}\n" for host, user in chosen.items())
        (tmp_path / ".k5identity").write_text("".join(lines))
        users.realm.add_host(*chosen)
        everywhere = users.realm.server({"test": {"env": ENV}}, addresses=["0.0.0.0"])
        with everywhere as server:
            targets = [Target(host, server.port) for host in chosen] * 2
            seen = [(o.target.host, who(o.check())) for o in run_many(targets, WHO, limit=1)]
        assert seen == list(chosen.items()) * 2


class TestASlowKdc:
    """It never makes a call that of the default cache's client."""

    @pytest.fixture
    def tickets(self, server: Server, users: Users, service: Service) -> Iterator[Credentials]:
        """Credentials without a ticket; the default cache has one for the server."""
        with Remctl(server.host, server.port):
            credentials = Credentials.from_keytab(service.keytab)
            with paused(users.realm):
                yield credentials

    def test_a_connection(self, tickets: Credentials, server: Server) -> None:
        client = Remctl(ccache=tickets)
        with pytest.raises(RemctlError, match="cannot get a ticket"):
            client.open(server.host, server.port, timeout=0.3)

    def test_a_call(self, tickets: Credentials, server: Server) -> None:
        with pytest.raises(RemctlError, match="cannot get a ticket"):
            remctl(server.host, server.port, command=WHO, ccache=tickets, timeout=0.3)

    def test_a_pool(self, tickets: Credentials, server: Server) -> None:
        pool = ConnectionPool(server.host, server.port, ccache=tickets, min_size=0)
        with pool, pytest.raises(RemctlError):
            pool.run(WHO, timeout=0.3)

    def test_a_run(self, tickets: Credentials, server: Server) -> None:
        targets = [Target(server.host, server.port)] * 2
        outcomes = list(run_many(targets, WHO, ccache=tickets, timeout=0.3))
        assert [outcome.result for outcome in outcomes] == [None, None]

    @pytest.mark.anyio
    async def test_in_an_event_loop(self, tickets: Credentials, server: Server) -> None:
        with pytest.raises(RemctlError, match="cannot get a ticket"):
            await aremctl(server.host, server.port, command=WHO, ccache=tickets, timeout=0.3)

    def test_with_a_ticket_that_is_due_it_is_the_old_ones(
        self, server: Server, users: Users, make_service: MakeService
    ) -> None:
        service = make_service(lifetime=240)  # due at once
        credentials = Credentials.from_keytab(service.keytab)
        credentials.renew()
        name = service.principal.partition("@")[0]
        remctl(server.host, server.port, command=WHO, ccache=credentials)
        with paused(users.realm):
            assert who(remctl(server.host, server.port, command=WHO, ccache=credentials)) == name


class Relay:
    """A way to a server, which does something in the middle of the first authentication."""

    def __init__(self, server: Server, meanwhile: Callable[[], object]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._server = server
        self._meanwhile = meanwhile
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> "Relay":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was shut down
            while True:
                near, _ = self._listener.accept()
                thread = threading.Thread(target=self._carry, args=(near, len(self._threads) == 1))
                self._threads.append(thread)
                thread.start()

    def _carry(self, near: socket.socket, first: bool) -> None:
        with near, socket.create_connection((self._server.host, self._server.port)) as far:
            if first:
                token = b""
                while len(token) < 200:  # beyond the first one, which is empty
                    token += near.recv(65536)
                self._meanwhile()
                far.sendall(token)
            while True:
                ready, _, _ = select.select([near, far], [], [])
                for sock in ready:
                    data = sock.recv(65536)
                    if not data:
                        return
                    (far if sock is near else near).sendall(data)


def test_tickets_that_change_during_authentication_are_an_error(
    users: Users, server: Server
) -> None:
    relay = Relay(server, lambda: users.get_ticket("bob", users.cache("alice")))
    with relay, Remctl() as client:
        with pytest.raises(RemctlError, match=r"alice@.* are now bob@"):
            client.open("127.0.0.1", relay.port, server.principal)
        assert not client.opened


class TestSettingTickets:
    """The last that was set counts."""

    def test_credentials_after_a_cache(
        self, users: Users, server: Server, service: Service
    ) -> None:
        client = Remctl(ccache=users.cache("bob"))
        client.set_ccache(Credentials.from_keytab(service.keytab))
        client.open(server.host, server.port)
        with client:
            assert who(client.run(WHO)) == service.principal.partition("@")[0]

    def test_a_cache_after_credentials(
        self, users: Users, server: Server, service: Service
    ) -> None:
        client = Remctl(ccache=Credentials.from_keytab(service.keytab))
        client.set_ccache(users.cache("bob"))
        client.open(server.host, server.port)
        with client:
            assert who(client.run(WHO)) == "bob"


class TestAPool:
    """All of its connections are one client's."""

    def test_whatever_the_variable_says(self, users: Users, server: Server) -> None:
        with ConnectionPool(server.host, server.port, min_size=0) as pool:
            os.environ["KRB5CCNAME"] = users.cache("bob")
            with pool.connection() as one, pool.connection() as another:
                assert (who(one.run(WHO)), who(another.run(WHO))) == ("alice", "alice")

    def test_or_an_error(self, users: Users, server: Server) -> None:
        with ConnectionPool(server.host, server.port, min_size=0) as pool, pool.connection():
            users.get_ticket("bob", users.cache("alice"))
            with pytest.raises(RemctlError, match=r"bob@.*alice@"):
                pool.run(WHO)
            users.get_ticket("alice", users.cache("alice"))
            assert who(pool.run(WHO)) == "alice"

    @pytest.mark.anyio
    async def test_in_an_event_loop(self, users: Users, server: Server) -> None:
        async with AsyncConnectionPool(server.host, server.port, min_size=0) as pool:
            os.environ["KRB5CCNAME"] = users.cache("bob")
            async with pool.connection() as one:
                assert who(await one.run(WHO)) == "alice"
                users.get_ticket("bob", users.cache("alice"))
                with pytest.raises(RemctlError, match=r"bob@.*alice@"):
                    await pool.run(WHO)


class TestARun:
    """All of its hosts see one client."""

    def test_whatever_the_variable_says(self, users: Users, server: Server) -> None:
        seen = []
        for outcome in run_many([Target(server.host, server.port)] * 4, WHO, limit=1):
            seen.append(who(outcome.check()))
            os.environ["KRB5CCNAME"] = users.cache("bob")
        assert seen == ["alice"] * 4

    def test_or_an_error(self, users: Users, server: Server) -> None:
        run = run_many([Target(server.host, server.port)] * 2, WHO, limit=1)
        assert who(next(run).check()) == "alice"
        users.get_ticket("bob", users.cache("alice"))
        error = next(run).error
        assert error is not None
        assert "bob@" in str(error)
        assert not error.may_have_run

    @pytest.mark.anyio
    async def test_in_an_event_loop(self, users: Users, server: Server) -> None:
        seen = []
        async for outcome in arun_many([Target(server.host, server.port)] * 3, WHO, limit=1):
            seen.append(who(outcome.check()))
            os.environ["KRB5CCNAME"] = users.cache("bob")
        assert seen == ["alice"] * 3


def test_a_pool_s_first_two_connections_are_one_client_s(users: Users, server: Server) -> None:
    # Both are opened at once, and each has looked at the cache before the other was open. The
    # one that is open first says who the pool is; the other one is not used.
    seen: list[str] = []

    def meanwhile() -> None:
        users.get_ticket("bob", users.cache("alice"))
        seen.append(who(pool.run(WHO)))
        users.get_ticket("alice", users.cache("alice"))

    with Relay(server, meanwhile) as relay:
        pool = ConnectionPool("127.0.0.1", relay.port, server.principal, min_size=0, max_size=2)
        with pool:
            seen.append(who(pool.run(WHO)))
            wait_until(lambda: len(seen) == 2)
            assert seen == ["bob", "bob"]
