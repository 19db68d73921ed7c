"""What builds and publishes the wheels elsewhere, as far as it can be checked here."""

from __future__ import annotations

import subprocess
import sys

from devkit.wheel import toolchain

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
    for name in ("cibuildwheel/before-all", "cibuildwheel/test", "dev"):
        assert f"scripts/{name}" in config
        assert (ROOT / "scripts" / name).stat().st_mode & 0o111


def test_one_zig() -> None:
    assert f'"ziglang=={toolchain.ZIG_VERSION}"' in (ROOT / "pyproject.toml").read_text()


def test_build_tools_are_pinned() -> None:
    lines = (ROOT / "cmake" / "build-constraints.txt").read_text().splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert all("==" in line for line in pinned)
    names = {line.split("==")[0] for line in pinned}
    assert {"scikit-build-core", "pybind11", "cmake", "ninja"} <= names
