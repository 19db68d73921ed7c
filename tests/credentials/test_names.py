"""The names of ticket caches and keytabs: a relative path is that of the caller's moment."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from remctl import (
    ConnectionPool,
    Credentials,
    Remctl,
    RemctlError,
    Target,
    remctl,
    run_many,
)
from remctl.testing import Realm, Server

from tests.credentials.conftest import MakeService, Service, user


@pytest.fixture
def folders(
    make_service: MakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[Path, Service]:
    """Two folders with a client.keytab, each of another client; the first is the current one."""
    folders = {}
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        folders[folder] = service = make_service()
        for file in ("client.keytab", "k:client.keytab"):
            shutil.copy(service.keytab, folder / file)
    monkeypatch.chdir(next(iter(folders)))
    return folders


KEYTABS: list[Callable[[], str | Path]] = [
    lambda: "client.keytab",
    lambda: "FILE:client.keytab",
    lambda: "WRFILE:client.keytab",
    lambda: Path("client.keytab"),
    lambda: "k:client.keytab",
]


@pytest.mark.parametrize("keytab", KEYTABS)
class TestAKeytab:
    def test_of_each_folder(
        self, folders: dict[Path, Service], server: Server, keytab: Callable[[], str | Path]
    ) -> None:
        for folder, service in folders.items():
            os.chdir(folder)
            result = remctl(server.host, server.port, command=["test", "env"], keytab=keytab())
            assert f"REMOTE_USER={service.principal}\n" in result.text

    def test_of_objects_that_were_made_before(
        self, folders: dict[Path, Service], server: Server, keytab: Callable[[], str | Path]
    ) -> None:
        service = next(iter(folders.values()))
        client = Remctl(keytab=keytab())
        pool = ConnectionPool(server.host, server.port, keytab=keytab(), min_size=0)
        credentials = Credentials.from_keytab(keytab())
        os.chdir(list(folders)[1])
        client.open(server.host, server.port)
        with client, pool:
            for run in (client.run, pool.run):
                assert f"REMOTE_USER={service.principal}\n" in run(["test", "env"]).text
        credentials.renew()
        assert credentials.principal == service.principal

    def test_of_many_hosts(
        self, folders: dict[Path, Service], server: Server, keytab: Callable[[], str | Path]
    ) -> None:
        first, second = folders
        targets = [Target(server.host, server.port)] * 2
        with ThreadPoolExecutor(1) as executor:
            for where in (None, executor):
                os.chdir(first)
                run = run_many(targets, ["test", "env"], keytab=keytab(), limit=1, executor=where)
                os.chdir(second)
                for outcome in run:
                    user = f"REMOTE_USER={folders[first].principal}\n"
                    assert user in outcome.check().text


def test_the_default_client_keytab(
    folders: dict[Path, Service], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", "client.keytab")
    (first, service), (second, _) = folders.items()
    credentials = Credentials.from_keytab()
    os.chdir(second)
    with Remctl(server.host, server.port, ccache=credentials) as client:
        assert f"REMOTE_USER={service.principal}\n" in client.run(["test", "env"]).text
    assert str(first) in repr(credentials)


@pytest.mark.parametrize("given", ["cc", "FILE:cc", Path("cc"), "x:cc"])
def test_a_ticket_cache(
    realm: Realm,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: str | Path,
) -> None:
    # To libkrb5 a single letter is a drive, and not the type of a cache.
    file = "x:cc" if given == "x:cc" else "cc"
    realm.kinit(ccache=f"FILE:{tmp_path / file}")
    monkeypatch.chdir(tmp_path)
    client = Remctl(ccache=given)
    pool = ConnectionPool(server.host, server.port, ccache=given, min_size=0)
    credentials = Credentials.from_ccache(given)
    os.chdir("/")
    with client, pool:
        client.open(server.host, server.port)
        pool.run(["test", "hello"])
    assert credentials.check()


def test_the_variable_of_the_environment(
    realm: Realm, own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    realm.kinit(ccache=f"FILE:{tmp_path / 'cc'}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KRB5CCNAME", "FILE:cc")
    with Remctl(own_server.host, own_server.port) as client:
        os.chdir("/")
        own_server.restart()
        assert client.run(["test", "hello"]).status == 0


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_may_have_colons(
    realm: Realm, server: Server, tmp_path: Path, kind: Callable[[str], str | Path]
) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    realm.kinit(ccache=f"FILE:{folder / 'cc'}")
    assert user(server, kind(str(folder / "cc"))) == realm.user
    assert Credentials.from_ccache(kind(str(folder / "cc"))).valid


def test_an_empty_name_is_refused(server: Server) -> None:
    for call in (
        lambda: Remctl(ccache=""),
        lambda: Remctl().set_ccache(""),
        lambda: remctl(server.host, server.port, command=["test"], ccache=""),
        lambda: ConnectionPool(server.host, ccache=""),
        lambda: Credentials.from_ccache(""),
        lambda: Remctl(keytab=""),
        lambda: ConnectionPool(server.host, keytab=""),
        lambda: Credentials.from_keytab(""),
    ):
        with pytest.raises(ValueError, match="must not be empty"):
            call()


def test_a_relative_path_in_a_folder_that_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for call in (
        lambda: Credentials.from_keytab("client.keytab"),
        lambda: Remctl(keytab="FILE:client.keytab"),
        lambda: Remctl(ccache="cache"),
    ):
        with pytest.raises(RemctlError, match="folder has been removed"):
            call()
