"""Finding libremctl: where it is, and what is said where it is not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import remctl

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="needs CMake")


def find(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the project's find module alone."""
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.19)\n"
        "project(find LANGUAGES CXX)\n"
        f'list(APPEND CMAKE_MODULE_PATH "{ROOT}/cmake")\n'
        "if(NOWHERE)\n"
        "  set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)\n"
        "  set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH OFF)\n"
        "endif()\n"
        "find_package(Remctl REQUIRED)\n"
        "get_target_property(library Remctl::Remctl IMPORTED_LOCATION)\n"
        "get_target_property(include Remctl::Remctl INTERFACE_INCLUDE_DIRECTORIES)\n"
        'message(STATUS "library: ${library}")\n'
        'message(STATUS "include: ${include}")\n'
        'message(STATUS "version: ${Remctl_VERSION}")\n'
    )
    command = ["cmake", "-G", "Ninja", "-S", str(folder), "-B", str(folder / "build"), *options]
    return subprocess.run(command, capture_output=True, text=True)


NO_PKG_CONFIG = "-DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON"
NOWHERE = [NO_PKG_CONFIG, "-DNOWHERE=ON"]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prefix with a copy of the library and its header."""
    prefix = tmp_path_factory.mktemp("prefix")
    found = find(tmp_path_factory.mktemp("find"))
    lines = dict(
        line.removeprefix("-- ").split(": ", 1)
        for line in found.stdout.splitlines()
        if line.startswith(("-- library: ", "-- include: "))
    )
    (prefix / "include").mkdir()
    (prefix / "lib").mkdir()
    shutil.copy(Path(lines["include"]) / "remctl.h", prefix / "include")
    library = Path(lines["library"])
    for file in library.parent.glob("libremctl.so*"):
        shutil.copy(file, prefix / "lib", follow_symlinks=False)
    return prefix


def test_by_pkg_config_with_its_version(tmp_path: Path) -> None:
    done = find(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "-- version: 3." in done.stdout


def test_by_header_and_library(tmp_path: Path) -> None:
    done = find(tmp_path, NO_PKG_CONFIG)
    assert done.returncode == 0, done.stderr
    assert "libremctl.so" in done.stdout


def test_in_another_prefix(tmp_path: Path, prefix: Path) -> None:
    done = find(tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}", NO_PKG_CONFIG)
    assert done.returncode == 0, done.stderr
    assert f"-- library: {prefix}/lib/libremctl.so" in done.stdout
    assert f"-- include: {prefix}/include" in done.stdout


@pytest.mark.parametrize("options", [NOWHERE, [*NOWHERE, "-DCMAKE_PREFIX_PATH=/nonexistent"]])
def test_where_it_is_missing_the_packages_are_named(tmp_path: Path, options: list[str]) -> None:
    done = find(tmp_path, *options)
    assert done.returncode != 0
    for words in (
        "apt install libremctl-dev",
        "Debian, Ubuntu",
        "Fedora",
        "dnf install remctl-devel",
        "EPEL",
        "CMAKE_PREFIX_PATH=/opt/remctl",
    ):
        assert words in done.stderr


def test_the_package_builds_against_another_prefix(tmp_path: Path, prefix: Path) -> None:
    command = ["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(tmp_path)]
    command += [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DPython_EXECUTABLE={sys.executable}"]
    command += [NO_PKG_CONFIG]
    configured = subprocess.run(command, capture_output=True, text=True)
    assert configured.returncode == 0, configured.stderr
    ninja = (tmp_path / "build.ninja").read_text()
    assert f"{prefix}/lib/libremctl.so" in ninja
    assert f"{prefix}/include" in ninja


def refusal(folder: Path, *options: str, **variables: str) -> str:
    """What the project says when it is configured and cannot be built: the words of its error."""
    command = ["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(folder / "build"), *options]
    env = {**os.environ, **variables}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode != 0, done.stdout
    assert done.stderr.count("CMake Error") == 1, done.stderr
    return " ".join(done.stderr.split())


def test_another_system_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, "-DCMAKE_SYSTEM_NAME=FreeBSD")
    assert "pyremctl needs Linux for now: epoll, eventfd" in said


def test_where_there_is_no_compiler_its_package_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path, CXX="/nonexistent/c++")
    assert "pyremctl needs a C++ compiler: apt install g++, or dnf install gcc-c++" in said


@pytest.mark.parametrize("lacks", ["*++20|*++2a", "*.cpp|*.cxx"], ids=["the standard", "headers"])
def test_a_compiler_without_cxx20_is_refused(tmp_path: Path, lacks: str) -> None:
    compiler = tmp_path / "c++"
    # The second is one that takes the option, and has no <coroutine>.
    refuse = "exit 1" if "20" in lacks else 'grep -qs "<coroutine>" "$argument" && exit 1'
    each = f"for argument; do case $argument in {lacks}) {refuse};; esac; done"
    compiler.write_text(f'#!/bin/sh\n{each}\nexec g++ "$@"\n')
    compiler.chmod(0o755)
    said = refusal(tmp_path, CXX=str(compiler))
    assert "pyremctl needs C++20 with coroutines (GCC 11 or newer): not in GNU 1" in said


def test_the_scripts_refuse_another_system(tmp_path: Path) -> None:
    (tmp_path / "uname").write_text("#!/bin/sh\necho Darwin\n")
    (tmp_path / "uname").chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", ROOT / "scripts/demo"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.endswith("demo: pyremctl needs Linux for now: epoll, eventfd\n")
    assert done.stderr.count("\n") == 1


def test_the_version_is_in_one_place() -> None:
    version = remctl.__version__
    assert f'\nversion = "{version}"\n' in (ROOT / "pyproject.toml").read_text()
    command = ["git", "grep", "-lF", version, "--", "python", "src", "cmake", "CMakeLists.txt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode == 128:
        pytest.skip("not a checkout")
    assert done.stdout == ""
