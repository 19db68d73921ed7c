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
        assert done.stderr == "no such on host.example.com: Unknown command\n"


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


INTERRUPTED = """
import signal, subprocess, sys
command = [sys.executable, *sys.argv[2:]]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
    for line in sorted(program.stdout.readline() for _ in range(int(sys.argv[1]))):
        print(line, end="")
    program.send_signal(signal.SIGINT)
print(program.returncode)
"""


def test_the_monitor_tells_what_changes_until_ctrl_c() -> None:
    hosts = ["web1.example.com", "down.example.com", "db1.example.com"]
    program = [str(EXAMPLES / "monitor.py"), "nginx", *hosts]
    done = example_com.run_python("-c", INTERRUPTED, "3", *program)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "db1.example.com: running",
        "down.example.com: not reached: cannot connect to down.example.com (port 4373): "
        "Connection refused",
        "web1.example.com: running",
        "130",
    ]


class TestRollout:
    def test_restarts_each_host_once(self) -> None:
        hosts = [f"web{number}.example.com" for number in range(1, 6)]
        done = run("rollout.py", "nginx", *hosts)
        assert sorted(line.split(":")[0] for line in done.stdout.splitlines()) == hosts
        assert (done.stderr, done.returncode) == ("", 0)

    def test_tries_again_what_cannot_have_run_and_no_more(self) -> None:
        done = run("rollout.py", "cut", "down.example.com", "web1.example.com")
        assert "down.example.com: cannot connect" in done.stderr
        assert "(4 tries)" in done.stderr
        assert "web1.example.com: " in done.stderr
        assert "(1 tries)" in done.stderr
        assert done.stdout == "web1.example.com: 1\n"
        assert done.returncode == 1


class TestRollingRestart:
    HOSTS = (*(f"web{number}.example.com" for number in range(1, 6)), "db1.example.com")

    @pytest.mark.parametrize("service", ["nginx", "slow"])
    def test_each_host_is_checked(self, service: str) -> None:
        done = run("rolling_restart.py", service, *self.HOSTS)
        assert sorted(line.split(",")[0] for line in done.stdout.splitlines()) == sorted(
            f"{host}: ok" for host in self.HOSTS
        )
        assert (done.stderr, done.returncode) == ("", 0)

    def test_it_stops_when_one_fails(self) -> None:
        """Five were begun at once, and all the same: the sixth is left alone."""
        done = run("rolling_restart.py", "broken", *self.HOSTS)
        lines = done.stderr.splitlines()
        assert len(lines) == 6
        assert "db1.example.com: left alone" in lines
        assert sum("web check on" in line and "no answer" in line for line in lines) == 5
        assert (done.stdout, done.returncode) == ("", 1)


KEYTAB = "/etc/accounts/client.keytab"


def run_cron_job(keytab: str, *names: str) -> subprocess.CompletedProcess[str]:
    return run("cron_job.py", "host.example.com", keytab, *names)


class TestCronJob:
    def test_says_nothing_when_all_is_well(self) -> None:
        done = run_cron_job(KEYTAB, "jdoe", "msmith")
        assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)

    def test_says_which_could_not_be_done(self) -> None:
        done = run_cron_job(KEYTAB, "jdoe", "root")
        assert done.stderr.startswith("root: ")
        assert "jdoe" not in done.stderr
        assert done.returncode == 1

    def test_says_what_is_wrong_with_a_keytab(self, tmp_path: Path) -> None:
        done = run_cron_job(str(tmp_path / "missing"), "jdoe")
        assert str(tmp_path / "missing") in done.stderr
        assert "(nothing was done)" in done.stderr
        assert done.returncode == 1
