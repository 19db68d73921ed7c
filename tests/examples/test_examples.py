"""Each program in `examples` runs, where the hosts and commands are that it speaks of."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import example_com, own_network

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.skipif(
    not own_network.available(), reason="a network of one's own takes root"
)


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return example_com.run_python(str(EXAMPLES / program), *arguments)


class TestLogFollower:
    def test_prints_what_is_written_and_ends_as_the_command_does(self) -> None:
        done = run("log_follower.py", "host.example.com")
        assert (done.stdout, done.stderr, done.returncode) == ("one\ntwo\nthree\n", "", 0)

    def test_goes_on_after_a_lost_connection(self, tmp_path: Path) -> None:
        done = run("log_follower.py", "host.example.com", "log", "lost-once", str(tmp_path / "x"))
        assert done.stdout == "before\nafter\n"
        assert "; again in 1 s" in done.stderr
        assert done.returncode == 0

    def test_says_what_the_server_refuses(self) -> None:
        done = run("log_follower.py", "host.example.com", "no", "such")
        assert (done.stdout, done.returncode) == ("", 1)
        assert done.stderr == "host.example.com: Unknown command\n"


def test_the_tests_of_a_script_pass(tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLES / "own_script", tmp_path / "own_script")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "3 passed" in done.stdout, done.stdout
