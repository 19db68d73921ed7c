"""The program `pyremctl` as it is installed: how it starts the Python program beside it."""

import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = Path(sysconfig.get_path("scripts")) / "pyremctl"

# What Python runs when it starts, before any program.
INTERRUPTED = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
TELLING = """
import atexit, os, signal

def tell():
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    print("blocked:", signal.SIGINT in blocked, "told:", "PYREMCTL_SIGINT_HELD" in os.environ)

atexit.register(tell)
"""


def ignore() -> None:
    """As a shell does for what runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def block() -> None:
    """As few programs do for those that they start."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


@pytest.fixture
def version(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs `pyremctl --version`, whose Python runs the code first."""

    def run(
        code: str, before: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        (tmp_path / "sitecustomize.py").write_text(code)
        env = {**os.environ, "PYTHONPATH": str(tmp_path)}
        return subprocess.run(
            [PROGRAM, "--version"], env=env, preexec_fn=before, capture_output=True, timeout=30
        )

    return run


Version = Callable[..., subprocess.CompletedProcess[bytes]]


class TestCtrlCWhilePythonStarts:
    def test_ends_it_quietly(self, version: Version) -> None:
        """Python alone prints a traceback of whatever it was doing."""
        done = version(INTERRUPTED)
        assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")

    def test_is_ignored_where_it_was(self, version: Version) -> None:
        done = version(INTERRUPTED, ignore)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.startswith(b"pyremctl ")

    def test_is_held_back_no_longer_than_that(self, version: Version) -> None:
        done = version(TELLING)
        assert done.stdout.splitlines()[-1] == b"blocked: False told: False"

    def test_stays_blocked_if_the_caller_has_blocked_it(self, version: Version) -> None:
        done = version(TELLING, block)
        assert done.stdout.splitlines()[-1] == b"blocked: True told: False"


class TestThePythonProgram:
    def test_is_found_in_a_folder_of_the_path(self) -> None:
        env = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-c", "pyremctl --version"], env=env, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")

    def test_is_found_behind_a_link(self, tmp_path: Path) -> None:
        """As pipx and uv make them."""
        link = tmp_path / "pyremctl"
        link.symlink_to(os.path.relpath(PROGRAM, tmp_path))
        done = subprocess.run(["./pyremctl", "--version"], cwd=tmp_path, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")

    def test_is_found_for_a_script_that_names_the_program(self, tmp_path: Path) -> None:
        script = tmp_path / "script"
        script.write_text(f"#!{PROGRAM} --version\n")
        script.chmod(0o755)
        done = subprocess.run([script], capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can hide /proc")
    def test_is_found_without_proc(self, tmp_path: Path) -> None:
        link = tmp_path / "pyremctl"
        link.symlink_to(PROGRAM)
        hide = 'mount -t tmpfs none /proc && exec "$0" --version'
        apart = ["unshare", "--mount", "--propagation", "private", "sh", "-c", hide]
        done = subprocess.run([*apart, link], capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")

    def test_is_missed_in_one_line(self, tmp_path: Path) -> None:
        alone = Path(shutil.copy(PROGRAM, tmp_path))
        done = subprocess.run([alone, "--version"], capture_output=True)
        assert done.stderr.decode() == (
            f"pyremctl: cannot start {alone}-python, which belongs beside it: "
            "No such file or directory\n"
        )
        assert done.returncode == 127
