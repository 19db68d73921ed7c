"""What builds and publishes the wheels elsewhere, as far as it can be checked here."""

from __future__ import annotations

import subprocess
import sys

from tests.wheels.conftest import ROOT


def identifiers(*archs: str) -> set[str]:
    """The wheels that cibuildwheel would build."""
    command = [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers"]
    command += ["--platform", "linux", "--archs", ",".join(archs), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_cibuildwheel_builds_for_every_python() -> None:
    built = identifiers("x86_64", "aarch64")
    pythons = [f"cp3{minor}" for minor in range(10, 16)] + ["cp314t", "cp315t"]
    wanted = {
        f"{python}-{libc}_{machine}"
        for python in pythons
        for libc in ("manylinux", "musllinux")
        for machine in ("x86_64", "aarch64")
    }
    assert built == wanted


def test_container_scripts_name_files_that_exist() -> None:
    config = (ROOT / "pyproject.toml").read_text()
    for name in ("cibw-before-all", "cibw-test", "finish-wheel"):
        assert f"scripts/{name}" in config
        assert (ROOT / "scripts" / name).stat().st_mode & 0o111
