"""`Realm`: a temporary Kerberos realm."""

from __future__ import annotations

import math
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from remctl.testing._keeper import Daemon, Keeper
from remctl.testing._tools import PACKAGES, check_folder, find, set_clock
from remctl.testing.commands import Commands
from remctl.testing.server import EVERY_IPV4, Server

# Nothing here depends on a name service: all addresses are numeric, and host names are used as
# they are given.
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


def _duration(seconds: float) -> str:
    """A duration for the Kerberos programs, in whole seconds."""
    return f"{math.ceil(seconds)}s"


def _k5realm(folder: Path, name: str, portbase: int) -> Any:
    """A realm of k5test in our directory, still empty and without daemons."""
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

    The realm and its servers run on the loopback interface, with their own ports and their own
    directory. They are removed at the end of the block or when this process ends, for whatever
    reason. Any number of realms can be open at once.

    Attributes:
        name: the name of the realm.
        user: the principal of the user with a ticket; `password` is the user's password.
        folder: the directory with all files of the realm, removed at the end.
        ccache: the path of the user's ticket cache.
        keytab: the path of the keytab with the keys of `host/localhost` (and of
            `host/127.0.0.1` and `host/::1`).
        env: the environment variables with which a program uses the realm.
    """

    def __init__(self, name: str = "REMCTL.TEST") -> None:
        self.name = name
        self.user: str = f"user@{name}"
        self.password: str = secrets.token_hex(8)
        self._kdc: Daemon | None = None
        self._keeper: Keeper | None = None

    def open(self) -> None:
        """Create the realm, start its KDC and get a ticket for the user."""
        if self._keeper is not None:
            raise RuntimeError("the realm is open already")
        self._keeper = Keeper("remctl-realm-")
        self.folder: Path = self._keeper.folder
        check_folder(self.folder)
        k5 = self._k5 = _k5realm(self.folder, self.name, self._keeper.lease(10))
        self.ccache: str = k5.ccache
        self.keytab: Path = Path(k5.keytab)
        self.env: dict[str, str] = {k: v for k, v in k5.env.items() if k.startswith("KRB5")}
        passed_on = {k: os.environ[k] for k in _PASSED_ON if k in os.environ}
        self.daemon_env: dict[str, str] = passed_on | self.env
        k5.create_kdb()
        self.add_principal(self.user, self.password)
        self.add_host(*_HOSTS)
        self.start_kdc()
        self.kinit()

    def close(self) -> None:
        """Remove the realm and all its servers, and wait until everything is gone."""
        if self._keeper is not None and os.getpid() == self._keeper.owner:
            keeper, self._keeper, self._kdc = self._keeper, None, None
            keeper.close()

    @property
    def keeper(self) -> Keeper:
        """The process that owns the realm's daemons."""
        if self._keeper is None:
            raise RuntimeError("the realm is not open")
        return self._keeper

    def kadmin(self, *words: str) -> str:
        """Run a command in kadmin.local and return its output.

        Pass each word as an argument: `realm.kadmin("modprinc", "-expire", "yesterday",
        realm.user)`. Raises RuntimeError with its output if it fails.
        """
        # Its exit status does not show that a principal for a keytab is missing.
        return self._run(self._k5.kadmin_local, *words, alarm="does not exist")

    def _run(self, *args: str, stdin: str = "", alarm: str | None = None) -> str:
        done = subprocess.run(args, env=self._k5.env, input=stdin, capture_output=True, text=True)
        if done.returncode or (alarm is not None and alarm in done.stderr):
            words = (done.stderr or done.stdout).strip()
            raise RuntimeError(f"{os.path.basename(args[0])} {' '.join(args[1:])}: {words}")
        return done.stdout

    def add_principal(
        self, name: str, password: str | None = None, *, lifetime: float | None = None
    ) -> None:
        """Add a principal; one without a password gets its key into the realm's keytab.

        `lifetime` is the longest lifetime of a ticket for it or of it, in seconds.
        """
        secret = ["-randkey"] if password is None else ["-pw", password]
        limit = [] if lifetime is None else ["-maxlife", _duration(lifetime)]
        self.kadmin("addprinc", *secret, *limit, name)
        if password is None:
            self.make_keytab(name, path=self.keytab)

    def add_host(self, *names: str) -> None:
        """Add `host/<name>`, libremctl's default for a host of that name, to the realm's keytab.

        For servers on 127.0.0.2, 127.0.0.3 and so on. Existing names are not changed.
        """
        there = set(self.kadmin("listprincs", "host/*").split())
        new = [one for one in names if f"host/{one}@{self.name}" not in there]
        if new:
            hosts = [f"host/{name}" for name in dict.fromkeys(new)]
            adding = "".join(f"addprinc -randkey {host}\n" for host in hosts)
            self._run(self._k5.kadmin_local, stdin=adding)
            self.make_keytab(*hosts, path=self.keytab)

    def make_keytab(self, *principals: str, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the current keys of principals to a keytab and return its path.

        The keys are not changed: passwords and other keytabs remain valid. The keytab is a new
        file in `folder`; with `path` the keys are added to that file.
        """
        if path is None:
            path = tempfile.mkdtemp(prefix="keytab-", dir=self.folder) + "/krb5.keytab"
        self.kadmin("ktadd", "-norandkey", "-k", os.fspath(path), *principals)
        return Path(path)

    def change_key(self, principal: str, password: str | None = None) -> int:
        """Give a principal a new key, random or from a password; return its version number (kvno).

        Keytabs keep the old key until `make_keytab` adds the new one.
        """
        secret = ["-randkey"] if password is None else ["-pw", password]
        self.kadmin("cpw", *secret, principal)
        return max(map(int, re.findall(r"Key: vno (\d+)", self.kadmin("getprinc", principal))))

    def kinit(
        self,
        principal: str | None = None,
        password: str | None = None,
        *,
        keytab: str | os.PathLike[str] | None = None,
        ccache: str | os.PathLike[str] | None = None,
        lifetime: float | None = None,
        ahead: float | None = None,
        flags: Sequence[str] = (),
    ) -> str:
        """Get a ticket and return its ticket cache.

        Without arguments this replaces the user's ticket with a new one. With `keytab` the key
        comes from there, and no password is needed. `lifetime` is the lifetime of the ticket,
        in seconds. With `ahead` (seconds, negative for behind) a client that uses the cache
        believes that its clock differs this much from the KDC's; with more than 300, servers
        refuse it. `flags` are further arguments of kinit. Raises RuntimeError with the output
        of kinit if it fails.
        """
        where = os.fspath(ccache or self.ccache)
        args = ["-c", where, *flags]
        if keytab is not None:
            args += ["-k", "-t", os.fspath(keytab)]
        if lifetime is not None:
            args += ["-l", _duration(lifetime)]
        secret = "" if keytab is not None else f"{password or self.password}\n"
        self._run(find("kinit"), *args, principal or self.user, stdin=secret)
        if ahead is not None:
            set_clock(where, ahead)
        return where

    def start_kdc(self) -> None:
        """Start the KDC (it is already running in a realm that was just opened)."""
        if self._kdc is not None:
            raise RuntimeError("the KDC runs already")
        log = self.folder / "krb5kdc.log"
        log.unlink(missing_ok=True)
        args = [self._k5.krb5kdc, "-n"]
        self._kdc = self.keeper.start("krb5kdc", args, self.daemon_env, log)
        self._kdc.wait_until(lambda: b"starting..." in log.read_bytes())

    def stop_kdc(self) -> None:
        """Stop the KDC; start_kdc() starts it again on the same port."""
        if self._kdc is not None:
            kdc, self._kdc = self._kdc, None
            kdc.stop()

    def pause_kdc(self) -> None:
        """Pause the KDC with SIGSTOP: it exists, but does not answer."""
        self._running_kdc().pause()

    def resume_kdc(self) -> None:
        """Resume a paused KDC with SIGCONT."""
        self._running_kdc().resume()

    def _running_kdc(self) -> Daemon:
        if self._kdc is None:
            raise RuntimeError("the KDC does not run")
        return self._kdc

    def log(self) -> str:
        """The KDC's log so far."""
        return (self.folder / "kdc.log").read_text(errors="replace")

    @contextmanager
    def environ(self) -> Iterator[dict[str, str]]:
        """Let this process use the realm: sets `env` in `os.environ` for the block."""
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
        port: int | None = None,
        keytab: Path | None = None,
        env: Mapping[str, str] | None = None,
        debug: bool = False,
        launcher: Sequence[str] = (),
    ) -> Server:
        """Create a remctld in this realm; its `with` block (or `Server.start()`) starts it.

        `commands` is described in `remctl.testing.commands.Commands`. `addresses` are the
        addresses that it listens on, for which `add_host` is called, or `0.0.0.0` for all that
        `add_host` was called for. The default `port` is a free one; it may be that of another
        server on other addresses. `keytab` replaces the realm's. `env` is added to the
        environment of its commands. `debug` makes its log more detailed. `launcher` are words
        to put before the command that starts remctld, such as `["nsenter", "--net=..."]`.
        """
        self.add_host(*(address for address in addresses if address != EVERY_IPV4))
        return Server(
            self.keeper,
            commands,
            realm=self.name,
            keytab=self.keytab if keytab is None else keytab,
            env=self.daemon_env | dict(env or {}),
            addresses=addresses,
            port=port,
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
