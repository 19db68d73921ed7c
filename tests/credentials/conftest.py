"""Clients with keytabs of their own, and what a server makes of them."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import remctl
from remctl.testing import Realm, Server

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
