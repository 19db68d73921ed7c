"""A connection, a pool and a run keep the identity of their first connection."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from remctl import (
    AsyncConnectionPool,
    AsyncRemctl,
    ConnectionPool,
    Credentials,
    Remctl,
    RemctlError,
    Target,
    arun_many,
    run_many,
)
from remctl.testing import Server

from tests.asynchronous.conftest import LOOPS
from tests.fix_protocol1 import Protocol1Server
from tests.support.forks import in_child
from tests.support.meanwhile import Relay
from tests.support.processes import wait_until
from tests.support.users import WHO, Users, who

ENV = "#!/bin/sh\nenv\n"


@pytest.fixture(params=LOOPS.values(), ids=list(LOOPS))
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """The loop that an asynchronous test runs in: each in turn."""
    return request.param


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

    def test_also_where_the_parent_has_connected_again(
        self, users: Users, own_server: Server
    ) -> None:
        """With other tickets, which set_ccache() has named."""
        with Remctl(own_server.host, own_server.port) as client:
            client.set_ccache(users.cache("bob"))
            own_server.restart()
            assert who(client.run(WHO)) == "bob"
            users.get_ticket("alice", users.cache("bob"))

            def refused() -> bool:
                with pytest.raises(RemctlError, match="alice@"):
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


def test_tickets_that_change_during_authentication_are_an_error(
    users: Users, server: Server
) -> None:
    relay = Relay(server, lambda: users.get_ticket("bob", users.cache("alice")))
    with relay, Remctl() as client:
        with pytest.raises(RemctlError, match=r"alice@.* are now bob@"):
            client.open("127.0.0.1", relay.port, server.principal)
        assert not client.opened


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
