"""One table: what is wrong, made for real, and what its hint and its kind say."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import remctl
from remctl import ErrorKind, Remctl, RemctlError
from remctl.testing import Realm, Server

from tests.credentials.conftest import paused, stopped
from tests.credentials.page import is_described
from tests.fix_protocol1 import Protocol1Server

HELLO = {"test": {"hello": "#!/bin/sh\necho hello\n"}}
AES_128 = "aes128-cts-hmac-sha1-96"


def at_peace(_: Realm) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass
class World:
    """A realm, a server for any host, and a user's cache with a new ticket."""

    realm: Realm
    server: Server
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    host: str = "127.0.4.1"
    arguments: dict[str, object] = field(default_factory=dict)  # Remctl's
    timeout: float | None = 20
    during: Callable[[Realm], AbstractContextManager[None]] = at_peace

    @property
    def ccache(self) -> Path:
        return self.folder / "ccache"

    def configure(self, pattern: str, text: str) -> None:
        """Change krb5.conf."""
        config = Path(self.realm.env["KRB5_CONFIG"]).read_text()
        changed = re.sub(pattern, text, config)
        assert changed != config
        (self.folder / "krb5.conf").write_text(changed)
        self.monkeypatch.setenv("KRB5_CONFIG", str(self.folder / "krb5.conf"))

    def open(self) -> None:
        """Connect."""
        arguments = {"ccache": self.ccache, **self.arguments}
        with self.during(self.realm), Remctl(**arguments) as client:  # type: ignore[arg-type]
            client.open(self.host, self.server.port, timeout=self.timeout)


def no_cache(world: World) -> None:
    world.ccache.unlink()


def no_tickets_at_all(world: World) -> None:
    world.ccache.write_text("no tickets")


def expired(world: World) -> None:
    world.realm.kinit(ccache=world.ccache, lifetime=100, ahead=200)


def clocks_apart(world: World) -> None:
    world.realm.kinit(ccache=world.ccache, ahead=3600)


def no_kdc(world: World) -> None:
    world.during = stopped


def silent_kdc(world: World) -> None:
    world.during, world.timeout = paused, 0.5


def kdc_nowhere(world: World) -> None:
    world.configure(r"\bkdc = 127\S+", "")


def unknown_host(world: World) -> None:
    world.host = "127.0.4.77"


def only_a_service_ticket(world: World) -> None:
    others = world.folder / "others"
    other = f"host/localhost@{world.realm.name}"
    subprocess.run(
        ["kvno", "-c", str(world.ccache), "--out-cache", str(others), other],
        check=True,
        capture_output=True,
    )
    others.rename(world.ccache)


def other_encryption(world: World) -> None:
    world.configure(r"(\[libdefaults\]\n)", rf"\1 permitted_enctypes = {AES_128}\n")


def kdc_with_a_new_key(world: World) -> None:
    world.realm.change_key(f"krbtgt/{world.realm.name}")
    world.realm.change_key(f"krbtgt/{world.realm.name}")


def server_with_a_new_key(world: World) -> None:
    world.realm.change_key(f"host/{world.host}")


def keytab_without_the_client(world: World) -> None:
    world.realm.add_principal("gone", "secret")
    keytab = world.realm.make_keytab("gone")
    world.realm.kadmin("delprinc", "-force", "gone")
    world.arguments = {"ccache": None, "keytab": keytab}


def keytab_with_an_old_key(world: World) -> None:
    world.realm.add_principal("old", "secret")
    keytab = world.realm.make_keytab("old")
    world.realm.change_key("old")
    world.arguments = {"ccache": None, "keytab": keytab}


CAUSES: dict[Callable[[World], None], tuple[str, ErrorKind]] = {
    no_cache: ("There is no ticket cache", ErrorKind.TICKET),
    no_tickets_at_all: ("cannot be read", ErrorKind.TICKET),
    expired: ("expired at .* ago", ErrorKind.TICKET),
    only_a_service_ticket: ("none that others are got with", ErrorKind.TICKET),
    other_encryption: ("encryption types that this machine", ErrorKind.TICKET),
    keytab_without_the_client: ("does not know gone@", ErrorKind.TICKET),
    keytab_with_an_old_key: ("is not the one that the KDC has", ErrorKind.TICKET),
    no_kdc: ("can be reached", ErrorKind.KDC),
    kdc_nowhere: ("is known, or none answers", ErrorKind.KDC),
    silent_kdc: ("has answered in time", ErrorKind.TIMEOUT),
    clocks_apart: ("clock was 60 min behind", ErrorKind.AUTHENTICATE),
    unknown_host: ("made from the host 127.0.4.77", ErrorKind.AUTHENTICATE),
    kdc_with_a_new_key: ("its own key has been changed", ErrorKind.AUTHENTICATE),
    server_with_a_new_key: ("server cannot decrypt the ticket", ErrorKind.AUTHENTICATE),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world of its own: what is wrong with it is not put right."""
    # Undone before the realm's variables are.
    with Realm() as realm, realm.environ(), pytest.MonkeyPatch.context() as monkeypatch:
        realm.add_host("127.0.4.1")
        with realm.server(HELLO, addresses=["0.0.0.0"]) as server:
            world = World(realm, server, tmp_path, monkeypatch)
            realm.kinit(ccache=world.ccache)
            yield world


@pytest.mark.parametrize("cause", list(CAUSES), ids=lambda cause: cause.__name__)
def test_each_cause_has_its_own_hint_and_kind(world: World, cause: Callable[[World], None]) -> None:
    cause(world)
    with pytest.raises(RemctlError) as raised:
        world.open()
    error = raised.value
    hint = error.hint or ""
    assert [row for row in CAUSES if re.search(CAUSES[row][0], hint)] == [cause], (error, hint)
    assert error.kind == CAUSES[cause][1]
    assert is_described(str(error), hint)


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
    assert raised.value.kind is remctl.ErrorKind.TICKET
    assert not raised.value.may_have_run
