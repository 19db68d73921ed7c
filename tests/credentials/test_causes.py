"""One table: what is wrong, made for real; its hint and its kind; and that its advice works."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from remctl import ErrorKind, Remctl, RemctlError
from remctl.testing import Realm, Server

from tests.credentials.causes import CAUSES
from tests.credentials.page import is_described
from tests.credentials.world import Remedy, World
from tests.fix_protocol1 import Protocol1Server

HELLO = {"test": {"hello": "#!/bin/sh\necho hello\n"}}

#: All that may be known, each once.
HINTS = {hint for hint, _ in CAUSES.values()}


@pytest.fixture(scope="module")
def spoiled() -> Iterator[tuple[Realm, Server]]:
    """A server, and a realm that is spoiled and put right again and again."""
    with Realm() as realm:
        realm.add_host("127.0.4.1")
        with realm.server(HELLO, addresses=["0.0.0.0"]) as server:
            yield realm, server


@pytest.fixture
def world(spoiled: tuple[Realm, Server], tmp_path: Path) -> Iterator[World]:
    """A world with nothing wrong in it yet."""
    realm, server = spoiled
    # Undone before the realm's variables are.
    with realm.environ(), pytest.MonkeyPatch.context() as monkeypatch:
        world = World(realm, server, tmp_path, monkeypatch)
        world.kinit()
        yield world


@pytest.mark.parametrize("cause", list(CAUSES), ids=lambda cause: cause.__name__)
def test_each_cause_has_its_own_hint_and_kind_and_its_advice_works(
    world: World, cause: Callable[[World], Remedy]
) -> None:
    follow_the_advice = cause(world)
    with pytest.raises(RemctlError) as raised:
        world.open()
    error = raised.value
    hint, kind = CAUSES[cause]
    told = error.hint or ""
    assert [one for one in HINTS if re.search(one, told)] == [hint], (error, told)
    assert error.kind == kind
    assert is_described(str(error), told), (error, told)
    follow_the_advice()
    world.open()


def test_a_reconnection_over_protocol_1_says_so_too(
    realm: Realm, protocol1: Protocol1Server, tmp_path: Path
) -> None:
    ccache = realm.kinit(ccache=tmp_path / "ccache")
    with Remctl(ccache=ccache) as client:
        client.open("127.0.0.1", protocol1.port, protocol1.principal)
        client.run(["one"])
        (tmp_path / "ccache").unlink()
        with pytest.raises(RemctlError) as raised:
            client.run(["two"])
        assert "There is no ticket cache" in (raised.value.hint or "")
        assert raised.value.kind is ErrorKind.TICKET
        assert not raised.value.may_have_run
        realm.kinit(ccache=ccache)
        assert client.run(["three"]).status == 0
