"""What a realm goes through, and a client in it.

Tickets that expire, and clocks that are apart: tests/credentials.
"""

import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.support.compiled import compile_program

COMMANDS = {"test": {"who": "#!/bin/sh\necho $REMOTE_USER\n"}}

pytestmark = pytest.mark.timeout(120)

Configure = Callable[..., None]


def who(server: Server) -> str:
    """Who the server takes this client for, over a new connection."""
    result = remctl.remctl(server.host, server.port, command=["test", "who"])
    assert result.status == 0
    return result.text.strip()


@pytest.fixture
def own_realm() -> Iterator[Realm]:
    """A realm that a test may turn over; this process is a member."""
    with Realm("OWN.TEST") as realm, realm.environ():
        yield realm


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Gives this process a configuration of its own: a realm's, with more in it."""

    def write(realm: Realm, **sections: str) -> None:
        (tmp_path / "krb5.conf").write_text(configuration(realm, sections))
        monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))

    return write


def configuration(realm: Realm, sections: dict[str, str]) -> str:
    """A realm's configuration with further lines, which go before others on the same."""
    more = "".join(f"[{name}]\n{lines}\n" for name, lines in sections.items())
    return more + Path(realm.env["KRB5_CONFIG"]).read_text()


def place(realm: Realm) -> str:
    """Where a realm's KDC is, as its configuration says it."""
    found = re.search(r"\bkdc = (\S+)", Path(realm.env["KRB5_CONFIG"]).read_text())
    assert found is not None
    return f"{realm.name} = {{\nkdc = {found[1]}\n}}"


class TestKdc:
    def test_that_speaks_tcp_alone(self, own_realm: Realm) -> None:
        profile = Path(own_realm.env["KRB5_KDC_PROFILE"])
        text, count = re.subn(r"kdc_listen = .*", 'kdc_listen = ""', profile.read_text())
        assert count == 1
        own_realm.stop_kdc()
        profile.write_text(text)
        own_realm.start_kdc()
        own_realm.kinit()  # there is no ticket for the server in it
        with own_realm.server(COMMANDS) as server:
            assert who(server) == own_realm.user

    def test_that_is_found_elsewhere_now(self, own_realm: Realm) -> None:
        """The configuration is read for each connection."""
        with own_realm.server(COMMANDS) as server:
            own_realm.kinit()
            path = Path(own_realm.env["KRB5_CONFIG"])
            whole = path.read_text()
            path.write_text(re.sub(r"\bkdc = \S+", "kdc = 127.0.0.1:1", whole))
            with pytest.raises(remctl.RemctlError):
                who(server)
            path.write_text(whole)
            assert who(server) == own_realm.user


class TestTwoRealms:
    @pytest.fixture
    def other(self, own_realm: Realm) -> Iterator[Realm]:
        """A realm whose services the users of the own one may use."""
        with Realm("OTHER.TEST") as other:
            for realm in (own_realm, other):
                realm.add_principal(f"krbtgt/{other.name}@{own_realm.name}", "of both")
            other.add_host("server.other.test")
            yield other

    def ask(self, other: Realm) -> str:
        """Who its server takes this client for; no name service knows the server's name."""
        with (
            other.server(COMMANDS) as server,
            socket.create_connection(("127.0.0.1", server.port)) as sock,
            remctl.Remctl() as client,
        ):
            client.open_socket(sock, "server.other.test")
            return client.run(["test", "who"]).text.strip()

    def test_a_server_of_another_realm(
        self, own_realm: Realm, other: Realm, configure: Configure
    ) -> None:
        configure(own_realm, realms=place(other), domain_realm=f".other.test = {other.name}")
        assert self.ask(other) == own_realm.user

    def test_a_referral(self, own_realm: Realm, other: Realm, configure: Configure) -> None:
        """The client does not know which realm the server is in; its KDC does."""
        configure(own_realm, realms=place(other))
        own_realm.stop_kdc()
        Path(own_realm.env["KRB5_CONFIG"]).write_text(
            configuration(own_realm, {"domain_realm": f".other.test = {other.name}"})
        )
        own_realm.start_kdc()
        assert self.ask(other) == own_realm.user


def test_an_encryption_type_that_is_not_to_be_had(own_realm: Realm, configure: Configure) -> None:
    with own_realm.server(COMMANDS) as server:
        configure(own_realm, libdefaults="permitted_enctypes = camellia256-cts-cmac")
        with pytest.raises(remctl.RemctlError):
            who(server)
        configure(own_realm)
        assert who(server) == own_realm.user


def test_an_enormous_ticket(own_realm: Realm, tmp_path: Path) -> None:
    """Of somebody who is in many groups: larger than what goes into the socket pair at once."""
    program = compile_program(tmp_path, "large_ticket", "-lkrb5")
    made = subprocess.run(
        [program, "host/localhost", "300000"], stdout=subprocess.PIPE, check=True, text=True
    )
    assert int(made.stdout) > 300_000
    with own_realm.server(COMMANDS) as server:
        assert who(server) == own_realm.user


class TestACacheThatAnotherProcessWrites:
    @pytest.fixture
    def ccache(self, tmp_path: Path, realm: Realm, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The cache of this process."""
        ccache = tmp_path / "ccache"
        realm.kinit(ccache=ccache)
        monkeypatch.setenv("KRB5CCNAME", str(ccache))
        return ccache

    def while_writing(self, write: Callable[[], object], call: Callable[[], object]) -> None:
        """Make a call a hundred times while another thread has the cache written."""
        over = threading.Event()
        began = threading.Barrier(2)

        def work() -> None:
            write()
            began.wait()
            while not over.is_set():
                write()

        with ExitStack() as stack:
            thread = threading.Thread(target=work)
            thread.start()
            stack.callback(thread.join)
            stack.callback(over.set)
            began.wait()
            for _ in range(100):
                call()

    def test_in_place(self, realm: Realm, server: Server, ccache: Path) -> None:
        """As kinit does: at one moment there is no ticket, and then there is."""
        answers: list[str] = []
        errors: list[remctl.RemctlError] = []

        def call() -> None:
            try:
                result = remctl.remctl(server.host, server.port, command=["test", "hello"])
                answers.append(result.text)
            except remctl.RemctlError as error:
                errors.append(error)

        self.while_writing(lambda: realm.kinit(ccache=ccache), call)
        assert set(answers) <= {"hello world\n"}
        assert all(error.hint and error.may_have_run is False for error in errors)
        call()
        assert answers[-1] == "hello world\n"

    def test_in_one_go(self, realm: Realm, server: Server, ccache: Path) -> None:
        """As k5start does: there is always a ticket."""

        def write() -> None:
            realm.kinit(ccache=f"{ccache}.new")
            os.replace(f"{ccache}.new", ccache)

        def call() -> None:
            result = remctl.remctl(server.host, server.port, command=["test", "hello"])
            assert result.text == "hello world\n"

        self.while_writing(write, call)
