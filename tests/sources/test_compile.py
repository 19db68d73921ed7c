"""Every C++ file means the same whatever headers happen to be included (devkit.compilers)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

QUOTED = """
#include <string>
namespace pyremctl {
namespace {
std::string quoted(const std::string &name) { return '"' + name + '"'; }
} // namespace
std::string told(std::string name) { return "command " + CALL(name); }
} // namespace pyremctl
"""


def check(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Compile one file as scripts/test compiles all."""
    command = [sys.executable, "-m", "devkit.compilers", *options, "--file", str(file)]
    env = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    return subprocess.run([*command, "g++"], env=env, capture_output=True, text=True)


@pytest.mark.parametrize("call", ["quoted", "pyremctl::quoted"])
def test_an_unqualified_call_that_finds_std_is_refused(tmp_path: Path, call: str) -> None:
    file = tmp_path / "told.cpp"
    file.write_text(QUOTED.replace("CALL", call))
    assert check(file).returncode == 0
    crowded = check(file, "--crowded")
    assert (crowded.returncode == 0) == (call == "pyremctl::quoted"), crowded.stdout
