"""Causes of a failure to authenticate, each made for real, and what their hints advise to do.

Each function spoils a world, and returns what puts it right: the advice of the hint, carried out.
"""

import os
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from remctl import ErrorKind, RemctlError

from tests.credentials.conftest import locked, paused, stopped
from tests.credentials.world import Remedy, World

AES_128 = "aes128-cts-hmac-sha1-96"


# The user's cache.


def no_cache(world: World) -> Remedy:
    world.ccache.unlink()
    return world.kinit


def no_tickets_at_all(world: World) -> Remedy:
    world.ccache.write_text("no tickets")
    return world.kinit


def a_name_alone(world: World) -> Remedy:
    user = world.realm.user.partition("@")[0].encode()
    data = world.ccache.read_bytes()
    world.ccache.write_bytes(data[: data.index(user) + len(user)])
    return world.kinit


def expired(world: World) -> Remedy:
    world.realm.kinit(ccache=world.ccache, lifetime=100, ahead=200)
    return world.kinit


def only_a_service_ticket(world: World) -> Remedy:
    others = world.folder / "others"
    command = ["kvno", "-c", str(world.ccache), "--out-cache", str(others), "host/localhost"]
    subprocess.run(command, check=True, capture_output=True)
    others.rename(world.ccache)
    return world.kinit


def other_encryption(world: World) -> Remedy:
    world.configure(r"(\[libdefaults\]\n)", rf"\1 permitted_enctypes = {AES_128}\n")
    return world.kinit


def a_locked_cache(world: World) -> Remedy:
    world.timeout = 0.3
    return world.only_while(lambda: locked(world.ccache))


def chosen_without_tickets(world: World) -> Remedy:
    world.realm.add_principal("chosen", "secret")
    collection = world.folder / "caches"
    collection.mkdir(mode=0o700)
    (world.folder / ".k5identity").write_text(f"chosen@{world.realm.name} host={world.host}\n")
    world.monkeypatch.setenv("HOME", str(world.folder))
    world.monkeypatch.setenv("KRB5CCNAME", f"DIR:{collection}")
    world.arguments = {"ccache": None}
    world.kinit()
    return lambda: world.kinit("chosen")


# Clocks, KDCs, and the name of the server.


def clocks_apart(world: World) -> Remedy:
    world.realm.kinit(ccache=world.ccache, ahead=3600)
    return world.kinit


def no_kdc(world: World) -> Remedy:
    return world.only_while(lambda: stopped(world.realm))


def silent_kdc(world: World) -> Remedy:
    world.timeout = 0.3
    return world.only_while(lambda: paused(world.realm))


def kdc_nowhere(world: World) -> Remedy:
    return world.configure(r"\bkdc = 127\S+", "")


def kdc_unknown(world: World) -> Remedy:
    # A name that is too long for DNS: nobody is asked.
    return world.configure(r"\bkdc = 127\S+", f"kdc = {'kdc' * 30}.example")


def unknown_host(world: World) -> Remedy:
    world.host = "127.0.4.77"
    return lambda: setattr(world, "principal", "host/127.0.4.1")


def unknown_principal(world: World) -> Remedy:
    world.principal = "host/nowhere"
    return lambda: setattr(world, "principal", "host/127.0.4.1")


def the_clients_principal(world: World) -> Remedy:
    world.principal = world.realm.user
    return lambda: setattr(world, "principal", None)


def no_principal(world: World) -> Remedy:
    world.principal = "a@b@c"
    return lambda: setattr(world, "principal", f"host/{world.host}")


def kdc_with_a_new_key(world: World) -> Remedy:
    world.realm.change_key(f"krbtgt/{world.realm.name}")
    world.realm.change_key(f"krbtgt/{world.realm.name}")
    return world.kinit


# The server.


def server_with_a_new_key(world: World) -> Remedy:
    world.realm.change_key(f"host/{world.host}")

    def remedy() -> None:
        world.realm.make_keytab(f"host/{world.host}", path=world.realm.keytab)
        world.kinit()

    return remedy


def server_without_the_key(world: World) -> Remedy:
    world.host = "127.0.4.2"
    name = f"host/{world.host}"
    world.realm.add_principal(name, "secret")
    return lambda: world.realm.make_keytab(name, path=world.realm.keytab)


def server_that_is_locked(world: World) -> Remedy:
    name = f"host/{world.host}"
    world.realm.kadmin("modprinc", "-allow_svr", name)
    return lambda: world.realm.kadmin("modprinc", "+allow_svr", name)


def socket_not_connected(world: World) -> Remedy:
    world.sock = socket.socket
    address = world.server.host, world.server.port
    return lambda: setattr(world, "sock", lambda: socket.create_connection(address))


# Keytabs of the client's.


@dataclass
class Keytab:
    """A client with a keytab, which is to be spoiled."""

    world: World
    name: str
    path: Path

    def export(self) -> None:
        """Write the present keys to it."""
        self.world.realm.make_keytab(self.name, path=self.path)

    def modify(self, *words: str) -> None:
        """Change the principal at the KDC."""
        self.world.realm.kadmin("modprinc", *words, self.name)


def missing(keytab: Keytab) -> Remedy:
    keytab.path.unlink()
    return keytab.export


def empty(keytab: Keytab) -> Remedy:
    keytab.path.write_bytes(b"")

    def remedy() -> None:
        keytab.path.unlink()
        keytab.export()

    return remedy


def junk(keytab: Keytab) -> Remedy:
    remedy = empty(keytab)
    keytab.path.write_text("no keys")
    return remedy


def old_key(keytab: Keytab) -> Remedy:
    keytab.world.realm.change_key(keytab.name)
    return keytab.export


def unknown_client(keytab: Keytab) -> Remedy:
    keytab.world.realm.kadmin("delprinc", "-force", keytab.name)

    def remedy() -> None:
        keytab.world.realm.add_principal(keytab.name, "secret")
        keytab.path.unlink()
        keytab.export()

    return remedy


def locked_client(keytab: Keytab) -> Remedy:
    keytab.modify("-allow_tix")
    return lambda: keytab.modify("+allow_tix")


def expired_client(keytab: Keytab) -> Remedy:
    keytab.modify("-expire", "yesterday")
    return lambda: keytab.modify("-expire", "never")


def expired_key(keytab: Keytab) -> Remedy:
    keytab.modify("-pwexpire", "yesterday")
    return lambda: keytab.modify("-pwexpire", "never")


def other_kind_of_key(keytab: Keytab) -> Remedy:
    old, new = (["-e", f"{kind}-cts:normal"] for kind in ("aes128", "aes256"))
    keytab.path.unlink()
    keytab.world.realm.kadmin("ktadd", *old, "-k", str(keytab.path), keytab.name)
    keytab.world.realm.kadmin("cpw", "-randkey", *new, keytab.name)
    return keytab.export


def no_kdc_for_it(keytab: Keytab) -> Remedy:
    return no_kdc(keytab.world)


KEYTABS: dict[Callable[[Keytab], Remedy], tuple[str, ErrorKind]] = {
    old_key: ("is not the one that the KDC has", ErrorKind.TICKET),
    unknown_client: (r"does not know \S+@\S+, whose key", ErrorKind.TICKET),
    locked_client: ("The KDC has locked", ErrorKind.TICKET),
    expired_client: ("The principal .* has expired", ErrorKind.TICKET),
    expired_key: ("The key of .* has expired", ErrorKind.TICKET),
    other_kind_of_key: ("of an encryption type that the KDC and", ErrorKind.TICKET),
    no_kdc_for_it: ("No KDC .* can be reached", ErrorKind.KDC),
}

UNREADABLE: dict[Callable[[Keytab], Remedy], tuple[str, ErrorKind]] = dict.fromkeys(
    (missing, empty, junk), ("the client keytab cannot be used", ErrorKind.TICKET)
)


def client_keytab(spoil: Callable[[Keytab], Remedy]) -> Callable[[World], Remedy]:
    """A keytab that is the default one, with something wrong with it."""

    def cause(world: World) -> Remedy:
        world.monkeypatch.setenv("KRB5CCNAME", str(world.folder / "none"))
        keytab = _keytab(world, f"by-default-{spoil.__name__}")
        world.monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(keytab.path))
        world.arguments = {"ccache": None}
        return spoil(keytab)

    cause.__name__ = f"client_keytab_{spoil.__name__}"
    return cause


def named_keytab(spoil: Callable[[Keytab], Remedy]) -> Callable[[World], Remedy]:
    """The same with one that `keytab=` names."""

    def cause(world: World) -> Remedy:
        keytab = _keytab(world, f"named-{spoil.__name__}")
        world.arguments = {"keytab": keytab.path}
        return spoil(keytab)

    cause.__name__ = f"named_keytab_{spoil.__name__}"
    return cause


def _keytab(world: World, name: str) -> Keytab:
    world.realm.add_principal(name, "secret")
    keytab = Keytab(world, name, world.folder / "client.keytab")
    keytab.export()
    return keytab


# This machine.


@contextmanager
def scarce(left: int) -> Iterator[None]:
    """So many descriptors are left to this process, and no more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + left + 1, before[1]))
    taken = []
    with suppress(OSError):
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    for number in taken[-left:]:
        os.close(number)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for number in taken[:-left]:
            os.close(number)


def no_descriptors(world: World) -> Remedy:
    """The last that the open lacks is one for libkrb5."""
    for left in range(16, 0, -1):
        remedy = world.only_while(lambda left=left: scarce(left))  # type: ignore[misc]
        try:
            world.open()
        except RemctlError as error:
            if "ticket cache" in str(error):
                return remedy
    raise AssertionError("no open lacked one for its cache")


TICKET, AUTHENTICATE = ErrorKind.TICKET, ErrorKind.AUTHENTICATE

#: What a hint has that no other cause's has; and the kind.
CAUSES: dict[Callable[[World], Remedy], tuple[str, ErrorKind]] = {
    no_cache: ("There is no ticket cache [^,]*: get", TICKET),
    no_tickets_at_all: ("cache .* cannot be read", TICKET),
    a_name_alone: ("There is no ticket in the cache", TICKET),
    expired: ("expired at .* ago", TICKET),
    only_a_service_ticket: ("none that others are got with", TICKET),
    other_encryption: ("encryption types that this machine does not permit", TICKET),
    a_locked_cache: ("could not be read in time", ErrorKind.TIMEOUT),
    chosen_without_tickets: ("k5identity chooses chosen@", TICKET),
    clocks_apart: ("clock was 60 min behind", AUTHENTICATE),
    no_kdc: ("No KDC .* can be reached", ErrorKind.KDC),
    silent_kdc: ("has answered in time", ErrorKind.TIMEOUT),
    kdc_nowhere: ("is known, or none answers", ErrorKind.KDC),
    kdc_unknown: ("can be found, for its name cannot be resolved", ErrorKind.KDC),
    unknown_host: ("made from the host 127.0.4.77", AUTHENTICATE),
    unknown_principal: ("which principal= gives as the server's name", AUTHENTICATE),
    the_clients_principal: ("is the client's: leave it out", AUTHENTICATE),
    no_principal: ("is not a valid Kerberos principal", AUTHENTICATE),
    kdc_with_a_new_key: ("its own key has been changed", AUTHENTICATE),
    server_with_a_new_key: ("The server cannot decrypt the ticket", AUTHENTICATE),
    server_without_the_key: ("The server's keytab has no key", AUTHENTICATE),
    server_that_is_locked: ("The KDC gives no tickets for", AUTHENTICATE),
    socket_not_connected: ("The socket is not connected", ErrorKind.LOST),
    no_descriptors: ("Descriptors have run out", ErrorKind.LOCAL),
    **{named_keytab(spoil): row for spoil, row in KEYTABS.items()},
    **{client_keytab(spoil): row for spoil, row in (KEYTABS | UNREADABLE).items()},
}
