"""The bundled krb5 finds a KDC through DNS (SRV), with the system's resolver."""

from __future__ import annotations

from pathlib import Path

from tests.wheels.conftest import Bundled, need, need_root

# Network, resolver and realm of its own: nothing in there can ask anybody else.
SETUP = """
set -eu
ip link set lo up
printf 'nameserver 127.0.0.1\\n' >"$FOLDER/resolv.conf"
printf 'hosts: files dns\\n' >"$FOLDER/nsswitch.conf"
mount --bind "$FOLDER/resolv.conf" "$(readlink -f /etc/resolv.conf)"
[ ! -e /etc/nsswitch.conf ] || mount --bind "$FOLDER/nsswitch.conf" /etc/nsswitch.conf
exec "$@"
"""
PROGRAM = """
    import os, pathlib, subprocess, sys, time
    import remctl
    from remctl.testing import Realm

    dns_server, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    log = folder / "dns.log"
    with Realm() as realm, realm.environ():
        conf = pathlib.Path(realm.env["KRB5_CONFIG"]).read_text()
        port = conf.split("kdc = 127.0.0.1:")[1].split()[0]
        dns = subprocess.Popen([sys.executable, dns_server, port, str(log)])
        try:
            while not log.exists():
                time.sleep(0.02)
            # Only the name of the realm is known: where its KDC is, DNS must say.
            (folder / "krb5.conf").write_text(
                "[libdefaults]\\n default_realm = REMCTL.TEST\\n rdns = false\\n"
                " dns_canonicalize_hostname = false\\n dns_lookup_kdc = true\\n"
            )
            os.environ["KRB5_CONFIG"] = str(folder / "krb5.conf")
            with realm.server({"test": {"hello": "#!/bin/sh\\necho hello\\n"}}) as server:
                result = remctl.remctl(
                    "127.0.0.1", server.port, server.principal, ["test", "hello"]
                )
                print(remctl.build_info().flavour, result.stdout, result.status)
        finally:
            dns.kill()
            dns.wait()
"""


def test_kdc_by_srv(bundled: Bundled, tmp_path: Path) -> None:
    need_root()
    need("unshare", "ip")
    launcher = ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork"]
    launcher += ["--kill-child", "--mount-proc", "sh", "-c", SETUP, "sh"]
    server = Path(__file__).with_name("dns_server.py")
    output = bundled.output(
        PROGRAM, str(server), str(tmp_path), launcher=launcher, FOLDER=str(tmp_path)
    )
    assert output == "bundled b'hello\\n' 0"
    asked = (tmp_path / "dns.log").read_text().splitlines()
    assert "SRV _kerberos._udp.REMCTL.TEST" in [line.rstrip(".") for line in asked]
    assert "A kdc.remctl.test" in asked
