"""A program that PyInstaller has put into a folder, with Python and the package, runs there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.snippets import blocks
from tests.support import example_com, own_network

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not own_network.available(), reason="a network of one's own takes root"
)


@pytest.mark.timeout(300)
def test_the_first_program_of_the_readme_runs_frozen(tmp_path: Path) -> None:
    _, program = next(blocks((ROOT / "README.md").read_text()))
    # With logging loaded, as in most programs, the extension loads what the package logs with.
    (tmp_path / "first.py").write_text(f"import logging\n{program}")
    built = subprocess.run(
        [sys.executable, "-m", "PyInstaller", "--onedir", "--log-level", "WARN", "first.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert built.returncode == 0, built.stdout
    done = example_com.run(str(tmp_path / "dist" / "first" / "first"))
    assert (done.stdout, done.stderr) == ("jdoe: enabled\n\n", "")
