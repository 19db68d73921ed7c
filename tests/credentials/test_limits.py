"""A limit holds while libkrb5 waits: for a lock, for a service, for a KDC."""

import asyncio
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
import remctl
from remctl import Credentials, RemctlError, RemctlTimeoutError
from remctl.testing import Realm, Server

from tests.credentials.conftest import MakeService, Service, hint_of, locked, paused

HELLO = {"test": {"hello": "#!/bin/sh\necho hello\n"}}
COMMAND = ["test", "hello"]
THEIRS = "host/localhost@OTHER.TEST"


def late(call: Callable[[], object]) -> str:
    """The hint of a call that ends at its limit of half a second, in time."""
    start = time.monotonic()
    with pytest.raises((RemctlTimeoutError, RemctlError), match="timed out") as raised:
        call()
    assert 0.4 < time.monotonic() - start < 3
    return raised.value.hint or ""


def is_asked(realm: Realm) -> bool:
    """Whether somebody waits for the answer of a KDC that is paused."""
    config = Path(realm.env["KRB5_CONFIG"]).read_text()
    (port,) = re.findall(r"\bkdc = 127\.0\.0\.1:(\d+)", config)
    sockets = (line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:])
    return any(
        one[1].endswith(f":{int(port):04X}") and not one[4].endswith(":00000000") for one in sockets
    )


async def longest_pause(call: Callable[[], Coroutine[None, None, object]]) -> float:
    """How long an event loop stands still while it waits for an awaitable."""
    task = asyncio.ensure_future(call())
    longest, last = 0.0, time.monotonic()
    while not task.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert isinstance(task.exception(), RemctlError)
    return longest


class TestALockedCache:
    def test_ends_with_the_limit_and_is_named(
        self, realm: Realm, server: Server, tmp_path: Path
    ) -> None:
        ccache = tmp_path / "ccache"
        realm.kinit(ccache=ccache)

        def call() -> object:
            return remctl.remctl(
                server.host, server.port, command=COMMAND, ccache=ccache, timeout=0.5
            )

        async def acall() -> object:
            return await remctl.aremctl(
                server.host, server.port, command=COMMAND, ccache=ccache, timeout=0.5
            )

        with locked(ccache):
            hint = late(call)
            assert "ticket cache" in hint
            assert "locked" in hint
            assert asyncio.run(longest_pause(acall)) < 0.4

    def test_check_ends_with_its_limit(self, realm: Realm, tmp_path: Path) -> None:
        ccache = tmp_path / "ccache"
        realm.kinit(ccache=ccache)
        credentials = Credentials.from_ccache(ccache)
        assert credentials.valid
        with locked(ccache):
            assert "locked" in late(lambda: credentials.check(timeout=0.5))
            assert asyncio.run(longest_pause(lambda: credentials.acheck(timeout=0.3))) < 0.2
            assert credentials.valid  # as of the last look
        assert credentials.check(timeout=10) is True
        ccache.unlink()
        assert credentials.valid
        assert asyncio.run(credentials.acheck()) is False
        assert credentials.valid is False

    def test_of_a_collection_it_is_the_one_that_would_be_used(
        self, realm: Realm, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        realm.add_principal("chosen", "secret")
        (tmp_path / "caches").mkdir(mode=0o700)
        for user, password, name in (("one", None, "tktone"), ("chosen", "secret", "tkttwo")):
            cache = f"DIR::{tmp_path}/caches/{name}"
            realm.kinit(*([] if password is None else [user, password]), ccache=cache)
        (tmp_path / "caches/primary").write_text("tktone\n")
        (tmp_path / ".k5identity").write_text(f"chosen@{realm.name}\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("KRB5CCNAME", f"DIR:{tmp_path}/caches")
        with locked(tmp_path / "caches/tkttwo"):
            hint = late(
                lambda: remctl.remctl(server.host, server.port, command=COMMAND, timeout=0.5)
            )
        assert f"ticket cache DIR:{tmp_path}/caches could not be read" in hint

    def test_is_not_looked_into_for_a_hint_for_long_nor_by_the_loop(
        self, realm: Realm, server: Server, tmp_path: Path
    ) -> None:
        ccache = tmp_path / "ccache"
        realm.kinit(ccache=ccache)

        async def main() -> None:
            call = remctl.aremctl(
                server.host, server.port, "host/nowhere", command=COMMAND, ccache=ccache
            )
            with paused(realm):
                pausing = asyncio.create_task(longest_pause(lambda: asyncio.wait_for(call, 10)))
                while not is_asked(realm):
                    await asyncio.sleep(0.01)
                lock = locked(ccache)
                lock.__enter__()
            try:
                assert await pausing < 0.4
            finally:
                lock.__exit__(None, None, None)

        asyncio.run(main())

    def test_is_looked_into_for_a_moment_by_from_ccache(self, realm: Realm, tmp_path: Path) -> None:
        ccache = tmp_path / "ccache"
        realm.kinit(ccache=ccache)
        with locked(ccache):
            start = time.monotonic()
            credentials = Credentials.from_ccache(ccache)
            assert time.monotonic() - start < 2
            assert not credentials.valid
        assert credentials.check()


class TestALockedKeytab:
    def test_ends_with_the_limit_and_is_named(self, server: Server, service: Service) -> None:
        def call() -> object:
            return remctl.remctl(
                server.host, server.port, command=COMMAND, keytab=service.keytab, timeout=0.5
            )

        async def acall() -> object:
            return await remctl.aremctl(
                server.host, server.port, command=COMMAND, keytab=service.keytab, timeout=0.5
            )

        with locked(service.keytab):
            hint = late(call)
            assert f"keytab FILE:{service.keytab}" in hint
            assert "locked" in hint
            assert asyncio.run(longest_pause(acall)) < 0.4

    def test_is_read_for_a_moment_by_from_keytab(self, service: Service) -> None:
        with locked(service.keytab):
            start = time.monotonic()
            credentials = Credentials.from_keytab(service.keytab)
            other = Credentials.from_keytab(service.keytab, "nobody")
            assert time.monotonic() - start < 2
            assert credentials.principal is None
            assert "locked" in late(lambda: credentials.check(timeout=0.5))
        assert credentials.check(timeout=10) is False
        assert credentials.principal == service.principal
        with pytest.raises(RemctlError, match="has no key of nobody"):
            other.check(timeout=10)


class TestASilentKdc:
    def test_has_so_many_calls_and_no_more(
        self, realm: Realm, server: Server, tmp_path: Path
    ) -> None:
        ccache = tmp_path / "ccache"
        realm.kinit(ccache=ccache)
        before = len(os.listdir("/proc/self/task"))

        async def call() -> str:
            try:
                await remctl.aremctl(
                    server.host, server.port, command=COMMAND, ccache=ccache, timeout=0.3
                )
            except RemctlError as error:
                return str(error)
            return ""

        async def main() -> int:
            most = 0
            for _ in range(10):
                start = time.monotonic()
                said = await asyncio.gather(*(call() for _ in range(20)))
                assert all(text.endswith("timed out") for text in said)
                # Those that wait until they may ask have the same limit.
                assert time.monotonic() - start < 2
                most = max(most, len(os.listdir("/proc/self/task")) - before)
            return most

        with paused(realm):
            assert asyncio.run(main()) < 60  # of 200 calls

    def test_delays_nobody_whose_ticket_is_there(
        self, realm: Realm, server: Server, tmp_path: Path
    ) -> None:
        good, without = tmp_path / "good", tmp_path / "without"
        realm.kinit(ccache=good)
        remctl.remctl(server.host, server.port, command=COMMAND, ccache=good)
        realm.kinit(ccache=without)

        async def call(ccache: Path, timeout: float) -> bool:
            try:
                await remctl.aremctl(
                    server.host, server.port, command=COMMAND, ccache=ccache, timeout=timeout
                )
            except RemctlError:
                return False
            return True

        async def main() -> None:
            assert not any(await asyncio.gather(*(call(without, 0.3) for _ in range(20))))
            assert all(await asyncio.gather(*(call(good, 10) for _ in range(20))))

        with paused(realm):
            asyncio.run(main())

    def test_delays_nobody_of_another_realm(
        self, realm: Realm, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ccache = realm.kinit(ccache=tmp_path / "ccache")

        async def main(theirs: Server, fresh: str) -> None:
            silent = (
                remctl.aremctl(
                    server.host, server.port, command=COMMAND, ccache=ccache, timeout=0.3
                )
                for _ in range(20)
            )
            await asyncio.gather(*silent, return_exceptions=True)
            await remctl.aremctl(
                theirs.host, theirs.port, THEIRS, command=COMMAND, ccache=fresh, timeout=10
            )

        with Realm("OTHER.TEST") as other, other.server(HELLO) as theirs:
            fresh = other.kinit(ccache=tmp_path / "other")
            both = f"{realm.env['KRB5_CONFIG']}:{other.env['KRB5_CONFIG']}"
            monkeypatch.setenv("KRB5_CONFIG", both)
            with paused(realm):
                asyncio.run(main(theirs, fresh))

    def test_one_request_is_enough_for_all_whose_ticket_is_good(
        self, realm: Realm, server: Server, make_service: MakeService
    ) -> None:
        service = make_service(lifetime=240)  # due at once
        credentials = Credentials.from_keytab(service.keytab)
        remctl.remctl(server.host, server.port, command=COMMAND, ccache=credentials)

        def opens() -> float:
            start = time.monotonic()
            remctl.remctl(server.host, server.port, command=COMMAND, ccache=credentials)
            return time.monotonic() - start

        with paused(realm):
            opens()
            assert sum(opens() for _ in range(5)) < 3  # none waits a second again

    def test_that_is_down_is_not_asked_at_every_open(
        self,
        realm: Realm,
        server: Server,
        make_service: MakeService,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        service = make_service(lifetime=240)  # due at once
        credentials = Credentials.from_keytab(service.keytab)
        remctl.remctl(server.host, server.port, command=COMMAND, ccache=credentials)
        config, trace = tmp_path / "krb5.conf", tmp_path / "trace"
        theirs = Path(realm.env["KRB5_CONFIG"]).read_text()
        config.write_text(re.sub(r"(kdc = 127\.0\.0\.1:)\d+", r"\g<1>1", theirs))
        monkeypatch.setenv("KRB5_CONFIG", str(config))
        monkeypatch.setenv("KRB5_TRACE", str(trace))
        for _ in range(3):
            remctl.remctl(server.host, server.port, command=COMMAND, ccache=credentials)
        assert trace.read_text().count("Getting initial credentials for") == 1

    def test_is_not_asked_for_credentials_that_are_closed(
        self, realm: Realm, server: Server, make_service: MakeService
    ) -> None:
        credentials = Credentials.from_keytab(make_service().keytab)
        credentials.close()
        start = time.monotonic()
        with paused(realm), pytest.raises(RemctlError, match="closed"):
            remctl.remctl(server.host, server.port, command=COMMAND, ccache=credentials)
        assert time.monotonic() - start < 0.5

    def test_a_limit_too_short_to_tell_has_no_hint(
        self, realm: Realm, server: Server, tmp_path: Path
    ) -> None:
        ccache = tmp_path / "ccache"
        realm.kinit(ccache=ccache)
        with paused(realm), pytest.raises(RemctlError) as raised:
            remctl.remctl(server.host, server.port, command=COMMAND, ccache=ccache, timeout=0.02)
        assert raised.value.hint is None


class TestAServerWithANewKey:
    def test_is_tried_once_more_with_a_keytab(self, realm: Realm, service: Service) -> None:
        host = "127.0.0.31"
        realm.add_host(host)
        keytab = realm.make_keytab(f"host/{host}")
        with realm.server(HELLO, addresses=[host], keytab=keytab) as server:

            def call(**tickets: object) -> bytes | None:
                return remctl.remctl(host, server.port, command=COMMAND, **tickets).stdout  # type: ignore[arg-type]

            ccache = realm.kinit(ccache=keytab.parent / "ccache")
            assert call(keytab=service.keytab) == call(ccache=ccache) == b"hello\n"
            realm.change_key(f"host/{host}")
            shutil.copy(realm.make_keytab(f"host/{host}"), keytab)
            server.restart()
            assert call(keytab=service.keytab) == b"hello\n"
            with pytest.raises(RemctlError) as raised:
                call(ccache=ccache)
            assert "get new tickets with kinit" in hint_of(raised.value)
            realm.kinit(ccache=keytab.parent / "ccache")
            assert call(ccache=ccache) == b"hello\n"

    def test_that_has_not_the_kdcs_is_told_so(self, realm: Realm, service: Service) -> None:
        host = "127.0.0.32"
        with realm.server(HELLO, addresses=[host]) as server:
            realm.change_key(f"host/{host}")
            with pytest.raises(RemctlError) as raised:
                remctl.remctl(host, server.port, command=COMMAND, keytab=service.keytab)
        assert "server's keytab does not have the key" in hint_of(raised.value)


def test_opens_while_the_kdc_stops_and_goes_on(
    realm: Realm, server: Server, tmp_path: Path
) -> None:
    """Whenever the KDC is stopped, each call ends within its limit, and the last one succeeds."""
    done = threading.Event()
    ccaches = [tmp_path / str(number) for number in range(4)]
    for ccache in ccaches:
        realm.kinit(ccache=ccache)
    fresh = {ccache: ccache.read_bytes() for ccache in ccaches}
    slowest = [0.0]
    failures: set[str] = set()

    def use(ccache: Path) -> None:
        while not done.is_set():
            ccache.write_bytes(fresh[ccache])  # no service ticket: the KDC is asked
            start = time.monotonic()
            try:
                remctl.remctl(server.host, server.port, command=COMMAND, ccache=ccache, timeout=0.2)
            except RemctlError as error:
                failures.add(str(error).rpartition(": ")[2])
            slowest[0] = max(slowest[0], time.monotonic() - start)

    threads = [threading.Thread(target=use, args=(ccache,)) for ccache in ccaches]
    for thread in threads:
        thread.start()
    try:
        for number in range(20):
            with paused(realm):
                done.wait(0.01 * (number % 5))
            done.wait(0.01 * (number % 3))
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert slowest[0] < 3
    assert failures <= {"timed out"}
    assert remctl.remctl(server.host, server.port, command=COMMAND, ccache=ccaches[0], timeout=60)
