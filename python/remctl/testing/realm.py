"""A throwaway Kerberos realm."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remctl.testing._keeper import Daemon, Keeper
from remctl.testing._tools import PACKAGES, find
from remctl.testing.server import Server

if TYPE_CHECKING:
    from remctl.testing.commands import Commands

# Nothing here may depend on name service: every address is written out, and host names are
# taken as they are given.
_KRB5_CONF: dict[str, Any] = {
    "libdefaults": {
        "default_realm": "$realm",
        "dns_lookup_kdc": "false",
        "dns_lookup_realm": "false",
        "dns_canonicalize_hostname": "false",
        "rdns": "false",
    },
    "realms": {"$realm": {"kdc": "127.0.0.1:$port0", "admin_server": "127.0.0.1:$port1"}},
}
_KDC_CONF: dict[str, Any] = {
    "realms": {
        "$realm": {
            "database_name": "$tmpdir/db",
            "key_stash_file": "$tmpdir/stash",
            "acl_file": "$tmpdir/acl",
            "kdc_listen": "127.0.0.1:$port0",
            "kdc_tcp_listen": "127.0.0.1:$port0",
            "max_renewable_life": "7d",
        }
    },
    "logging": {"kdc": "FILE:$tmpdir/kdc.log", "default": "FILE:$tmpdir/others.log"},
}
_HOSTS = ("localhost", "127.0.0.1", "::1")
_PASSED_ON = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")


def _k5realm(folder: Path, name: str, portbase: int) -> Any:
    """The realm of k5test in a folder of ours, with nothing in it and nothing running yet."""
    try:
        base = import_module("k5test.realm").MITRealm
    except ImportError as error:
        raise ImportError(
            "remctl.testing needs the package k5test: pip install 'pyremctl[testing]'"
        ) from error
    for program in PACKAGES:
        find(program)
    ours = {"hostname": "localhost", "_krb5_conf": _KRB5_CONF, "_kdc_conf": _KDC_CONF}
    k5 = type("Loopback", (base,), ours)(
        realm=name, portbase=portbase, existing=str(folder), get_creds=False
    )
    k5.env = k5.special_env("realm", True)
    return k5


class Realm:
    """A Kerberos realm with its own KDC and a user with a ticket; use it with `with`.

    The realm and the servers in it live on the loopback interface, on ports and in a folder
    of their own, and are gone when the block is left or this process ends, in whatever way
    it ends. Any number of realms can be open at once.

    Attributes:
        name: the name of the realm.
        user: the principal of the user who has a ticket; `password` is its password.
        folder: the folder with all files of the realm, removed at the end.
        ccache: the path of the user's ticket cache.
        keytab: the path of the keytab with the keys of `host/localhost` (and of
            `host/127.0.0.1` and `host/::1`).
        env: the environment variables that make a program a member of the realm.
    """

    def __init__(self, name: str = "REMCTL.TEST") -> None:
        self.name = name
        self.user: str = f"user@{name}"
        self.password: str = secrets.token_hex(8)
        self._kdc: Daemon | None = None
        self._keeper: Keeper | None = None

    def open(self) -> None:
        """Make the realm, start its KDC and get a ticket for the user."""
        if self._keeper is not None:
            raise RuntimeError("the realm is open already")
        self.owner: int = os.getpid()
        self._keeper = Keeper("remctl-realm-")
        self.folder: Path = self._keeper.folder
        k5 = self._k5 = _k5realm(self.folder, self.name, self._keeper.lease(10))
        self.ccache: str = k5.ccache
        self.keytab: Path = Path(k5.keytab)
        self.env: dict[str, str] = {k: v for k, v in k5.env.items() if k.startswith("KRB5")}
        passed_on = {k: os.environ[k] for k in _PASSED_ON if k in os.environ}
        self.daemon_env: dict[str, str] = passed_on | self.env
        k5.create_kdb()
        self._kadmin(
            f'addprinc -pw "{self.password}" {self.user}',
            *(f"addprinc -randkey host/{host}" for host in _HOSTS),
            f"ktadd -k {self.keytab} {' '.join(f'host/{host}' for host in _HOSTS)}",
        )
        self.start_kdc()
        self.kinit()

    def close(self) -> None:
        """End the realm with all servers in it; return when everything is gone."""
        if self._keeper is not None and os.getpid() == self.owner:
            keeper, self._keeper, self._kdc = self._keeper, None, None
            keeper.close()

    @property
    def keeper(self) -> Keeper:
        """The process that the realm's daemons belong to."""
        if self._keeper is None:
            raise RuntimeError("the realm is not open")
        return self._keeper

    def _kadmin(self, *lines: str) -> str:
        """Have kadmin.local carry out some commands; what it says."""
        said: bytes = self._k5.run([self._k5.kadmin_local], input="\n".join(lines) + "\n")
        return said.decode()

    def add_principal(self, name: str, password: str | None = None) -> None:
        """Add a principal; one without a password gets its key into the keytab."""
        if password is None:
            self._kadmin(f"addprinc -randkey {name}", f"ktadd -k {self.keytab} {name}")
        else:
            self._kadmin(f'addprinc -pw "{password}" {name}')

    def kinit(
        self,
        principal: str | None = None,
        password: str | None = None,
        *,
        ccache: str | os.PathLike[str] | None = None,
        flags: Sequence[str] = (),
    ) -> str:
        """Get a ticket and return the ticket cache that it is in.

        Without arguments it is a new one for the user, in the place of the old one. `flags`
        are further arguments of kinit, such as `["-l", "5s"]` for a short life.
        """
        where = os.fspath(ccache or self.ccache)
        flags = ["-c", where, *flags]
        self._k5.kinit(principal or self.user, password or self.password, flags=flags)
        return where

    def start_kdc(self) -> None:
        """Start the KDC (which runs already in a realm just opened)."""
        if self._kdc is not None:
            raise RuntimeError("the KDC runs already")
        log = self.folder / "krb5kdc.log"
        log.unlink(missing_ok=True)
        args = [self._k5.krb5kdc, "-n"]
        self._kdc = self.keeper.start("krb5kdc", args, self.daemon_env, log)
        self._kdc.wait_until(lambda: b"starting..." in log.read_bytes())

    def stop_kdc(self) -> None:
        """Stop the KDC; start_kdc() brings it back on the same port."""
        if self._kdc is not None:
            kdc, self._kdc = self._kdc, None
            kdc.stop()

    def log(self) -> str:
        """All that the KDC has logged so far."""
        return (self.folder / "kdc.log").read_text(errors="replace")

    @contextmanager
    def environ(self) -> Iterator[dict[str, str]]:
        """Make this process a member of the realm: `env` in `os.environ`, taken out after."""
        before = {name: os.environ.get(name) for name in self.env}
        os.environ.update(self.env)
        try:
            yield self.env
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def server(
        self,
        commands: Commands,
        *,
        addresses: Sequence[str] = ("127.0.0.1",),
        env: Mapping[str, str] | None = None,
        debug: bool = False,
        launcher: Sequence[str] = (),
    ) -> Server:
        """A remctld in this realm, started by its `with` block (or by `Server.start()`).

        `commands` is what `remctl.testing.commands.Commands` describes; `addresses` are the
        addresses it listens on; `env` is added to the environment of its commands; `debug`
        makes its log more talkative; `launcher` are words to put before the command that
        starts remctld, such as `["nsenter", "--net=..."]`.
        """
        return Server(
            self,
            commands,
            addresses=tuple(addresses),
            env=env,
            debug=debug,
            launcher=launcher,
        )

    def __enter__(self) -> Realm:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
