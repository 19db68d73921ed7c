"""A self-contained wheel for the Python that runs the tests, and programs run with it.

`$PYREMCTL_WHEEL` names a wheel to test; without it one is built by scripts/dev wheel build and
kept in `.cache` until the sources change.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["src", "python", "cmake", "licenses", "scripts/devkit/wheel"]
FILES = ["CMakeLists.txt", "pyproject.toml", "scripts/dev", "scripts/devkit/__init__.py"]
# The build scripts need Python 3.11.
collect_ignore_glob = ["test_*.py"] if sys.version_info < (3, 11) else []
# Building the libraries, a compiler's C++ library and the extension counts as a test's time.
TIMEOUT = 1200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests here the time that the builds take."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT))
    # It builds a Python, beside which another process can build the wheel.
    items.sort(key=lambda item: item.path.name != "test_free_threaded.py")


def need(*programs: str) -> None:
    """Skip the test if a program is missing (with --no-skips: fail it)."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def need_root() -> None:
    """Skip the test unless it may make namespaces and chroots."""
    if os.geteuid() != 0:
        pytest.skip("only root can do this")


def dev_wheel(*args: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Run `scripts/dev wheel` and give what it prints; its errors are part of the failure."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "dev", "wheel", *args],
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def state_of_sources() -> str:
    """A name for what the wheel is built from."""
    digest = hashlib.sha256(sys.version.encode())
    paths = [ROOT / name for name in FILES]
    for folder in SOURCES:
        paths += (ROOT / folder).rglob("*")
    for path in sorted(paths):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def build_wheel(cache: Path, python: str = sys.executable) -> Path:
    """Build the wheel for one interpreter, or find the one built before."""
    which = hashlib.sha256(os.fsencode(Path(python).resolve())).hexdigest()[:8]
    house = cache / "tests" / f"{state_of_sources()}-{which}"
    house.mkdir(parents=True, exist_ok=True)
    # One at a time, also of those that test beside one another: they share what is built for it.
    with (cache / "tests" / "building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(house.glob("*.whl")):
            dev_wheel("build", "--python", python, "--out", house)
    (wheel,) = house.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where builds are kept between runs."""
    return Path(os.environ.get("PYREMCTL_CACHE") or ROOT / ".cache")


@pytest.fixture(scope="session")
def wheel(cache: Path) -> Path:
    """A finished wheel for this Python."""
    if named := os.environ.get("PYREMCTL_WHEEL"):
        return Path(named).resolve()
    return build_wheel(cache)


class Bundled:
    """Runs programs with the package from the wheel, in processes of their own."""

    def __init__(self, site: Path, python: str = sys.executable) -> None:
        self.site = site
        self.python = python

    @property
    def extension(self) -> Path:
        """The extension module."""
        (found,) = (self.site / "remctl").glob("_remctl.*.so")
        return found

    def command(self, *args: str) -> list[str]:
        """The command line; -S keeps an editable install of the package out."""
        return [self.python, "-S", *args]

    def env(self, **variables: str) -> dict[str, str]:
        """The environment: this process's, the wheel in front of the installed packages."""
        packages = sysconfig.get_path("purelib"), sysconfig.get_path("platlib")
        path = os.pathsep.join([str(self.site), *dict.fromkeys(packages)])
        return {**os.environ, "PYTHONPATH": path, **variables}

    def run(
        self, program: str, *args: str, launcher: Sequence[str] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the text of a program; what it does and prints is in the result."""
        return subprocess.run(
            [*launcher, *self.command("-c", textwrap.dedent(program), *args)],
            env=self.env(**variables),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def output(
        self, program: str, *args: str, launcher: Sequence[str] = (), **variables: str
    ) -> str:
        """Run a program that must succeed; what it prints."""
        done = self.run(program, *args, launcher=launcher, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


def unpack(wheel: Path, folder: Path, python: str = sys.executable) -> Bundled:
    """Lay the wheel's files out in a folder."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return Bundled(folder, python)


@pytest.fixture(scope="session")
def bundled(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    """The wheel, unpacked."""
    return unpack(wheel, tmp_path_factory.mktemp("bundled"))


# Calls `test hello` on the server whose port and principal are the arguments.
HELLO = """
    import sys
    import remctl
    assert remctl.build_info().flavour == "bundled"
    result = remctl.remctl("127.0.0.1", int(sys.argv[1]), sys.argv[2], ["test", "hello"])
    print(result.stdout.decode().strip(), result.status)
"""
