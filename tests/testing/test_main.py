"""`python -m remctl.testing`: a shell, or a command, in a throwaway realm."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import gone, wait_until

MAIN = [sys.executable, "-m", "remctl.testing"]
CALL = 'exec remctl -p "$REMCTL_PORT" "$REMCTL_HOST"'


def call(*args: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MAIN, *args],
        env=os.environ | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """An executable file."""
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho "$REMCTL_COMMAND $1"\n')
    program.chmod(0o755)
    return program


class TestCommand:
    def test_runs_in_the_realm(self) -> None:
        result = call("sh", "-c", f"{CALL} test args -x 'a b'")
        assert (result.stdout, result.stderr, result.returncode) == ("-x\na b\n", "", 0)

    @pytest.mark.parametrize("status", [0, 1, 77])
    def test_its_exit_status_is_passed_on(self, status: int) -> None:
        assert call("sh", "-c", f"{CALL} test status {status}").returncode == status

    def test_that_a_signal_ends_has_the_status_that_shells_give(self) -> None:
        assert call("sh", "-c", "kill -9 $$").returncode == 128 + 9

    def test_after_two_dashes(self) -> None:
        assert "user@REMCTL.TEST" in call("--", "klist").stdout

    def test_that_is_not_there(self) -> None:
        result = call("/no/such/program", "-x")
        assert result.stderr == "/no/such/program: No such file or directory\n"
        assert result.returncode == 127

    def test_that_is_not_to_be_run(self, tmp_path: Path) -> None:
        assert call(tmp_path).returncode == 126

    def test_leaves_nothing_behind(self) -> None:
        assert gone(os.path.dirname(call("printenv", "KRB5_CONFIG").stdout.strip()))


class TestShell:
    def test_hints_at_what_can_be_done(self) -> None:
        result = call(SHELL="/bin/true")
        assert result.returncode == 0
        assert "A realm, REMCTL.TEST" in result.stderr
        assert "    pyremctl -p " in result.stderr
        assert "test hello, test args, test status, test count" in result.stderr

    def test_names_programs_so_that_they_are_found(self) -> None:
        result = call(SHELL="/bin/true", PATH="/usr/bin:/bin")
        assert f"    {sys.executable} -m remctl -p " in result.stderr
        assert f"    {sys.executable} -c 'import remctl;" in result.stderr

    def test_the_line_of_python_in_the_hint_works(self) -> None:
        with subprocess.Popen(
            MAIN,
            env=os.environ | {"SHELL": "/bin/sh"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as shell:
            assert shell.stderr is not None
            hint = iter(shell.stderr.readline, "")
            line = next(line for line in hint if " -c 'import" in line)
            stdout, _ = shell.communicate(line)
        assert "stdout=b'hello\\n'" in stdout

    def test_at_a_terminal_ends_with_it(self) -> None:
        """An interactive shell does not heed SIGTERM."""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            MAIN,
            env=os.environ | {"SHELL": "/bin/bash", "PS1": "here $ "},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        ) as process:
            os.close(theirs)
            os.write(ours, b"echo folder=$(dirname $KRB5_CONFIG).\n")
            said = b""
            try:
                while not (found := re.search(rb"folder=(/.*)\.\r\n", said)):
                    said += os.read(ours, 4096)
                folder = found[1].decode()
                process.terminate()
                assert process.wait(30) == 128 + signal.SIGHUP
            finally:
                process.kill()
        os.close(ours)
        assert gone(folder)


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL],
    ids=lambda number: number.name,
)
def test_a_signal_ends_command_and_realm(number: signal.Signals) -> None:
    with subprocess.Popen(
        [*MAIN, "sh", "-c", "dirname $KRB5_CONFIG; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        folder = process.stdout.readline().strip()
        if number == signal.SIGINT:  # as the terminal sends it
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        killed = number == signal.SIGKILL
        assert process.wait(10) == (-number if killed else 128 + number)
        wait_until(lambda: not os.path.exists(folder))


def test_a_signal_before_the_command_has_begun_ends_it() -> None:
    code = """
import os, signal, subprocess, sys
from remctl.testing import __main__ as main

def popen(*args, real=subprocess.Popen, **keywords):
    os.kill(os.getpid(), signal.SIGTERM)
    return real(*args, **keywords)

subprocess.Popen = popen
sys.exit(main.run(["sleep", "60"], os.environ, shell=False))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 128 + 15


def test_ctrl_c_is_for_the_command_alone() -> None:
    script = f"""
        trap 'test "$({CALL} test hello)" = hello && exit 5' INT
        echo here
        while :; do sleep 0.01; done
    """
    with subprocess.Popen(
        [*MAIN, "sh", "-c", script.replace("exec ", "")],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(10) == 5


class TestCommandsOfTheServer:
    def test_one_of_a_file(self, program: Path) -> None:
        result = call("--command", f"a/b={program}", "sh", "-c", f"{CALL} a b")
        assert result.stdout == "a b\n"

    def test_any_subcommand(self, program: Path) -> None:
        result = call("--command", f"a={program}", "sh", "-c", f"{CALL} a anything")
        assert result.stdout == "a anything\n"

    def test_a_folder_and_more(self, program: Path, tmp_path: Path) -> None:
        (tmp_path / "all" / "c").mkdir(parents=True)
        (tmp_path / "all" / "c" / "d").symlink_to(program)
        args = ["--commands", str(tmp_path / "all"), "--command", f"c/e={program}"]
        script = 'for one in d e; do remctl -p "$REMCTL_PORT" localhost c $one; done'
        assert call(*args, "sh", "-c", script).stdout == "c d\nc e\n"
        assert "pyremctl -p" in call(*args, SHELL="/bin/true").stderr

    @pytest.mark.parametrize(
        ("args", "error"),
        [
            (["--command", "a/b"], "--command is COMMAND/SUBCOMMAND=PATH, not 'a/b'"),
            (["--command", "=x"], "--command is COMMAND/SUBCOMMAND=PATH, not '=x'"),
            (["--command", "a/b=/no/such"], "no executable file: '/no/such'"),
            (["--command", "a/b=/tmp"], "no executable file: '/tmp'"),
            (["--commands", "/no/such"], "No such file or directory: '/no/such'"),
            (["--commands", "/proc/self/net"], "no executable files in '/proc/self/net'"),
            (["--command", "a b/c=/bin/true"], "remctld.conf has no way to write 'a b'"),
        ],
    )
    def test_that_are_none(self, args: list[str], error: str) -> None:
        result = call(*args, "true")
        assert result.returncode in (1, 2)
        assert error in result.stderr


def test_what_is_missing_is_said_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "k5test.py").write_text("raise ImportError")
    result = call("true", PYTHONPATH=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("python -m remctl.testing: remctl.testing needs the package")
    assert len(result.stderr.splitlines()) == 1
