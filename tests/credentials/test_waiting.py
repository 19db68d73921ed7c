"""Renewing while others do, while the KDC is silent, and in the child of a fork."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
import trio
from remctl import Credentials, RemctlError, RemctlTimeoutError
from remctl.testing import Realm, Server

from tests.credentials.conftest import Service, hint_of, paused, tickets_issued, user
from tests.support.forks import in_child
from tests.support.processes import for_the_end_of_a_process


def in_threads(count: int, action: Callable[[], object]) -> list[BaseException]:
    """Run `action` in so many threads at once; what was raised."""
    start = threading.Barrier(count)
    raised: list[BaseException] = []

    def run() -> None:
        start.wait()
        try:
            action()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


class TestManyThreads:
    def test_share_one_request_to_the_kdc(self, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        with paused(realm):
            threads = [threading.Thread(target=credentials.renew) for _ in range(64)]
            for thread in threads:
                thread.start()
            with pytest.raises(RemctlTimeoutError):
                credentials.renew(timeout=0.5)  # in which the others have come to wait, too
            # One helper thread for all of them, and some that are idle.
            assert len(os.listdir("/proc/self/task")) < threading.active_count() + 16
        for thread in threads:
            thread.join()
        assert credentials.valid
        assert tickets_issued(realm, service.principal) <= 2

    def test_share_its_failure(self, realm: Realm, service: Service) -> None:
        realm.change_key(service.principal)
        credentials = Credentials.from_keytab(service.keytab)
        raised = in_threads(16, credentials.renew)
        assert [type(error) for error in raised] == [RemctlError] * 16

    def test_may_look_renew_and_close_at_once(self, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)

        def use() -> None:
            for _ in range(5):
                credentials.renew()
                assert credentials.expires is not None
                assert credentials.valid
                assert credentials.name is not None

        assert in_threads(16, use) == []

        def close() -> None:
            credentials.close()
            assert not credentials.valid

        assert in_threads(4, close) == []


class TestASilentKdc:
    def test_ends_with_the_timeout(self, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        with paused(realm):
            start = time.monotonic()
            with pytest.raises(RemctlTimeoutError) as raised:
                credentials.renew(timeout=0.2)
            assert 0.2 <= time.monotonic() - start < 2
        assert f"cannot get a ticket for {service.principal}" in str(raised.value)
        assert str(raised.value).endswith(": timed out")
        assert "has answered in time" in hint_of(raised.value)
        assert realm.name in hint_of(raised.value)
        credentials.renew()
        assert credentials.valid

    @pytest.mark.parametrize("timeout", [0, -1, -0.5])
    def test_no_time_is_too_late_at_once(
        self, realm: Realm, service: Service, timeout: float
    ) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        with pytest.raises(RemctlTimeoutError) as raised:
            credentials.renew(timeout=timeout)
        assert raised.value.hint is None  # the KDC is not to blame
        assert tickets_issued(realm, service.principal) == 0

    def test_ends_with_ctrl_c(self, realm: Realm, service: Service) -> None:
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
                credentials.renew()
            assert time.monotonic() - sent < 0.5
            timer.join()
        credentials.renew()

    def test_lets_other_threads_run(self, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        with paused(realm):
            thread = threading.Thread(target=credentials.renew)
            thread.start()
            assert credentials.principal == service.principal  # needs neither lock nor KDC
            assert not credentials.valid
        thread.join()
        assert credentials.valid

    def test_a_close_meanwhile_is_for_good(self, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        raised: list[BaseException] = []
        with paused(realm):
            thread = threading.Thread(
                target=lambda: raised.extend(in_threads(1, credentials.renew))
            )
            thread.start()
            with pytest.raises(RemctlTimeoutError):
                credentials.renew(timeout=0.3)  # in which the other has come to wait, too
            credentials.close()
        thread.join()
        assert [str(error) for error in raised] == ["the credentials are closed"]
        assert credentials.name is None


class TestAnEventLoop:
    """`arenew()`, which is `renew()` for asyncio."""

    def test_renews(self, server: Server, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        asyncio.run(credentials.arenew())
        assert user(server, credentials.name) == service.principal

    def test_goes_on_meanwhile(self, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)

        async def main() -> None:
            with paused(realm):
                renewal = asyncio.ensure_future(credentials.arenew())
                start = time.monotonic()
                for _ in range(100):
                    await asyncio.sleep(0)
                assert time.monotonic() - start < 0.5
                assert not renewal.done()
            await renewal

        asyncio.run(main())
        assert credentials.valid

    def test_many_tasks_share_one_request(self, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)

        async def main() -> None:
            with paused(realm):
                renewals = [asyncio.ensure_future(credentials.arenew()) for _ in range(50)]
                await asyncio.sleep(0)
            await asyncio.gather(*renewals)

        asyncio.run(main())
        # Those that begin when it was answered already share another one; on a slow machine again.
        assert 1 <= tickets_issued(realm, service.principal) < 25

    def test_ends_with_the_timeout(self, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        with paused(realm), pytest.raises(RemctlTimeoutError, match="timed out"):
            asyncio.run(credentials.arenew(timeout=0.1))
        with pytest.raises(RemctlTimeoutError):
            asyncio.run(credentials.arenew(timeout=0))

    def test_can_be_cancelled(self, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)

        async def main() -> None:
            renewal = asyncio.ensure_future(credentials.arenew())
            await asyncio.sleep(0.05)
            start = time.monotonic()
            renewal.cancel()
            with pytest.raises(asyncio.CancelledError):
                await renewal
            assert time.monotonic() - start < 0.5

        with paused(realm):
            start = time.monotonic()
            asyncio.run(main())
            assert time.monotonic() - start < 2  # nor does the loop wait at its end
        credentials.renew()

    def test_raises_what_it_failed_of(self, realm: Realm, service: Service) -> None:
        realm.change_key(service.principal)
        credentials = Credentials.from_keytab(service.keytab)
        with pytest.raises(RemctlError, match="key version 1") as raised:
            asyncio.run(credentials.arenew())
        assert "is not the one that the KDC has" in hint_of(raised.value)

    def test_without_a_loop(self, service: Service) -> None:
        renewal = Credentials.from_keytab(service.keytab).arenew()
        with pytest.raises(RuntimeError, match="no running event loop"):
            renewal.send(None)

    def test_of_trio(self, server: Server, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        trio.run(credentials.arenew)
        assert user(server, credentials.name) == service.principal


class TestTheEndOfTheProcess:
    """It does not wait for a KDC that is silent, and does not crash."""

    SCRIPT = """
import sys, threading
from remctl import Credentials, RemctlError

credentials = Credentials.from_keytab(sys.argv[1])

def renew():
    while True:
        try:
            credentials.renew()
        except RemctlError:
            pass

for _ in range(8):
    threading.Thread(target=renew, daemon=True).start()
try:
    credentials.renew(timeout=float(sys.argv[2]))
except RemctlError as error:
    print(error)
"""

    @staticmethod
    def ends(script: str, *arguments: object) -> str:
        start = time.monotonic()
        command = [sys.executable, "-c", script, *map(str, arguments)]
        env = for_the_end_of_a_process()
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
        assert (done.returncode, done.stderr) == (0, "")
        assert time.monotonic() - start < 10
        return done.stdout

    def test_while_the_kdc_is_silent(self, realm: Realm, service: Service) -> None:
        with paused(realm):
            assert "timed out" in self.ends(self.SCRIPT, service.keytab, 0.1)

    def test_while_threads_renew(self, realm: Realm, service: Service) -> None:
        for _ in range(5):
            assert self.ends(self.SCRIPT, service.keytab, 10) == ""


@pytest.mark.forks
class TestAFork:
    def test_the_child_has_its_own(self, server: Server, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        credentials.renew()
        name = credentials.name

        def child() -> str:
            assert credentials.name is None
            assert not credentials.valid
            assert credentials.principal == service.principal
            credentials.renew()
            assert credentials.name != name
            return user(server, credentials.name)

        assert in_child(child) == service.principal
        assert credentials.name == name
        assert user(server, name) == service.principal

    def test_the_childs_close_leaves_the_parents(self, server: Server, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        credentials.renew()
        in_child(credentials.close)
        assert credentials.valid
        assert user(server, credentials.name) == service.principal

    def test_what_the_parent_closed_is_closed(self, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        credentials.close()

        def child() -> None:
            with pytest.raises(RemctlError, match="closed"):
                credentials.renew()

        in_child(child)

    def test_in_the_middle_of_a_renewal(self, realm: Realm, service: Service) -> None:
        credentials = Credentials.from_keytab(service.keytab)
        with paused(realm):
            thread = threading.Thread(target=credentials.renew)
            thread.start()

            def child() -> bool:
                with pytest.raises(RemctlTimeoutError):
                    credentials.renew(timeout=0.2)
                credentials.renew(timeout=20)
                return credentials.valid

            resume = threading.Timer(0.5, realm.resume_kdc)
            resume.start()
            assert in_child(child) == "True"
            resume.join()
        thread.join()
        assert credentials.valid

    def test_many_in_the_middle_of_many(self, service: Service) -> None:
        """Wherever the other threads are, the child gets its ticket."""
        credentials = Credentials.from_keytab(service.keytab)
        done = threading.Event()

        def keep_renewing() -> None:
            while not done.is_set():
                credentials.renew()

        def child() -> bool:
            credentials.renew(timeout=10)
            return credentials.valid

        threads = [threading.Thread(target=keep_renewing) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                assert in_child(child) == "True"
        finally:
            done.set()
            for thread in threads:
                thread.join()
