"""The source distribution: complete, and enough to build from without a network."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from devkit.wheel.tarball import extract

from tests.wheels.conftest import ROOT


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command that must succeed."""
    # No network for pip, and no compiler other than the system's.
    env = {**os.environ, "PIP_NO_INDEX": "1", "PYREMCTL_DEPS": ""}
    env.pop("PIP_FIND_LINKS", None)
    done = subprocess.run(
        command, cwd=cwd, env=env, stdout=-1, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution of this tree."""
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", folder)
    (found,) = folder.glob("*.tar.gz")
    return found


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree in it."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        extract(archive, folder)
    (tree,) = folder.iterdir()
    return tree


def test_holds_every_file_of_the_repository_but_the_fuzz_corpora(unpacked: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a working copy: nothing to compare with")
    wanted = set(run("git", "ls-files").splitlines())
    present = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert wanted - present == {name for name in wanted if name.startswith("tests/fuzz/corpus/")}
    assert present - wanted == {"PKG-INFO"}


def test_is_small(sdist: Path, unpacked: Path) -> None:
    assert len([path for path in unpacked.rglob("*") if path.is_file()]) < 1000
    assert sdist.stat().st_size < 2_000_000


def test_check_manifest() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a working copy: nothing to compare with")
    run(sys.executable, "-m", "check_manifest", "--no-build-isolation")


def test_twine_check(sdist: Path, wheel: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)


def test_check_wheel_contents(wheel: Path) -> None:
    run(sys.executable, "-m", "check_wheel_contents", wheel)


def test_the_program_starts_where_the_path_has_a_blank_in_it(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "with a blank"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    assert run(environment / "bin" / "pyremctl", "--version").startswith("pyremctl ")


def test_builds_offline_with_system_libraries(unpacked: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-build-isolation"]
    run(*pip, "--no-deps", "--wheel-dir", tmp_path, unpacked)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = "import remctl; print(remctl.build_info().flavour)"
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = ['site']; {program}"]
    assert run(*command, cwd=tmp_path).strip() == "system"
