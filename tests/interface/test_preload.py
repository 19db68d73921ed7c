"""After `preload()` no call loads a module: the program may have left them behind by then."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.fix_realm import make_server

PACKAGE = Path(remctl.__file__).parent
EVERY_CALL = Path(__file__).with_name("every_call.py").read_text()

NOBODY = 65534

PRELOADED = """
import logging
import remctl

logging.getLogger("remctl").setLevel(logging.DEBUG)
logging.getLogger("remctl").addHandler(logging.NullHandler())
remctl.preload()
"""

# Not loaded: what is a program of its own, or what those import who need it.
APART = {"__init__", "__main__", "_cli", "backend", "testing"}


def variables(server: Server, keytab: Path) -> dict[str, str]:
    """What the program that makes every call is told."""
    return {**os.environ, "HOST": server.host, "PORT": str(server.port), "KEYTAB": str(keytab)}


def run(script: str, env: Mapping[str, str]) -> str:
    """What a program prints that must end well."""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_call_loads_a_module_after_it(realm: Realm, server: Server) -> None:
    # Of any package: in a chroot the standard library is gone too. The program's own come first.
    imports = "\n".join(re.findall("^(?:import|from) .*", EVERY_CALL, re.MULTILINE))
    script = (
        f"{imports}\n{PRELOADED}\nimport sys\nbefore = set(sys.modules)\n"
        f"{EVERY_CALL}\nprint(sorted(set(sys.modules) - before))\n"
    )
    printed = run(script, variables(server, realm.make_keytab(realm.user)))
    assert printed.splitlines()[-1] == "[]"


@pytest.fixture
def nobodys_realm() -> Iterator[Realm]:
    """A realm whose user is the account that a program changes to."""
    with Realm() as realm, realm.environ():
        yield realm


@pytest.mark.skipif(os.getuid() != 0, reason="gives up the privileges of root")
def test_every_call_works_where_the_package_cannot_be_read(
    nobodys_realm: Realm, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    shutil.copytree(PACKAGE, private / "remctl", ignore=shutil.ignore_patterns("__pycache__"))
    private.chmod(0o700)
    script = (
        f"{PRELOADED}\nimport os\nos.setgroups([])\nos.setgid({NOBODY})\nos.setuid({NOBODY})\n"
        f"assert remctl.__file__.startswith({str(private)!r})\n"
        f"assert not os.access({str(private)!r}, os.X_OK)\n{EVERY_CALL}"
    )
    with make_server(nobodys_realm) as server:
        keytab = nobodys_realm.make_keytab(nobodys_realm.user)
        for path in (nobodys_realm.folder, *nobodys_realm.folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        run(script, variables(server, keytab) | {"PYTHONPATH": str(private)})


def stated_imports(source: Path) -> set[str]:
    """All modules that a file imports when it runs, wherever in it."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(source.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "remctl":
            found |= {f"remctl.{name.name}" for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
        else:
            waiting += ast.iter_child_nodes(node)
    return found


def test_loads_all_that_the_package_imports_anywhere() -> None:
    files = [
        path
        for path in PACKAGE.rglob("*.py")
        if not APART & set(path.relative_to(PACKAGE).with_suffix("").parts[:1])
    ]
    modules = {
        ".".join(("remctl", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        )
        for path in files
    }
    wanted = modules.union(*map(stated_imports, files)) - {"remctl._preload"}
    wanted -= {"remctl._waiting.hub", "gevent", "gevent.event"}  # for programs that use gevent
    loaded = run("import sys, remctl; remctl.preload(); print(*sys.modules)", os.environ).split()
    assert wanted - set(loaded) == set()
