"""`Credentials.from_ccache`: the tickets that something else has got."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from remctl import Credentials, RemctlError
from remctl.testing import Realm, Server

from tests.credentials.conftest import hint_of, user


def test_looks_at_what_is_there(realm: Realm, server: Server, tmp_path: Path) -> None:
    realm.kinit(ccache=tmp_path / "ccache", lifetime=7200)
    credentials = Credentials.from_ccache(tmp_path / "ccache")
    assert credentials.name == f"FILE:{tmp_path}/ccache"
    assert credentials.principal == realm.user
    assert credentials.valid is True
    assert credentials.expires is not None
    left = credentials.expires - datetime.now(timezone.utc)
    assert timedelta(minutes=119) < left <= timedelta(minutes=120, seconds=1)
    assert user(server, credentials.name) == realm.user


def test_without_a_name_it_is_the_default_cache_of_then(
    realm: Realm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = Credentials.from_ccache()
    assert credentials.principal == realm.user
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "elsewhere"))
    assert credentials.principal == realm.user
    assert Credentials.from_ccache().name == f"FILE:{tmp_path}/elsewhere"


def test_a_relative_path_means_the_folder_of_then(
    realm: Realm, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    realm.kinit(ccache=tmp_path / "ccache")
    monkeypatch.chdir(tmp_path)
    credentials = Credentials.from_ccache("ccache")
    monkeypatch.chdir("/")
    assert credentials.name == f"FILE:{tmp_path}/ccache"
    assert credentials.principal == realm.user


def test_what_is_not_there_yet_is_seen_later(realm: Realm, tmp_path: Path) -> None:
    credentials = Credentials.from_ccache(str(tmp_path / "ccache"))
    assert credentials.principal is None
    assert credentials.expires is None
    assert credentials.valid is False
    realm.kinit(ccache=tmp_path / "ccache")
    assert credentials.valid is False  # as of the last look
    assert credentials.check() is True
    assert credentials.principal == realm.user
    assert credentials.valid is True


def test_an_expired_ticket(realm: Realm, tmp_path: Path) -> None:
    # By the KDC's clock, which the cache has as ahead of this one, it is over.
    realm.kinit(ccache=tmp_path / "ccache", lifetime=100, ahead=200)
    credentials = Credentials.from_ccache(tmp_path / "ccache")
    assert credentials.expires is not None
    assert credentials.valid is False


def test_a_cache_that_cannot_be_read_has_no_ticket(tmp_path: Path) -> None:
    (tmp_path / "ccache").write_text("no tickets")
    credentials = Credentials.from_ccache(tmp_path / "ccache")
    assert credentials.principal is None
    assert credentials.expires is None
    assert credentials.valid is False


def test_close_leaves_it(realm: Realm, tmp_path: Path) -> None:
    realm.kinit(ccache=tmp_path / "ccache")
    with Credentials.from_ccache(tmp_path / "ccache") as credentials:
        assert credentials.valid
    assert credentials.valid is False
    assert Credentials.from_ccache(tmp_path / "ccache").valid


def test_is_not_renewed(realm: Realm) -> None:
    with pytest.raises(RemctlError, match="is not renewed from here") as raised:
        Credentials.from_ccache().renew()
    assert "kinit" in hint_of(raised.value)
    assert "from_keytab" in hint_of(raised.value)


def test_a_kind_of_cache_that_nobody_knows() -> None:
    with pytest.raises(RemctlError, match="NOTYPE:x: Unknown credential cache type"):
        Credentials.from_ccache("NOTYPE:x")
