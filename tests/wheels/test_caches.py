"""Every kind of credential cache that the bundled krb5 is said to read."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from remctl.testing import Realm, Server

from tests.wheels.conftest import HELLO, Bundled, need, need_root

KCM_DAEMON = "/usr/sbin/kcm"  # Debian: heimdal-kcm
# A namespace in which /run is empty: the daemon's socket has a fixed name in it.
KCM = """
set -eu
mount -t tmpfs tmpfs /run
"$KCM_DAEMON" &
socket=/run/.heim_org.h5l.kcm-socket
for _ in $(seq 100); do [ -S "$socket" ] && break; sleep 0.05; done
kinit -c KCM: "$KCM_USER" >/dev/null <"$KCM_PASSWORD"
exec "$@"
"""


def hello(bundled: Bundled, server: Server, ccache: str) -> str:
    """What the server's hello says to a user of this cache."""
    return bundled.output(HELLO, str(server.port), server.principal, KRB5CCNAME=ccache)


def test_file(bundled: Bundled, realm: Realm, server: Server, tmp_path: Path) -> None:
    ccache = realm.kinit(ccache=f"FILE:{tmp_path / 'ccache'}")
    assert hello(bundled, server, ccache) == "hello world 0"


def test_dir(bundled: Bundled, realm: Realm, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "caches"
    folder.mkdir(mode=0o700)
    ccache = realm.kinit(ccache=f"DIR:{folder}")
    assert hello(bundled, server, ccache) == "hello world 0"


@pytest.fixture(params=["session:remctl-test", f"persistent:{os.getuid()}:remctl-test"])
def keyring(request: pytest.FixtureRequest, realm: Realm) -> Iterator[str]:
    """A cache in a keyring of the kernel's, with a ticket in it."""
    ccache = f"KEYRING:{request.param}"
    probe = subprocess.run(["klist", "-c", ccache], capture_output=True, text=True, check=False)
    if "not permitted" in probe.stderr or "not implemented" in probe.stderr:
        pytest.skip(f"no keyrings here: {probe.stderr}")
    yield realm.kinit(ccache=ccache)
    subprocess.run(["kdestroy", "-q", "-c", ccache], check=False)


def test_keyring(bundled: Bundled, server: Server, keyring: str) -> None:
    assert hello(bundled, server, keyring) == "hello world 0"


def test_memory_with_client_keytab(bundled: Bundled, realm: Realm, server: Server) -> None:
    output = bundled.output(
        HELLO,
        str(server.port),
        server.principal,
        KRB5CCNAME="MEMORY:remctl-test",
        KRB5_CLIENT_KTNAME=str(realm.keytab),
    )
    assert output == "hello world 0"


def test_kcm(bundled: Bundled, realm: Realm, server: Server, tmp_path: Path) -> None:
    need_root()
    need("unshare", "kinit", KCM_DAEMON)
    password = tmp_path / "password"
    password.write_text(realm.password + "\n")
    # Everything started in there ends with it.
    launcher = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork"]
    launcher += ["--kill-child", "sh", "-c", KCM, "kcm"]
    output = bundled.output(
        HELLO,
        str(server.port),
        server.principal,
        launcher=launcher,
        KRB5CCNAME="KCM:",
        KCM_DAEMON=shutil.which(KCM_DAEMON) or "",
        KCM_USER=realm.user,
        KCM_PASSWORD=str(password),
    )
    assert output == "hello world 0"


def test_missing_cache_is_named(bundled: Bundled, server: Server) -> None:
    done = bundled.run(HELLO, str(server.port), server.principal, KRB5CCNAME="FILE:/nonexistent")
    assert done.returncode == 1
    assert "No Kerberos credentials available (default cache: FILE:/nonexistent)" in done.stderr
