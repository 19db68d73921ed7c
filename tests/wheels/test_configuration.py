"""Where the bundled krb5 takes its configuration from, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from remctl.testing import Realm, Server

from tests.wheels.conftest import HELLO, Bundled, need, need_root

# Lays a file over /etc/krb5.conf for one command, made where there is none.
OVER_ETC = """
set -eu
mount -t tmpfs tmpfs "$WORK"
mkdir "$WORK/upper" "$WORK/own"
mount -t overlay -o "lowerdir=/etc,upperdir=$WORK/upper,workdir=$WORK/own" overlay /etc
cp "$CONF" /etc/krb5.conf
exec "$@"
"""
IN_NAMESPACE = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]

# A library that says so when it is loaded, and offers nothing.
PLUGIN = """
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void loaded(void) {
    FILE *out = fopen(getenv("PLUGIN_WITNESS"), "a");
    fputs("loaded\\n", out);
    fclose(out);
}
"""


def conf_of(realm: Realm) -> Path:
    """The realm's krb5.conf."""
    return Path(realm.env["KRB5_CONFIG"])


@pytest.fixture(autouse=True)
def _fresh_ticket(realm: Realm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache without a ticket for the server, so that the KDC has to be found."""
    monkeypatch.setenv("KRB5CCNAME", realm.kinit(ccache=f"FILE:{tmp_path / 'ccache'}"))


def hello(bundled: Bundled, server: Server, conf: Path | str, **variables: str) -> str:
    """What the server's hello says to a user with this configuration."""
    return bundled.output(
        HELLO, str(server.port), server.principal, KRB5_CONFIG=str(conf), **variables
    )


def test_include(bundled: Bundled, realm: Realm, server: Server, tmp_path: Path) -> None:
    conf = tmp_path / "krb5.conf"
    conf.write_text(f"include {conf_of(realm)}\n")
    assert hello(bundled, server, conf) == "hello world 0"


def test_includedir(bundled: Bundled, realm: Realm, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "krb5.conf.d"
    folder.mkdir()
    (folder / "realm.conf").write_text(conf_of(realm).read_text())
    (folder / "left-over.conf~").write_text("this is not a configuration\n")
    conf = tmp_path / "krb5.conf"
    conf.write_text(f"includedir {folder}\n")
    assert hello(bundled, server, conf) == "hello world 0"


def test_krb5_config_is_a_list(
    bundled: Bundled, realm: Realm, server: Server, tmp_path: Path
) -> None:
    first = tmp_path / "first.conf"
    first.write_text("[libdefaults]\n  forwardable = true\n")
    assert hello(bundled, server, f"{first}:{conf_of(realm)}") == "hello world 0"


def test_without_its_realm_it_says_which(bundled: Bundled, server: Server, tmp_path: Path) -> None:
    conf = tmp_path / "krb5.conf"
    conf.write_text("[libdefaults]\n  dns_lookup_kdc = false\n")
    done = bundled.run(HELLO, str(server.port), server.principal, KRB5_CONFIG=str(conf))
    assert done.returncode == 1
    assert 'Cannot find KDC for realm "REMCTL.TEST"' in done.stderr


def test_etc_krb5_conf(bundled: Bundled, realm: Realm, server: Server, tmp_path: Path) -> None:
    need_root()
    need("unshare")
    folder = tmp_path / "krb5.conf.d"
    folder.mkdir()
    (folder / "realm.conf").write_text(conf_of(realm).read_text())
    conf = tmp_path / "krb5.conf"
    conf.write_text(f"includedir {folder}\n")
    work = tmp_path / "work"
    work.mkdir()
    # An empty KRB5_CONFIG would be a list of no files.
    launcher = [*IN_NAMESPACE, "unset KRB5_CONFIG\n" + OVER_ETC, "sh"]
    output = bundled.output(
        HELLO,
        str(server.port),
        server.principal,
        launcher=launcher,
        WORK=str(work),
        CONF=str(conf),
    )
    assert output == "hello world 0"


@pytest.fixture
def plugin_conf(realm: Realm, tmp_path: Path) -> Path:
    """A krb5.conf that names plugins where sssd and pkinit have theirs."""
    need("gcc")
    source, plugin = tmp_path / "plugin.c", tmp_path / "plugin.so"
    source.write_text(PLUGIN)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", plugin, source], check=True)
    conf = tmp_path / "krb5.conf"
    interfaces = ["locate", "clpreauth", "ccselect", "localauth", "hostrealm"]
    modules = "\n".join(f"  {name} = {{\n    module = test:{plugin}\n  }}" for name in interfaces)
    # The realm's own file comes second: what it says of KDCs is what is left without plugins.
    conf.write_text(f"[plugins]\n{modules}\n")
    return conf


def test_plugins_are_not_loaded(
    bundled: Bundled, realm: Realm, server: Server, plugin_conf: Path, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    conf = f"{plugin_conf}:{conf_of(realm)}"
    output = hello(bundled, server, conf, PLUGIN_WITNESS=str(witness))
    assert output == "hello world 0"
    assert not witness.exists()


def test_the_system_build_loads_them(
    realm: Realm, server: Server, plugin_conf: Path, tmp_path: Path
) -> None:
    """Without this the test above would prove nothing."""
    witness = tmp_path / "witness"
    program = HELLO.replace('"bundled"', '"system"').replace("\n    ", "\n")
    subprocess.run(
        [sys.executable, "-c", program, str(server.port), server.principal],
        env={
            "KRB5_CONFIG": f"{plugin_conf}:{conf_of(realm)}",
            "KRB5CCNAME": os.environ["KRB5CCNAME"],
            "PLUGIN_WITNESS": str(witness),
        },
        check=True,
    )
    assert "loaded" in witness.read_text()
