"""Headers of a Python that Debian keeps by machine, where the wheel's compiler does not look."""

from __future__ import annotations

from pathlib import Path

import pytest
from devkit.wheel import build, interpreters


def interpreter(include: Path, multiarch: str) -> interpreters.Interpreter:
    """One with its headers below a folder."""
    headers = include / "python3.11"
    headers.mkdir(parents=True)
    return interpreters.Interpreter(Path("python3.11"), (3, 11, 2), False, "", headers, multiarch)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_are_lent_under_the_name_of_either_machine(tmp_path: Path, machine: str) -> None:
    one = interpreter(tmp_path / "include", "x86_64-linux-gnu")
    kept = tmp_path / "include/x86_64-linux-gnu/python3.11"
    kept.mkdir(parents=True)
    (kept / "pyconfig.h").touch()
    way, folder = build.lend_headers(one, tmp_path / "build").split()
    assert way == "-isystem"
    assert (Path(folder) / f"{machine}-linux-gnu/python3.11/pyconfig.h").exists()


@pytest.mark.parametrize("multiarch", ["", "x86_64-linux-gnu"])
def test_a_python_that_has_all_in_one_place_needs_none(tmp_path: Path, multiarch: str) -> None:
    assert build.lend_headers(interpreter(tmp_path / "include", multiarch), tmp_path) == ""
