"""Connections that are opened with Credentials: `ccache=`, and `keytab=` for short."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import remctl
from remctl import AsyncRemctl, Credentials, Remctl, RemctlError, RemctlTimeoutError
from remctl.testing import Realm, Server

from tests.credentials.conftest import (
    MakeService,
    Service,
    hint_of,
    paused,
    stopped,
    tickets_issued,
)
from tests.support.forks import in_child

ENV = ["test", "env"]


@pytest.fixture(autouse=True)
def no_ticket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user has none that could be used instead."""
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "none"))


def user(result: remctl.RemctlSimpleResult) -> str:
    """Who the server thought that we were."""
    (line,) = (line for line in result.text.splitlines() if line.startswith("REMOTE_USER="))
    return line.partition("=")[2]


def call(server: Server, **arguments: object) -> str:
    return user(remctl.remctl(server.host, server.port, command=ENV, **arguments))  # type: ignore[arg-type]


def connection(server: Server, **arguments: object) -> str:
    with Remctl(server.host, server.port, **arguments) as client:  # type: ignore[arg-type]
        return user(client.run(ENV))


def acall(server: Server, **arguments: object) -> str:
    return user(asyncio.run(remctl.aremctl(server.host, server.port, command=ENV, **arguments)))  # type: ignore[arg-type]


def aconnection(server: Server, **arguments: object) -> str:
    async def main() -> str:
        async with AsyncRemctl(server.host, server.port, **arguments) as client:  # type: ignore[arg-type]
            return user(await client.run(ENV))

    return asyncio.run(main())


@pytest.fixture(params=[call, connection, acall, aconnection])
def way(request: pytest.FixtureRequest) -> Callable[..., str]:
    """Each way to open a connection."""
    chosen: Callable[..., str] = request.param
    return chosen


class TestTheKeywords:
    def test_ccache_takes_credentials(
        self, way: Callable[..., str], server: Server, service: Service
    ) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        assert way(server, ccache=credentials) == service.principal
        assert credentials.valid

    def test_keytab_is_the_short_form(
        self, way: Callable[..., str], server: Server, realm: Realm, service: Service
    ) -> None:
        for keytab in (str(service.keytab), service.keytab):
            assert way(server, keytab=keytab) == service.principal
        assert tickets_issued(realm, service.principal) == 1

    def test_not_both(self, way: Callable[..., str], server: Server, service: Service) -> None:
        with pytest.raises(ValueError, match="give ccache or keytab, not both"):
            way(server, ccache="x", keytab=service.keytab)

    def test_a_keytab_that_cannot_be_read(self, way: Callable[..., str], server: Server) -> None:
        with pytest.raises(RemctlError, match="cannot read the keytab FILE:/nonexistent"):
            way(server, keytab="/nonexistent")

    def test_bad_ones_are_named(self, way: Callable[..., str], server: Server) -> None:
        with pytest.raises(TypeError, match="keytab must be a str, not int"):
            way(server, keytab=7)
        with pytest.raises(TypeError, match="ccache must be a str, not int"):
            way(server, ccache=7)

    def test_credentials_that_are_closed(
        self, way: Callable[..., str], server: Server, service: Service
    ) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        credentials.close()
        with pytest.raises(RemctlError, match="the credentials are closed"):
            way(server, ccache=credentials)

    def test_a_cache_that_something_else_fills(
        self, way: Callable[..., str], server: Server, realm: Realm, tmp_path: Path
    ) -> None:
        credentials = Credentials.from_ccache(tmp_path / "ccache")
        with pytest.raises(RemctlError) as raised:
            way(server, ccache=credentials)
        assert "no ticket cache" in hint_of(raised.value)
        realm.kinit(ccache=tmp_path / "ccache")
        assert way(server, ccache=credentials) == realm.user


class TestRenewal:
    def test_a_ticket_with_time_left_serves_all(
        self, server: Server, realm: Realm, service: Service
    ) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        for _ in range(3):
            assert call(server, ccache=credentials) == service.principal
        assert tickets_issued(realm, service.principal) == 1

    @pytest.mark.parametrize(("lifetime", "issued"), [(290, 2), (330, 1)])
    def test_five_minutes_before_the_end_there_is_a_new_one(
        self,
        server: Server,
        realm: Realm,
        make_service: MakeService,
        lifetime: float,
        issued: int,
    ) -> None:
        service = make_service(lifetime)
        credentials = Credentials.from_keytab(service.keytab)
        for _ in range(2):
            assert call(server, ccache=credentials) == service.principal
        assert tickets_issued(realm, service.principal) == issued

    def test_a_connection_that_is_made_again_has_a_new_ticket(
        self, server: Server, make_service: MakeService
    ) -> None:
        service = make_service(lifetime=10)
        credentials = Credentials.from_keytab(service.keytab)
        with Remctl(server.host, server.port, ccache=credentials) as client:
            assert user(client.run(ENV)) == service.principal
            first = credentials.expires
            assert first is not None
            deadline = time.monotonic() + 20
            while credentials.valid:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            with client.stream(["test", "stream"]):
                pass  # left early: the connection is dropped
            assert user(client.run(ENV)) == service.principal
            assert credentials.valid
            assert credentials.expires is not None
            assert credentials.expires > first

    def test_64_threads_that_open_while_it_renews_have_a_ticket_each(
        self, server: Server, make_service: MakeService
    ) -> None:
        service = make_service(lifetime=200)  # due again at once
        credentials = Credentials.from_keytab(service.keytab)
        start = threading.Barrier(64)
        seen: list[str] = []

        def use() -> None:
            start.wait()
            for _ in range(3):
                seen.append(call(server, ccache=credentials))

        threads = [threading.Thread(target=use) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [service.principal] * (64 * 3)

    def test_so_have_64_tasks(self, server: Server, make_service: MakeService) -> None:
        service = make_service(lifetime=200)
        credentials = Credentials.from_keytab(service.keytab)

        async def use() -> str:
            result = await remctl.aremctl(server.host, server.port, command=ENV, ccache=credentials)
            return user(result)

        async def main() -> list[str]:
            return await asyncio.gather(*(use() for _ in range(64)))

        assert asyncio.run(main()) == [service.principal] * 64

    def test_an_open_connection_outlives_its_cache(self, server: Server, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        with Remctl(server.host, server.port, ccache=credentials) as client:
            credentials.renew()
            credentials.close()
            assert user(client.run(ENV)) == service.principal


class TestTheKdcGone:
    def test_a_good_ticket_is_used(self, server: Server, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        call(server, ccache=credentials)
        with stopped(realm):
            assert call(server, ccache=credentials) == service.principal
        assert call(server, ccache=credentials) == service.principal

    def test_one_that_is_due_is_used_too(
        self, server: Server, realm: Realm, make_service: MakeService
    ) -> None:
        service = make_service(lifetime=200)
        credentials = Credentials.from_keytab(service.keytab)
        call(server, ccache=credentials)
        with stopped(realm):
            for _ in range(3):
                assert call(server, ccache=credentials) == service.principal

    def test_and_a_silent_one_delays_it_for_a_moment_once(
        self, server: Server, realm: Realm, make_service: MakeService
    ) -> None:
        service = make_service(lifetime=200)
        credentials = Credentials.from_keytab(service.keytab)
        call(server, ccache=credentials)
        with paused(realm):
            start = time.monotonic()
            assert call(server, ccache=credentials) == service.principal
            assert time.monotonic() - start < 5

    def test_without_a_ticket_it_fails_and_comes_back(
        self, server: Server, realm: Realm, service: Service
    ) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        with stopped(realm), pytest.raises(RemctlError, match="Cannot contact any KDC") as raised:
            call(server, ccache=credentials)
        assert f"No KDC of the realm {realm.name} can be reached" in hint_of(raised.value)
        assert call(server, ccache=credentials) == service.principal


class TestASilentKdc:
    def test_ends_with_the_timeout(
        self, way: Callable[..., str], server: Server, realm: Realm, service: Service
    ) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        with paused(realm):
            start = time.monotonic()
            with pytest.raises(RemctlTimeoutError) as raised:
                way(server, ccache=credentials, timeout=0.2)
            assert time.monotonic() - start < 2
        assert "has answered in time" in hint_of(raised.value)

    def test_ends_with_ctrl_c(self, server: Server, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        sent = 0.0

        def interrupt() -> None:
            nonlocal sent
            sent = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)

        with paused(realm):
            timer = threading.Timer(0.3, interrupt)
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                connection(server, ccache=credentials)
            assert time.monotonic() - sent < 0.5
            timer.join()

    def test_ends_with_close(self, server: Server, realm: Realm, service: Service) -> None:
        client = Remctl(ccache=Credentials.from_keytab(service.keytab))
        with paused(realm):
            timer = threading.Timer(0.3, client.close)
            timer.start()
            with pytest.raises(RemctlError, match="closed"):
                client.open(server.host, server.port)
            timer.join()

    def test_blocks_no_loop(self, server: Server, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)

        async def main() -> str:
            with paused(realm):
                opening = asyncio.ensure_future(
                    remctl.aremctl(server.host, server.port, command=ENV, ccache=credentials)
                )
                start = time.monotonic()
                for _ in range(10):
                    await asyncio.sleep(0.01)
                assert time.monotonic() - start < 1
                assert not opening.done()
            return user(await opening)

        assert asyncio.run(main()) == service.principal


def test_the_child_of_a_fork_gets_its_own(server: Server, service: Service) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    with Remctl(server.host, server.port, ccache=credentials) as client:
        name = credentials.name

        def child() -> str:
            answer = user(client.run(ENV))  # on a connection of its own
            assert credentials.name != name
            return answer

        assert in_child(child) == service.principal
        assert user(client.run(ENV)) == service.principal
        assert credentials.name == name


def test_the_short_form_in_the_child_of_a_fork(server: Server, service: Service) -> None:
    assert call(server, keytab=service.keytab) == service.principal
    assert in_child(lambda: call(server, keytab=service.keytab)) == service.principal
