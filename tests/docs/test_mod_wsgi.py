"""Under mod_wsgi, as docs/howto/mod-wsgi.md has it: Debian's, with Debian's Python."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import remctl
from remctl.testing import Realm, Server

MODULES = Path("/usr/lib/apache2/modules")
NOBODY = 65534

CONFIGURATION = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
WSGISocketPrefix {folder}/wsgi
WSGIDaemonProcess accounts processes=1 threads=2 home={folder} python-path={folder}/site
WSGIProcessGroup accounts
{group}
WSGIScriptAlias / {folder}/application.wsgi
<Directory {folder}>
    Require all granted
</Directory>
"""

APPLICATION = """
import remctl


def application(environ, start_response):
    result = remctl.remctl({host!r}, {port}, command=["test", "hello"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [result.stdout]
"""


@contextlib.contextmanager
def apache(realm: Realm, server: Server, group: str) -> Iterator[tuple[str, Path]]:
    """An Apache with the application, as nobody; its address, and what it logs."""
    port = realm.keeper.lease(1)
    with tempfile.TemporaryDirectory(prefix="remctl-wsgi-") as name:
        folder = Path(name)
        package = Path(remctl.__file__).parent
        shutil.copytree(package, folder / "site" / "remctl")
        shutil.copy(realm.ccache, folder / "ccache")
        (folder / "application.wsgi").write_text(
            APPLICATION.format(host=server.host, port=server.port)
        )
        (folder / "apache.conf").write_text(
            CONFIGURATION.format(folder=folder, port=port, modules=MODULES, group=group)
        )
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", folder], check=True)
        realm.folder.chmod(0o711)
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        command += ["/usr/sbin/apache2", "-DFOREGROUND", "-f", str(folder / "apache.conf")]
        env = {**realm.env, "KRB5CCNAME": f"FILE:{folder / 'ccache'}", "PATH": "/usr/bin:/bin"}
        with subprocess.Popen(command, env=env) as process:
            try:
                yield f"http://127.0.0.1:{port}/", folder / "error.log"
            finally:
                process.terminate()


def get(address: str) -> tuple[int, bytes]:
    """What the server answers as soon as it does: a status and a text."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def test_in_the_main_interpreter_an_application_works(realm: Realm, server: Server) -> None:
    with apache(realm, server, "WSGIApplicationGroup %{GLOBAL}") as (address, _):
        assert [get(address) for _ in range(3)] == [(200, b"hello world\n")] * 3


def test_elsewhere_the_error_says_what_to_do(realm: Realm, server: Server) -> None:
    with apache(realm, server, "") as (address, log):
        assert get(address)[0] == 500
        assert get(address)[0] == 500
        said = log.read_text()
    assert "ImportError: " in said
    assert "WSGIApplicationGroup %{GLOBAL}" in said
