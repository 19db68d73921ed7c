"""The wheel on a minimal Debian of another release, without anything of Kerberos."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.wheels.conftest import ROOT, build_wheel, dev_wheel, need, need_root


def to_lend(folder: Path) -> Path:
    """The prefix of the Python that runs the tests, one that a chroot can be lent.

    The system's own cannot be mounted over the chroot's /usr: a copy can.
    """
    if Path(sys.base_prefix) not in (Path("/usr"), Path("/usr/local")):
        return Path(sys.base_prefix)
    library = Path(os.__file__).parent
    program = Path(sys.executable).resolve()
    unused = shutil.ignore_patterns("__pycache__", "dist-packages", "site-packages", "test")
    shutil.copytree(
        library, folder / "lib" / library.name, ignore=unused, ignore_dangling_symlinks=True
    )
    (folder / "bin").mkdir()
    shutil.copy(program, folder / "bin")
    return folder


def mounts() -> str:
    """All that is mounted."""
    return Path("/proc/self/mountinfo").read_text()


def test_runs_in_a_bare_chroot(cache: Path, tmp_path: Path) -> None:
    need_root()
    need("debootstrap", "unshare")
    python = to_lend(tmp_path / "python")
    lent: list[str | Path] = ["--python", python, "--wheel", build_wheel(cache)]
    before = mounts()
    output = dev_wheel("check", "--suite", "trixie", *lent)
    assert "bare: no Kerberos, no libremctl, no compiler in it" in output
    assert "Debian GNU/Linux 13 (trixie)" in output
    assert "kerberos libraries in the process: none" in output
    assert "the commands ran" in output
    assert mounts() == before


def test_leaves_nothing_when_it_fails(cache: Path, tmp_path: Path) -> None:
    need_root()
    need("debootstrap", "unshare")
    broken = tmp_path / "pyremctl-0-cp313-cp313-linux_x86_64.whl"
    broken.write_bytes(b"not a wheel")
    before = mounts()
    command = [
        sys.executable,
        str(ROOT / "scripts" / "dev"),
        "wheel",
        "check",
        "--wheel",
        str(broken),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert mounts() == before
