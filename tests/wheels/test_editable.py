"""The lines of CONTRIBUTING that get one test running, typed in a clean copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.wheels.conftest import ROOT


def typed_lines() -> list[str]:
    """The lines of the block that installs the package to be edited."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    (block,) = [one for one in blocks if "-e ." in one]
    return [line.removeprefix("$ ") for line in block.splitlines()]


def clean_copy(folder: Path) -> None:
    """The files of the repository as they are now, and nothing that was built of them."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    for name in map(os.fsdecode, names.rstrip(b"\0").split(b"\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


@pytest.mark.timeout(900)
def test_the_lines_as_typed_run_one_test(tmp_path: Path) -> None:
    tree = tmp_path / "pyremctl"
    tree.mkdir()
    clean_copy(tree)
    lines = typed_lines()
    assert len(lines) == 4
    env = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tree,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
