"""Principals, keytabs, keys and tickets of the throwaway realm."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from remctl.testing import Realm, Server

from tests.support.client import remctl
from tests.support.processes import wait_until

HELLO = {"test": {"hello": '#!/bin/sh\necho "hello $REMOTE_USER"\n'}}


@pytest.fixture(scope="module")
def realm() -> Iterator[Realm]:
    """A realm whose keys may be changed."""
    with Realm() as realm, realm.environ():
        yield realm


@pytest.fixture(scope="module")
def server(realm: Realm) -> Iterator[Server]:
    """A server whose tickets are valid no longer when its key has changed."""
    with realm.server(HELLO) as server:
        yield server


def hello(server: Server) -> str:
    result = remctl(server, "test", "hello", host=server.host)
    return (result.stdout + result.stderr).decode().strip()


def keys(keytab: Path) -> set[tuple[int, str]]:
    listing = subprocess.check_output(["klist", "-k", keytab], text=True)
    return {(int(kvno), name) for kvno, name in re.findall(r"^ *(\d+) (\S+)", listing, re.M)}


def test_a_keytab_of_its_own(
    realm: Realm, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    realm.add_principal("cron/a")
    realm.add_principal("cron/b", "secret")
    keytab = realm.make_keytab("cron/a", "cron/b")
    assert keys(keytab) == {(1, f"cron/a@{realm.name}"), (1, f"cron/b@{realm.name}")}
    for principal in ("cron/a", "cron/b"):
        ccache = realm.kinit(principal, keytab=keytab, ccache=tmp_path / "ccache")
        monkeypatch.setenv("KRB5CCNAME", ccache)
        assert hello(server) == f"hello {principal}@{realm.name}"
    realm.kinit("cron/b", "secret", ccache=tmp_path / "ccache")  # the password is good still
    assert realm.make_keytab("cron/a") != keytab


def test_a_keytab_for_nobody(realm: Realm) -> None:
    with pytest.raises(RuntimeError, match=r"ktadd .*nobody does not exist"):
        realm.make_keytab("nobody")


def test_a_principal_that_is_there(realm: Realm) -> None:
    with pytest.raises(RuntimeError, match="already exists"):
        realm.add_principal(realm.user, "other")


def test_a_wrong_password(realm: Realm, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="Password incorrect"):
        realm.kinit(password="wrong", ccache=tmp_path / "ccache")


def test_a_changed_key(realm: Realm, tmp_path: Path) -> None:
    realm.add_principal("rotated")
    old = realm.make_keytab("rotated")
    assert realm.change_key("rotated") == 2
    with pytest.raises(RuntimeError):
        realm.kinit("rotated", keytab=old, ccache=tmp_path / "ccache")
    realm.make_keytab("rotated", path=old)
    assert keys(old) == {(1, f"rotated@{realm.name}"), (2, f"rotated@{realm.name}")}
    realm.kinit("rotated", keytab=old, ccache=tmp_path / "ccache")
    assert realm.change_key("rotated", "secret") == 3
    realm.kinit("rotated", "secret", ccache=tmp_path / "ccache")


def test_a_server_whose_key_has_changed(realm: Realm) -> None:
    with realm.server(HELLO, addresses=["127.0.0.9"]) as server:
        kvno = realm.change_key("host/127.0.0.9")
        realm.kinit()
        assert "hello" not in hello(server)
        wait_until(lambda: "in keytab" in server.log())
        realm.make_keytab("host/127.0.0.9", path=realm.keytab)
        assert hello(server) == f"hello {realm.user}"
        assert kvno == 2


def test_a_server_with_a_keytab_of_its_own(realm: Realm) -> None:
    realm.add_host("127.0.0.10")
    keytab = realm.make_keytab("host/127.0.0.10")
    with realm.server(HELLO, keytab=keytab) as server:
        assert "hello" not in hello(server)
        command = ["remctl", "-p", str(server.port), "-s", "host/127.0.0.10", "localhost"]
        said = subprocess.check_output([*command, "test", "hello"], text=True)
        assert said == f"hello {realm.user}\n"


def lifetime(ccache: str) -> float:
    """How long the first ticket of a cache lives, in seconds, from `kinit` to its end."""
    listing = subprocess.check_output(["klist", ccache], text=True, env={"LC_ALL": "C"})
    found = re.search(r"^\S+ (\S+) +\S+ (\S+) +krbtgt", listing, re.M)
    assert found is not None, listing
    start, end = (
        sum(int(part) * unit for part, unit in zip(time.split(":"), (3600, 60, 1), strict=True))
        for time in found.groups()
    )
    return (end - start) % 86400


def test_short_tickets(realm: Realm, tmp_path: Path) -> None:
    assert lifetime(realm.kinit(ccache=tmp_path / "a", lifetime=5)) == 5
    realm.add_principal("brief", "secret", lifetime=7)
    assert lifetime(realm.kinit("brief", "secret", ccache=tmp_path / "b")) == 7


@pytest.mark.parametrize("ahead", [600, -600])
def test_clocks_apart(
    realm: Realm, server: Server, tmp_path: Path, ahead: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5CCNAME", realm.kinit(ccache=tmp_path / "ccache", ahead=ahead))
    assert "Clock skew too great" in hello(server) + server.log()
    realm.kinit(ccache=tmp_path / "ccache", ahead=ahead / 10)
    assert hello(server) == f"hello {realm.user}"


def test_any_other_command_of_kadmin(realm: Realm, tmp_path: Path) -> None:
    realm.add_principal("locked", "secret")
    realm.kadmin("modprinc", "-allow_tix", "locked")
    assert "DISALLOW_ALL_TIX" in realm.kadmin("getprinc", "locked")
    with pytest.raises(RuntimeError, match="revoked"):
        realm.kinit("locked", "secret", ccache=tmp_path / "ccache")
    with pytest.raises(RuntimeError, match="modprinc nobody"):
        realm.kadmin("modprinc", "nobody")
