"""What `scripts/dev` does, a module a verb, and what the verbs share.

A verb is run by any Python from 3.10 on, `wheel` and `chroot` by one from 3.11 on. What needs the
package and its dependencies goes on in a virtual environment, which `prepare` makes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]

# The lists of lib.sh: to build the extension, and to run it against a realm.
PACKAGES = ("${BUILD_PACKAGES[@]}", "${REALM_PACKAGES[@]}")
# The environment that it leaves goes to standard output, all that is said to standard error.
PREPARE = """
set -euo pipefail
exec 3>&1 1>&2
source scripts/lib.sh
need_packages %(packages)s
find_python
complete_python
version=$("$python" -c 'import sys; print("%%d.%%d%%s" %% (*sys.version_info[:2], sys.abiflags))')
venv=%(venv)s
make_venv "$venv" %(groups)s
%(install)s
env -0 >&3
"""


def say(what: str) -> None:
    """Tell what is done now."""
    print(f"\n== {what}", file=sys.stderr, flush=True)


def usage(text: str | None) -> None:
    """Print a verb's docstring and leave, where that is asked for."""
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print((text or "").strip())
        sys.exit()


@dataclass(frozen=True)
class Prepared:
    """An environment in which `python` is that of a virtual environment."""

    env: dict[str, str]

    def run(self, *command: str | Path, **more: str) -> None:
        """Run a command at the top of the tree; its failure is ours."""
        status = subprocess.run(command, cwd=ROOT, env=self.env | more, check=False).returncode
        if status:
            sys.exit(status)

    def output(self, *command: str | Path) -> str:
        """What a command prints, without the last newline."""
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.rstrip("\n")

    def go_on(self, module: str) -> NoReturn:
        """Go on as a module that is run there, with the same arguments."""
        os.chdir(ROOT)
        env = self.env | {"PYTHONPATH": str(ROOT / "scripts")}
        os.execvpe("python", ["python", "-m", module, *sys.argv[1:]], env)


def prepare_benchmarks(*packages: str) -> Prepared:
    """Make the environment of the benchmarks, for $PYTHON or the system's Python."""
    return prepare(
        "benchmark",
        "benchmark",
        more_packages=packages,
        install=["--config-settings=build-dir=build/benchmark"],
        python=os.environ.get("PYTHON") or "/usr/bin/python3",
    )


def prepare(
    venv: str,
    *groups: str,
    packages: Sequence[str] = PACKAGES,
    more_packages: Sequence[str] = (),
    install: Sequence[str] | None = None,
    if_missing: bool = False,
    python: str = "",
) -> Prepared:
    """Install Debian packages, and make .venv/VENV with groups of dependencies.

    install: options of pip's, to build this tree and install it there; None: it is left out.
    if_missing: only where it has none. python: the interpreter, in place of $PYTHON.
    In `venv` and in `install` "$version" stands for the interpreter's, such as 3.13t.
    """
    build = ""
    if install is not None:
        build = f"install_here {' '.join(install)}"
        if if_missing:
            build = f"python -c 'import remctl.testing' 2>/dev/null || {build}"
    script = PREPARE % {
        "packages": " ".join([*packages, *more_packages]),
        "venv": f'"{venv}"',
        "groups": " ".join(groups),
        "install": build,
    }
    env = os.environ | ({"PYTHON": python} if python else {})
    done = subprocess.run(
        ["bash", "-c", script, sys.argv[0]], cwd=ROOT, env=env, stdout=subprocess.PIPE, check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    pairs = (entry.partition("=") for entry in os.fsdecode(done.stdout).split("\0") if entry)
    return Prepared({name: value for name, _, value in pairs})
