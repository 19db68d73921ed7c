"""Which tickets an open uses that names none: the same as the library by itself."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from remctl.testing import Realm, Server

WHO = """
import sys, remctl
try:
    text = remctl.remctl(sys.argv[1], int(sys.argv[2]), command=["test", "env"]).text
except remctl.RemctlError as error:
    print(error)
else:
    print(*(one.partition("=")[2] for one in text.splitlines() if one.startswith("REMOTE_USER=")))
"""

IN_A_LOOP = """
import asyncio, sys, remctl
async def main():
    result = await remctl.aremctl(sys.argv[1], int(sys.argv[2]), command=["test", "env"])
    print(*(o.partition("=")[2] for o in result.text.splitlines() if o.startswith("REMOTE_USER=")))
asyncio.run(main())
"""

# Copies the tickets of a cache into another, in this thread.
COPY = """
import ctypes
krb5 = ctypes.CDLL("libkrb5.so.3")
def copy(source, target):
    context, one, other, client = (ctypes.c_void_p() for _ in range(4))
    at = ctypes.byref
    for code in (
        lambda: krb5.krb5_init_context(at(context)),
        lambda: krb5.krb5_cc_resolve(context, source.encode(), at(one)),
        lambda: krb5.krb5_cc_resolve(context, target.encode(), at(other)),
        lambda: krb5.krb5_cc_get_principal(context, one, at(client)),
        lambda: krb5.krb5_cc_initialize(context, other, client),
        lambda: krb5.krb5_cc_copy_creds(context, one, other),
    ):
        assert code() == 0
copy(sys.argv[3], sys.argv[4])
"""

# What Credentials say of a cache of this thread's, and whose call it is with them.
LOOKS = {
    WHO: WHO.replace(
        "remctl\n", f"remctl\n{COPY}seen = remctl.Credentials.from_ccache(sys.argv[4])\n", 1
    )
    .replace("command=", "ccache=seen, command=")
    .replace("print(*", "print(seen.valid, seen.check(), *"),
    IN_A_LOOP: IN_A_LOOP.replace(
        "remctl\n", f"remctl\n{COPY}seen = remctl.Credentials.from_ccache(sys.argv[4])\n", 1
    )
    .replace("command=", "ccache=seen, command=")
    .replace("print(*", "print(seen.valid, await seen.acheck(), *"),
}

KCM_DAEMON = "/usr/sbin/kcm"  # Debian: heimdal-kcm
# A namespace in which /run is empty: the daemon's socket has a fixed name in it.
KCM = f"""
set -eu
mount -t tmpfs tmpfs /run
{KCM_DAEMON} &
for _ in $(seq 100); do [ -S /run/.heim_org.h5l.kcm-socket ] && break; sleep 0.05; done
echo secret | kinit -c KCM: one >/dev/null
exec "$@"
"""

NONE = (
    "GSS-API error initializing context: No credentials were supplied, or the credentials were "
    "unavailable or inaccessible, "
)

Who = Callable[..., str]


@pytest.fixture(scope="module")
def _two(realm: Realm) -> None:
    for name in ("one", "two"):
        realm.add_principal(name, "secret")


@pytest.fixture
def cache(realm: Realm, _two: None, tmp_path: Path) -> str:
    """A cache in a file, with tickets of `one`."""
    return realm.kinit("one", "secret", ccache=f"FILE:{tmp_path / 'cache'}")


@pytest.fixture
def collection(realm: Realm, _two: None, tmp_path: Path) -> str:
    """A folder of caches: the primary is `one`'s, and the other is `two`'s."""
    folder = tmp_path / "caches"
    folder.mkdir(mode=0o700)
    for name in ("one", "two"):
        realm.kinit(name, "secret", ccache=f"DIR::{folder}/tkt{name}")
    (folder / "primary").write_text("tktone\n")
    return f"DIR:{folder}"


@pytest.fixture
def who(server: Server, tmp_path: Path) -> Who:
    """Whose command it is, or the text of the error, in a process of its own."""

    def run(*arguments: str, script: str = WHO, launcher: tuple[str, ...] = (), **env: str) -> str:
        words = [*launcher, sys.executable, "-c", script, server.host, str(server.port), *arguments]
        variables = {**os.environ, "HOME": str(tmp_path), **env}
        if not variables["KRB5CCNAME"]:
            del variables["KRB5CCNAME"]
        done = subprocess.run(words, env=variables, text=True, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().partition("@REMCTL")[0]

    return run


def prefer(tmp_path: Path, name: str) -> None:
    """Make .k5identity say that every server sees this client."""
    (tmp_path / ".k5identity").write_text(f"{name}@REMCTL.TEST\n")


@pytest.mark.parametrize("script", [WHO, IN_A_LOOP])
class TestACache:
    def test_of_the_kind_file(self, who: Who, cache: str, script: str) -> None:
        assert who(KRB5CCNAME=cache, script=script) == "one"
        assert who(KRB5CCNAME=cache.removeprefix("FILE:"), script=script) == "one"

    @pytest.mark.parametrize("kind", ["session:remctl-choice", "user:remctl-choice"])
    def test_of_the_kind_keyring(self, who: Who, cache: str, kind: str, script: str) -> None:
        name = f"KEYRING:{kind}"
        subprocess.run([sys.executable, "-c", f"import sys{COPY}", "", "", cache, name], check=True)
        try:
            assert who(KRB5CCNAME=name, script=script) == "one"
        finally:
            subprocess.run(["kdestroy", "-c", name], check=True)

    @pytest.mark.parametrize("kind", ["MEMORY:x", "KEYRING:process:x:y", "KEYRING:thread:x:y"])
    def test_of_this_process_or_thread(self, who: Who, cache: str, kind: str, script: str) -> None:
        filled = script.replace("remctl\n", f"remctl\n{COPY}", 1)
        assert who(cache, kind, KRB5CCNAME=kind, script=filled) == "one"

    @pytest.mark.parametrize("kind", ["process", "thread"])
    def test_of_this_process_or_thread_is_looked_at_there(
        self, who: Who, cache: str, kind: str, script: str
    ) -> None:
        name = f"KEYRING:{kind}:x:y"
        assert who(cache, name, script=LOOKS[script]) == "True True one"

    def test_that_krb5_conf_names(
        self, who: Who, realm: Realm, cache: str, tmp_path: Path, script: str
    ) -> None:
        config = tmp_path / "krb5.conf"
        config.write_text(
            f"[libdefaults]\ndefault_ccache_name = {cache}\ninclude {realm.env['KRB5_CONFIG']}\n"
        )
        assert who(KRB5CCNAME="", KRB5_CONFIG=str(config), script=script) == "one"

    @pytest.mark.usefixtures("_two")
    def test_that_a_daemon_keeps(self, who: Who, script: str) -> None:
        if os.geteuid() != 0 or shutil.which(KCM_DAEMON) is None:
            pytest.skip("needs root and Heimdal's kcm")
        apart = "unshare --mount --propagation private --pid --fork --kill-child sh -c"
        launcher = (*apart.split(), KCM, "kcm")
        assert who(KRB5CCNAME="KCM:", script=script, launcher=launcher) == "one"


class TestACollection:
    def test_its_primary_one(self, who: Who, collection: str) -> None:
        assert who(KRB5CCNAME=collection) == "one"

    def test_the_one_that_k5identity_names(self, who: Who, collection: str, tmp_path: Path) -> None:
        prefer(tmp_path, "two")
        assert who(KRB5CCNAME=collection) == "two"

    def test_none_where_it_names_another(self, who: Who, collection: str, tmp_path: Path) -> None:
        prefer(tmp_path, "nobody")
        assert who(KRB5CCNAME=collection) == NONE + "Can't find client principal nobody"

    def test_none_of_a_file_where_it_names_another(
        self, who: Who, cache: str, tmp_path: Path
    ) -> None:
        prefer(tmp_path, "two")
        assert who(KRB5CCNAME=cache) == NONE + "Can't find client principal two"


class TestWithoutTickets:
    @pytest.mark.parametrize("name", ["FILE:/nonexistent", "/nonexistent", "DIR:/nonexistent/x"])
    def test_the_library_s_words_are_kept(self, who: Who, name: str) -> None:
        text = f"No Kerberos credentials available (default cache: {name})"
        assert who(KRB5CCNAME=name) == NONE + text

    @pytest.mark.usefixtures("_two")
    @pytest.mark.parametrize("kind", ["FILE", "DIR"])
    def test_a_client_keytab_fills_the_cache(
        self, who: Who, realm: Realm, tmp_path: Path, kind: str
    ) -> None:
        keytab = str(realm.make_keytab("two"))
        (tmp_path / "fresh").mkdir()
        name = f"{kind}:{tmp_path / 'fresh'}" + ("/cache" if kind == "FILE" else "")
        for _ in range(2):
            assert who(KRB5CCNAME=name, KRB5_CLIENT_KTNAME=keytab) == "two"
        assert len([one for one in os.listdir(tmp_path / "fresh") if one != "primary"]) == 1

    @pytest.mark.usefixtures("_two")
    def test_a_client_keytab_is_for_whom_k5identity_names(
        self, who: Who, realm: Realm, tmp_path: Path
    ) -> None:
        keytab = str(realm.make_keytab("one", "two"))
        prefer(tmp_path, "two")
        assert who(KRB5CCNAME=str(tmp_path / "x"), KRB5_CLIENT_KTNAME=keytab) == "two"

    @pytest.mark.parametrize("kind", ["process", "thread"])
    def test_a_keyring_that_this_thread_does_not_see_is_an_error(self, who: Who, kind: str) -> None:
        said = who(KRB5CCNAME=f"KEYRING:{kind}:none:none")
        assert said.startswith("this thread sees no tickets in the cache KEYRING:")


THREAD_S_OWN = """
import ctypes, os, sys, threading, remctl
gssapi = ctypes.CDLL("libgssapi_krb5.so.2")
def name(cache):
    minor = ctypes.c_uint32()
    assert gssapi.gss_krb5_ccache_name(ctypes.byref(minor), cache, None) == 0
def who():
    text = remctl.remctl(sys.argv[1], int(sys.argv[2]), command=["test", "env"]).text
    (line,) = (one for one in text.splitlines() if one.startswith("REMOTE_USER="))
    return line.partition("=")[2].partition("@")[0]
name(sys.argv[3].encode())
seen = [who(), who()]
thread = threading.Thread(target=lambda: seen.append(who()))
thread.start()
thread.join()
name(None)
os.environ["KRB5CCNAME"] = sys.argv[4]
seen.append(who())
print(*seen)
"""


def test_the_name_that_a_thread_has_given_to_libgssapi_is_that_thread_s(
    who: Who, realm: Realm, cache: str, tmp_path: Path
) -> None:
    others = realm.kinit("two", "secret", ccache=f"FILE:{tmp_path / 'others'}")
    # It stays the thread's, and when it has none the variable counts again.
    assert who(others, others, KRB5CCNAME=cache, script=THREAD_S_OWN) == "two two one two"


def test_of_a_krb5_conf_that_cannot_be_read_nothing_stays(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from remctl import RemctlError, remctl

    (tmp_path / "krb5.conf").write_text("[libdefaults\n")
    with monkeypatch.context() as patch:
        patch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))
        with pytest.raises(RemctlError):
            remctl(server.host, server.port, command=["test", "hello"])
    name = ctypes.c_char_p()
    minor = ctypes.c_uint32()
    gssapi = ctypes.CDLL("libgssapi_krb5.so.2")
    assert gssapi.gss_krb5_ccache_name(ctypes.byref(minor), None, ctypes.byref(name)) == 0
    assert name.value == os.environ["KRB5CCNAME"].encode()
