"""Clients with keytabs of their own, and what a server makes of them."""

import fcntl
import itertools
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.support.users import Users

_numbers = itertools.count()


@dataclass(frozen=True)
class Service:
    """A client with a keytab: its name with its realm, and the keytab."""

    principal: str
    keytab: Path


MakeService = Callable[..., Service]


@pytest.fixture
def make_service(realm: Realm) -> MakeService:
    """Makes a client with a keytab of its own; `lifetime` is its tickets', in seconds."""

    def make(lifetime: float | None = None) -> Service:
        principal = f"service{next(_numbers)}@{realm.name}"
        realm.add_principal(principal, "secret", lifetime=lifetime)
        return Service(principal, realm.make_keytab(principal))

    return make


@pytest.fixture
def service(make_service: MakeService) -> Service:
    """A client with a keytab of its own."""
    return make_service()


@pytest.fixture(scope="session")
def _two(realm: Realm) -> None:
    for user in ("alice", "bob"):
        realm.add_principal(user, "secret")


@pytest.fixture
def users(realm: Realm, _two: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Users:
    """Alice, whose cache is the default one, and Bob."""
    users = Users(realm, tmp_path)
    for user in ("alice", "bob"):
        users.get_ticket(user, users.cache(user))
    monkeypatch.setenv("KRB5CCNAME", users.cache("alice"))
    return users


def hint_of(error: remctl.RemctlError) -> str:
    """The hint, which is there."""
    assert error.hint is not None
    return error.hint


@contextmanager
def paused(realm: Realm) -> Iterator[None]:
    """A KDC that is there and says nothing."""
    realm.pause_kdc()
    try:
        yield
    finally:
        realm.resume_kdc()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """A file that another open file description has locked, as another process would."""
    with path.open("r+b") as file:
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
        fcntl.fcntl(file, 37, lock)  # F_OFD_SETLK
        yield


@contextmanager
def stopped(realm: Realm) -> Iterator[None]:
    """No KDC at all."""
    realm.stop_kdc()
    try:
        yield
    finally:
        realm.start_kdc()


def user(server: Server, ccache: str | os.PathLike[str] | None) -> str:
    """Who the server thinks that the client with this cache is."""
    assert ccache is not None
    result = remctl.remctl(server.host, server.port, command=["test", "env"], ccache=ccache)
    (line,) = (
        line for line in (result.stdout or b"").splitlines() if line.startswith(b"REMOTE_USER=")
    )
    return line.decode().partition("=")[2]


def tickets_issued(realm: Realm, principal: str) -> int:
    """How many tickets of the first kind the KDC has issued to a client so far."""
    return sum(
        "AS_REQ" in line and ": ISSUE:" in line and f" {principal} for krbtgt/" in line
        for line in realm.log().splitlines()
    )
