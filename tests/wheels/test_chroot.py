"""The wheel on a minimal Debian of another release, without anything of Kerberos."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from wheelkit import interpreters

from tests.wheels.conftest import SCRIPTS, build_wheel, need, need_root, script


def fitting(cache: Path) -> list[str | Path]:
    """Arguments that name a Python in the chroot and a wheel for it."""
    if Path(sys.base_prefix) not in (Path("/usr"), Path("/usr/local")):
        # Self-contained enough to be lent: then the wheel that is there already fits.
        return ["--wheel", build_wheel(cache), "--python", sys.base_prefix]
    for one in interpreters.find():
        if one.tag == "cp313":
            return ["--wheel", build_wheel(cache, str(one.path))]
    pytest.skip("no Python to lend the chroot, and no CPython 3.13 to build a wheel for its own")


def mounts() -> str:
    """All that is mounted."""
    return Path("/proc/self/mountinfo").read_text()


def test_runs_in_a_bare_chroot(cache: Path) -> None:
    need_root()
    need("debootstrap", "unshare")
    wheel = fitting(cache)
    before = mounts()
    output = script("wheel", "check", "--suite", "trixie", *wheel)
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
    command = [sys.executable, str(SCRIPTS / "wheel"), "check", "--wheel", str(broken)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert mounts() == before
