"""What is wrong and what to do: a sentence for each way to fail to authenticate."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
import remctl
from remctl import _remctl
from remctl.testing import Realm, Server

from tests.credentials.conftest import Service, paused, stopped
from tests.credentials.page import is_described
from tests.support.forks import in_child

HELLO = {"test": {"hello": "#!/bin/sh\necho hello\n"}}


def why(
    server: Server,
    host: str | None = None,
    principal: str | None = None,
    ccache: str | os.PathLike[str] | None = None,
    timeout: float | None = None,
) -> str:
    """The hint of an open that fails."""
    client = remctl.Remctl()
    if ccache is not None:
        client.set_ccache(ccache)
    client.set_timeout(timeout)
    with pytest.raises(remctl.RemctlError) as raised:
        client.open(host or server.host, server.port, principal)
    hint = raised.value.hint
    assert hint is not None, str(raised.value)
    assert hint in raised.value.__notes__
    assert re.fullmatch(r"[^\n]+\.", hint)
    assert is_described(str(raised.value), hint), (str(raised.value), hint)
    return hint


def wait_until_expired(ccache: Path) -> None:
    """Return when nobody takes the ticket any more: it is good in its last second."""
    expires = remctl.Credentials.from_ccache(ccache).expires
    assert expires is not None
    time.sleep(max(0, (expires - datetime.now(timezone.utc)).total_seconds() + 1.01))


class Nobody:
    """A user who may read little, and a folder where he may enter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def does(action: Callable[[], object]) -> str:
        """What `action` returns, as text."""

        def child() -> object:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            return action()

        return in_child(child)


@pytest.fixture
def nobody(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nobody]:
    """A user who may not read this one's files, but the realm's configuration."""
    folder = Path(tempfile.mkdtemp(prefix="remctl-nobody-"))
    folder.chmod(0o755)
    shutil.copy(realm.env["KRB5_CONFIG"], folder / "krb5.conf")
    (folder / "krb5.conf").chmod(0o644)
    monkeypatch.setenv("KRB5_CONFIG", str(folder / "krb5.conf"))
    yield Nobody(folder)
    shutil.rmtree(folder)


class TestTheCache:
    def test_none(self, server: Server, tmp_path: Path) -> None:
        hint = why(server, ccache=tmp_path / "none")
        assert f"no ticket cache FILE:{tmp_path}/none" in hint
        assert "kinit" in hint
        assert "keytab=" in hint

    def test_no_default_one(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "none"))
        assert f"no ticket cache FILE:{tmp_path}/none" in why(server)

    def test_none_in_memory(self, server: Server) -> None:
        assert "no ticket cache MEMORY:nothing" in why(server, ccache="MEMORY:nothing")

    def test_no_ticket_in_it(self, realm: Realm, server: Server, tmp_path: Path) -> None:
        realm.kinit(ccache=tmp_path / "ccache")
        # The header and the client's name, up to the first ticket.
        data = (tmp_path / "ccache").read_bytes()
        end = data.index(realm.user.partition("@")[0].encode()) + len(realm.user.partition("@")[0])
        (tmp_path / "ccache").write_bytes(data[:end])
        assert f"no ticket in the cache FILE:{tmp_path}/ccache" in why(
            server, ccache=tmp_path / "ccache"
        )

    def test_expired(self, realm: Realm, server: Server, tmp_path: Path) -> None:
        realm.kinit(ccache=tmp_path / "ccache", lifetime=1)
        wait_until_expired(tmp_path / "ccache")
        hint = why(server, ccache=tmp_path / "ccache")
        assert realm.user in hint
        assert re.search(r"expired at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+ s ago", hint)
        assert "kinit" in hint

    def test_the_default_one_expired(
        self, realm: Realm, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        realm.kinit(ccache=tmp_path / "ccache", lifetime=1)
        monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "ccache"))
        wait_until_expired(tmp_path / "ccache")
        assert "expired at" in why(server)

    @pytest.mark.parametrize("given", [True, False])
    def test_of_an_unknown_format(
        self, server: Server, tmp_path: Path, given: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ccache = tmp_path / "ccache"
        ccache.write_text("no tickets")
        if not given:
            monkeypatch.setenv("KRB5CCNAME", str(ccache))
        hint = why(server, ccache=ccache if given else None)
        assert f"ticket cache FILE:{ccache} cannot be read" in hint

    def test_of_an_unknown_type(self, server: Server) -> None:
        assert "NOTYPE:x cannot be read" in why(server, ccache="NOTYPE:x")

    def test_somebody_elses(self, realm: Realm, server: Server, nobody: Nobody) -> None:
        ccache = nobody.folder / "ccache"
        realm.kinit(ccache=ccache)
        hint = nobody.does(lambda: why(server, ccache=ccache))
        assert f"FILE:{ccache} cannot be read" in hint
        assert "permissions incorrect" in hint
        assert "owner" in hint


def test_a_keytab_that_is_somebody_elses(service: Service, nobody: Nobody) -> None:
    keytab = nobody.folder / "keytab"
    shutil.copy(service.keytab, keytab)
    keytab.chmod(0)

    def refused() -> str:
        with pytest.raises(remctl.RemctlError) as raised:
            remctl.Credentials.from_keytab(keytab)
        return str(raised.value)

    said = nobody.does(refused)
    assert f"cannot read the keytab FILE:{keytab}: " in said
    assert "ermission denied" in said


class TestTheServersName:
    def test_made_from_the_host(self, realm: Realm) -> None:
        with realm.server(HELLO, addresses=["0.0.0.0"]) as server:
            hint = why(server, host="127.0.0.77")
        assert "does not know host/127.0.0.77, " in hint  # the realm would be a guess
        assert "made from the host 127.0.0.77" in hint
        assert "principal=" in hint

    def test_given(self, server: Server, realm: Realm) -> None:
        hint = why(server, principal="host/unknown.example")
        assert "does not know host/unknown.example, " in hint
        assert "principal= gives as the server's name" in hint

    def test_in_a_realm_that_nobody_knows(self, server: Server, realm: Realm) -> None:
        hint = why(server, principal="host/localhost@OTHER.TEST")
        assert f"The KDC of the realm {realm.name} does not know the realm OTHER.TEST" in hint

    @pytest.mark.parametrize("with_realm", [True, False])
    def test_the_clients_instead(self, server: Server, realm: Realm, with_realm: bool) -> None:
        principal = realm.user if with_realm else realm.user.partition("@")[0]
        hint = why(server, principal=principal)
        assert "principal= is the server's name" in hint
        assert f"{realm.user} is the client's" in hint

    def test_no_name_at_all(self, server: Server) -> None:
        assert "not a valid Kerberos principal" in why(server, principal="a@b@c")


class TestTheClocks:
    @pytest.mark.parametrize(("ahead", "word"), [(3600, "behind"), (-3600, "ahead of")])
    def test_apart_by_how_much(
        self, server: Server, realm: Realm, tmp_path: Path, ahead: float, word: str
    ) -> None:
        realm.kinit(ccache=tmp_path / "ccache", ahead=ahead)
        hint = why(server, ccache=tmp_path / "ccache")
        assert f"clock was 60 min {word} the KDC's" in hint
        assert "NTP" in hint

    def test_apart_by_nobody_knows_how_much(self) -> None:
        text = "GSS-API error initializing context: Minor code, Clock skew too great"
        hint = _remctl.explain(text, "localhost")
        assert hint is not None
        assert "further apart than Kerberos allows" in hint


class TestTheKdc:
    def test_gone(self, realm: Realm, server: Server, tmp_path: Path) -> None:
        realm.kinit(ccache=tmp_path / "ccache")
        with stopped(realm):
            hint = why(server, ccache=tmp_path / "ccache")
        (address,) = re.findall(r"\bkdc = (127\S+)", Path(realm.env["KRB5_CONFIG"]).read_text())
        assert f"No KDC of the realm {realm.name} can be reached" in hint
        assert address in hint

    def test_silent(self, realm: Realm, server: Server, tmp_path: Path) -> None:
        realm.kinit(ccache=tmp_path / "ccache")
        with paused(realm):
            hint = why(server, ccache=tmp_path / "ccache", timeout=0.2)
        assert f"No KDC of the realm {realm.name} has answered in time" in hint

    def test_nowhere(
        self, realm: Realm, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        realm.kinit(ccache=tmp_path / "ccache")
        config = Path(realm.env["KRB5_CONFIG"]).read_text()
        (tmp_path / "krb5.conf").write_text(re.sub(r"\bkdc = 127.*", "", config))
        monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))
        hint = why(server, ccache=tmp_path / "ccache")
        assert f"No KDC of the realm {realm.name} is known" in hint
        assert "krb5.conf" in hint


class TestTheServersKeytab:
    """Each has a server of its own, whose keytab does not fit."""

    def test_lacks_the_key(self, realm: Realm) -> None:
        realm.add_host("127.0.0.21", "127.0.0.22")
        keytab = realm.make_keytab("host/127.0.0.22")
        with realm.server(HELLO, addresses=["127.0.0.21"], keytab=keytab) as server:
            hint = why(server, host="127.0.0.21")
        assert "server's keytab has no key of host/127.0.0.21" in hint

    def test_has_an_old_key(self, realm: Realm, tmp_path: Path) -> None:
        with realm.server(HELLO, addresses=["127.0.0.23"]) as server:
            realm.change_key("host/127.0.0.23")
            ccache = realm.kinit(ccache=tmp_path / "ccache")
            why(server, host="127.0.0.23", ccache=ccache)  # gets the ticket, perhaps a second later
            hint = why(server, host="127.0.0.23", ccache=ccache)
        assert "cannot decrypt the ticket for host/127.0.0.23" in hint

    def test_has_another_key(self, realm: Realm, tmp_path: Path) -> None:
        with realm.server(HELLO, addresses=["127.0.0.24"]) as server:
            realm.kadmin("delprinc", "-force", "host/127.0.0.24")
            realm.kadmin("addprinc", "-randkey", "host/127.0.0.24")
            ccache = realm.kinit(ccache=tmp_path / "ccache")
            why(server, host="127.0.0.24", ccache=ccache)  # gets the ticket, perhaps a second later
            hint = why(server, host="127.0.0.24", ccache=ccache)
        assert "cannot decrypt the ticket for host/127.0.0.24" in hint
        assert "kinit" in hint
        assert "ktadd" in hint

    def test_is_not_there(self, realm: Realm, tmp_path: Path) -> None:
        realm.add_host("127.0.0.25")
        with realm.server(
            HELLO, addresses=["127.0.0.25"], keytab=tmp_path / "none.keytab"
        ) as server:
            hint = why(server, host="127.0.0.25")
        assert "server hung up before the client was authenticated" in hint
        assert "keytab" in hint


class TestTheConfiguration:
    @pytest.fixture
    def config(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))
        return tmp_path / "krb5.conf"

    def test_without_a_default_realm(self, server: Server, config: Path) -> None:
        config.write_text("[libdefaults]\n dns_lookup_realm = false\n")
        assert "default_realm" in why(server, principal="host/localhost")

    def test_that_makes_no_sense(self, server: Server, config: Path) -> None:
        config.write_text("[libdefaults\n{{{\n")
        assert "check krb5.conf" in why(server)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cannot connect to localhost (port 4373): Connection refused",
        "unknown host nowhere: Name or service not known",
        "error receiving token: timed out",
    ],
)
def test_what_is_no_matter_of_authentication_has_none(text: str) -> None:
    assert _remctl.explain(text, "localhost") is None


def test_asks_nobody(realm: Realm, tmp_path: Path) -> None:
    """Not even where libkrb5 would look everything up in DNS."""
    config = Path(realm.env["KRB5_CONFIG"]).read_text()
    everything = re.sub(r"(dns_\w+|rdns) = false", r"\1 = true", config)
    (tmp_path / "krb5.conf").write_text(everything)
    script = """
from remctl import _remctl
start = "GSS-API error initializing context: "
for words in ("Server host/x.example@NO.TEST not found in Kerberos database", "Ticket expired",
              "Cannot contact any KDC for realm 'NO.TEST'", "Clock skew too great",
              "The ticket isn't for us"):
    print(_remctl.explain(start + words, "host.example.com"))
    print(_remctl.explain(start + words, "host.example.com", "host/x.example", "/nonexistent"))
"""
    log = tmp_path / "strace"
    command = ["strace", "-f", "-e", "trace=network", "-o", str(log), sys.executable, "-c", script]
    env = {**os.environ, "KRB5_CONFIG": str(tmp_path / "krb5.conf")}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 10
    assert "socket(AF_INET" not in log.read_text()
    assert "connect(" not in log.read_text()
