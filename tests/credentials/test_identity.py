"""The identity of a call is settled when it is made."""

import contextlib
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint
from remctl import (
    AsyncRemctl,
    ConnectionPool,
    Credentials,
    Remctl,
    RemctlError,
    Target,
    aremctl,
    remctl,
    run_many,
)
from remctl.testing import Server

from tests.asynchronous.conftest import LOOPS
from tests.credentials.conftest import MakeService, Service, paused
from tests.support.users import WHO, Users, who

PPOLL = {"x86_64": "271", "aarch64": "73"}[platform.machine()]


@pytest.fixture(params=LOOPS.values(), ids=list(LOOPS))
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """The loop that an asynchronous test runs in: each in turn."""
    return request.param


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


STORM = """
import os, sys, threading, remctl

remctl.preload()
host, port, *caches = sys.argv[1:]
done, users = threading.Event(), []

def storm():
    while not done.is_set():
        for cache in caches:
            os.environ["KRB5CCNAME"] = cache

def use():
    for _ in range(25):
        answer = remctl.remctl(host, int(port), command=["test", "env"], timeout=60).text
        users.extend(line for line in answer.splitlines() if line.startswith("REMOTE_USER="))

changing = threading.Thread(target=storm)
using = [threading.Thread(target=use) for _ in range(4)]
changing.start()
for thread in using: thread.start()
for thread in using: thread.join()
done.set()
changing.join()
print(len(users), *sorted(set(users)))
"""


def test_a_thread_that_changes_the_variable_all_the_time_does_no_harm(
    users: Users, server: Server
) -> None:
    """In the C library a variable may be changed, but not added, while others look."""
    caches = [users.cache(user) for user in ("alice", "bob")]
    command = [sys.executable, "-c", STORM, server.host, str(server.port), *caches]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    number, *seen = done.stdout.split()
    assert number == "100"
    assert set(seen) <= {f"REMOTE_USER={users.name(user)}" for user in ("alice", "bob")}


class TestTheFirstUse:
    """The package is loaded when it is first used, and other threads run meanwhile."""

    SCRIPT = """
import os, sys, remctl

class AnotherThread:
    def find_spec(self, name, path=None, target=None):
        if name == "importlib" or name.startswith("remctl."):
            os.environ["KRB5CCNAME"] = "FILE:/another"

os.environ["KRB5CCNAME"] = "FILE:/its-own"
sys.modules.pop("importlib", None)
sys.meta_path.insert(0, AnotherThread())
try:
    print(remctl.{name})
except Exception as error:
    print(type(error).__name__, error, error.hint, error.kind, error.may_have_run)
print(remctl.{name}.__name__)
"""

    def load(self, name: str) -> str:
        """What is said when the variable is changed while a name is loaded."""
        command = [sys.executable, "-c", self.SCRIPT.format(name=name)]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout

    @pytest.mark.parametrize("name", ["remctl", "Remctl", "ConnectionPool", "run_many"])
    def test_is_never_another_client_s(self, name: str) -> None:
        first, second = self.load(name).splitlines()
        assert first.startswith("RemctlError KRB5CCNAME was changed by another thread")
        assert first.endswith(" local False")
        assert "remctl.preload()" in first
        assert second == name

    def test_of_threads_that_each_set_it_and_call_is_each_one_s_own(self) -> None:
        script = """
import os, sys, threading, time, remctl

class Slow:
    def find_spec(self, name, path=None, target=None):
        while name == "remctl._simple" and len(remctl._loading) < 3:
            time.sleep(0.001)

sys.meta_path.insert(0, Slow())

def call(own):
    os.environ["KRB5CCNAME"] = own
    remctl.remctl
    seen.append(os.environ["KRB5CCNAME"] == own)

seen = []
threads = [threading.Thread(target=call, args=(own,)) for own in ("one", "two", "three")]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(seen)
"""
        command = [sys.executable, "-c", script]
        assert subprocess.check_output(command, text=True, timeout=60) == "[True, True, True]\n"

    @pytest.mark.parametrize("name", ["RemctlError", "Target", "preload"])
    def test_of_a_name_without_tickets_is_no_matter(self, name: str) -> None:
        first, _ = self.load(name).splitlines()
        assert first.startswith("<")


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
