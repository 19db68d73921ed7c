"""A command on many hosts."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from remctl import Target
from remctl._cli.hosts import targets
from remctl._cli.lines import LONGEST, Lines
from remctl._cli.parse import parse
from remctl._cli.screen import Screen
from remctl._cli.signals import Signals

from tests.fix_fleet import Fleet
from tests.support.programs import PYREMCTL, Done, pyremctl


@pytest.fixture
def hosts(fleet: Fleet, tmp_path: Path) -> str:
    """A file with the whole fleet."""
    return str(fleet.write(tmp_path / "hosts"))


def records(done: Done) -> dict[str, dict[str, Any]]:
    """What --json has printed, for each host and port."""
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    return {f"{one['host']}:{one['port']}": one for one in objects}


def summary(done: Done) -> dict[str, set[str]]:
    """The hosts that the summary names, for each group and reason."""
    found = re.findall(r"^  (.*) \(\d+\): (.*)$", done.stderr.decode(), re.MULTILINE)
    return {reason: set(map(str, targets_of(names))) for reason, names in found}


def targets_of(text: str) -> list[Target]:
    """The hosts of a text for -H."""
    return targets(parse(["-H", text, "x"]))


@pytest.mark.measures  # for the hosts that are silent have the same seconds as the others
class TestTheFleet:
    """More than 300 targets of all kinds at once."""

    def test_one_object_for_each_host(self, fleet: Fleet, hosts: str) -> None:
        assert len(fleet.all) > 300
        done = pyremctl("--hosts", hosts, "--timeout", "4", "--json", "test", "hello")
        found = records(done)
        assert set(found) == set(fleet.all)
        for host in (*fleet.alive, *fleet.old):
            assert (found[host]["stdout"], found[host]["status"]) == ("hello world\n", 0)
            assert (found[host]["error"], found[host]["tries"]) == (None, 1)
        for host in fleet.refusing:
            assert (found[host]["error"], found[host]["code"]) == ("Access denied", 6)
            assert (found[host]["stdout"], found[host]["status"]) == (None, None)
        for host in fleet.dead:
            assert found[host]["error"].endswith("Connection refused")
        for host in fleet.silent:
            assert found[host]["error"].endswith("timed out")
            assert 3.9 < found[host]["seconds"] < 30
        assert done.returncode == 3

    def test_the_summary_names_every_host_by_its_reason(self, fleet: Fleet, hosts: str) -> None:
        done = pyremctl("--hosts", hosts, "--timeout", "4", "--gather", "test", "hello")
        reasons = summary(done)
        failed = {*fleet.refusing, *fleet.dead, *fleet.silent}
        assert reasons.pop("failed, cannot have run: Access denied") == set(fleet.refusing)
        port = fleet.dead[0].partition(":")[2]
        refused = f"failed, cannot have run: cannot connect to HOST (port {port})"
        assert reasons.pop(f"{refused}: Connection refused") == set(fleet.dead)
        assert set().union(*reasons.values()) == set(fleet.silent)
        assert done.stderr.startswith(
            f"pyremctl: {len(failed)} of {len(fleet.all)} hosts failed\n".encode()
        )
        assert done.stdout.endswith(b"-\nhello world\n")
        assert done.stdout.count(b"hello world") == 1
        assert done.returncode == 3


def test_lines_have_their_host_in_front(fleet: Fleet) -> None:
    done = pyremctl("-p", str(fleet.port), "-H", "127.0.1.[1-20]", "test", "mix")
    for number in range(1, 21):
        host = f"127.0.1.{number}: ".encode()
        assert [one for one in done.stdout.splitlines() if one.startswith(host)] == [
            host + b"out 1",
            host + b"out 2",
        ]
        assert [one for one in done.stderr.splitlines() if one.startswith(host)] == [
            host + b"err 1",
            host + b"err 2",
        ]
    assert len(done.stdout.splitlines()) == len(done.stderr.splitlines()) == 40
    assert done.returncode == 0


def test_lines_arrive_while_commands_run(fleet: Fleet) -> None:
    command = [*PYREMCTL, "-p", str(fleet.port), "-H", "127.0.1.1,127.0.1.2"]
    with subprocess.Popen(
        [*command, "test", "stream", "2", "1"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        first = {process.stdout.readline(), process.stdout.readline()}
        assert first == {b"127.0.1.1: line 1\n", b"127.0.1.2: line 1\n"}
        assert process.poll() is None


def test_bytes_are_as_they_are_and_a_last_line_is_ended(fleet: Fleet) -> None:
    done = pyremctl("-p", str(fleet.port), "-H", "127.0.1.1", "test", "octets")
    octets = bytes(range(256))
    assert done.stdout == octets.replace(b"\n", b"\n127.0.1.1: ").join([b"127.0.1.1: ", b"\n"])


def test_much_output_arrives_whole(fleet: Fleet) -> None:
    command = ("test", "bytes", "200000")
    done = pyremctl("-p", str(fleet.port), "-H", "127.0.1.1", *command)
    assert done.stdout == b"127.0.1.1: 0123456789abcde\n" * 12500


def test_a_line_that_ends_with_a_carriage_return_is_whole_on_a_terminal(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    report = Lines(Screen(Signals()), (True, True))
    report.stdout(Target("host")).write(b"dos\r\nodd\rity\r\n")
    assert capfdbinary.readouterr().out.endswith(b"dos\nhost: odd^Mity\n")


def test_a_name_that_is_not_utf_8_is_escaped_in_json() -> None:
    done = pyremctl(b"-H", b"na\xffme.invalid", b"--json", b"x")
    assert json.loads(done.stdout)["host"] == "na\\xffme.invalid"
    done.stdout.decode("ascii")


def test_a_long_line_does_not_fill_the_memory(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    report = Lines(Screen(Signals()), (False, False))
    writer = report.stdout(Target("host"))
    for _ in range(200):
        writer.write(b"x" * 1000)
    shown = capfdbinary.readouterr().out
    assert shown == (b"host: " + b"x" * LONGEST + b"\n") * 3
    report.end()
    assert capfdbinary.readouterr().out == b"host: " + b"x" * (200000 - 3 * LONGEST) + b"\n"


@pytest.mark.parametrize("option", ["--json", "--gather", "--no-progress"])
def test_output_that_cannot_be_written_ends_it_with_one_line_and_the_summary(
    fleet: Fleet, option: str
) -> None:
    command = [*PYREMCTL, "-H", ",".join(fleet.alive[:3]), option, "test", "hello"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=30)
    said, *summary = done.stderr.splitlines()
    assert said == b"pyremctl: cannot write output: No space left on device"
    # All hosts may have been heard of by then, and none has failed.
    if summary != [b"pyremctl: all 3 hosts ok"] or option == "--no-progress":
        assert option != "--gather"  # which is shown at the end
        assert summary
        assert all(re.search(rb"have run|not started|hosts failed", line) for line in summary)
    assert done.returncode == 3


class TestStatus:
    @pytest.mark.parametrize(
        ("kinds", "command", "status"),
        [
            (["alive"], ["hello"], 0),
            (["alive"], ["status", "7"], 1),
            (["alive", "dead"], ["hello"], 3),
            (["alive", "dead"], ["status", "7"], 3),
            (["alive", "refusing"], ["hello"], 3),
            (["alive"], ["drop"], 3),
        ],
    )
    def test_says_what_has_failed(
        self, fleet: Fleet, kinds: list[str], command: list[str], status: int
    ) -> None:
        names = [name for kind in kinds for name in getattr(fleet, kind)[:2]]
        assert pyremctl("-H", ",".join(names), "test", *command).returncode == status

    def test_is_2_for_a_command_line_that_is_wrong(self) -> None:
        for line in (
            "-H a",
            "-y -H a b",
            "-H a -x b, c",
            "-H a -x a b",
            "-H a --batch 0 b",
            "-H a --batch x% b",
            "-H a --max-failures 101% b",
            "-H a --max-failures -1 b",
            "-H a --failed /nonexistent/file b",
            "-H a --failed= b",
            "-H a --failed-safe / b",
            "-p x -H a b",
            "-H a -p x b",
            "-H a --gather --json b",
            "-H a --diff --json b",
            "-H a --gather --ordered b",
            "-H a --gather --no-prefix b",
            "-H a --quiet b",
            "-H a --outdir /tmp --quiet --json b",
            "-H a --limit 0 b",
            "-H a --limit x b",
            "-H a --retries -1 b",
            "-H a --timeout 0 b",
            "-H a --timeout nan b",
            "-H a --timeout inf b",
            "-H a --timeout soon b",
            "-H a --bogus b",
            "-H a --gather=x b",
            "-H a -b nonsense b",
            "-H a -t 1.5 b",
            "-H a --file 9=/etc/hostname b",
            "--hosts - --stdin b",
            "--hosts - --hosts - b",
            "b --hosts /nonexistent -H",
        ):
            done = pyremctl(*line.split())
            if line.startswith("b"):
                assert done.returncode == 1  # options end at the first operand
            else:
                assert done.returncode == 2, line
                assert done.stderr.count(b"\n") == 1, (line, done.stderr)

    def test_help_is_no_failure(self) -> None:
        assert pyremctl("-H", "a", "-h").returncode == 0


def test_a_command_that_fails_is_told_by_status(fleet: Fleet) -> None:
    done = pyremctl("-H", ",".join(fleet.alive[:2]), "test", "mix", "3")
    assert summary(done) == {"failed, may have run: status 3": set(fleet.alive[:2])}


def test_fail_fast_ends_all_at_the_first_failure(fleet: Fleet) -> None:
    names = [fleet.dead[0], *fleet.alive[:5]]
    options = ("--limit", "1", "--fail-fast")
    done = pyremctl("-H", ",".join(names), *options, "test", "hello")
    assert done.returncode == 3
    assert done.stdout == b""
    assert summary(done)["not started: too many hosts have failed"] == set(fleet.alive[:5])


def test_fail_fast_does_not_wait_for_those_that_run(fleet: Fleet) -> None:
    names = [*fleet.silent[:3], fleet.dead[0]]
    done = pyremctl("-H", ",".join(names), "--fail-fast", "test", "hello")
    assert done.returncode == 3
    assert summary(done)["failed, cannot have run: given up"] == set(fleet.silent[:3])


def test_hosts_are_taken_in_the_order_in_which_they_are_written(fleet: Fleet) -> None:
    options = ("--limit", "1", "--json", "-p", str(fleet.port))
    done = pyremctl("-H", "127.0.1.9,127.0.1.[1-3],127.0.1.7", *options, "test", "hello")
    hosts = [json.loads(line)["host"] for line in done.stdout.splitlines()]
    assert hosts == [f"127.0.1.{number}" for number in (9, 1, 2, 3, 7)]


def test_a_host_with_the_port_of_p_is_the_same_as_without_one(fleet: Fleet) -> None:
    port = str(fleet.port)
    done = pyremctl("-p", port, "-H", f"127.0.1.1,127.0.1.1:{port}", "test", "hello")
    assert done.stdout == b"127.0.1.1: hello world\n"


def test_retries_are_counted(fleet: Fleet) -> None:
    done = pyremctl("-H", fleet.dead[0], "--retries", "2", "--json", "test", "hello")
    assert records(done)[fleet.dead[0]]["tries"] == 3


def test_an_interrupt_ends_all_by_the_signal_after_a_summary(fleet: Fleet) -> None:
    names = [*fleet.silent[:3], fleet.alive[0]]
    # The line of --json comes when its host is done.
    command = [*PYREMCTL, "-H", ",".join(names), "--json", "test", "hello"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT
    assert b"pyremctl: 3 of 4 hosts failed\n" in stderr
    port = fleet.silent[0].partition(":")[2]
    assert f"failed, cannot have run: given up (3): 127.0.4.[1-3]:{port}\n" in stderr.decode()
    assert b"Traceback" not in stderr


def test_a_closed_pipe_ends_all_with_the_summary(fleet: Fleet) -> None:
    command = [*PYREMCTL, "-p", str(fleet.port), "-H", "127.0.1.[1-20]", "test", "lines", "5000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().endswith(b"line 1\n")
        process.stdout.close()
        first, *others = process.stderr.read().splitlines()
        assert re.fullmatch(rb"pyremctl: \d+ of 20 hosts failed", first)
        assert all(re.search(rb"given up|not started", line) for line in others)
        assert process.wait(30) == -signal.SIGPIPE


def test_arguments_from_elsewhere_go_to_all(fleet: Fleet, tmp_path: Path) -> None:
    names = ",".join(fleet.alive[:3])
    done = pyremctl("-H", names, "--stdin", "--gather", "test", "stdin", input=b"\0" * 1000)
    assert done.stdout.count(b"1000 ") == 1
    assert done.returncode == 0


def test_json_has_text_or_base64(fleet: Fleet) -> None:
    done = pyremctl("-H", fleet.alive[0], "--json", "test", "octets")
    (record,) = records(done).values()
    assert list(record["stdout"]) == ["base64"]
    assert record["stderr"] == ""
    assert list(record) == [
        *("host", "port", "status", "stdout", "stderr", "error", "code"),
        *("kind", "retryable", "may_have_run", "seconds", "tries"),
    ]


def test_the_command_is_the_same_in_the_environment_of_no_terminal(fleet: Fleet) -> None:
    env = os.environ | {"TERM": "xterm"}
    done = pyremctl("-H", ",".join(fleet.alive[:3]), "test", "hello", env=env)
    assert b"\x1b" not in done.stdout + done.stderr


def test_a_host_that_is_silent_too_long_is_given_up(fleet: Fleet) -> None:
    done = pyremctl(
        "-t", "1", "-H", f"{fleet.alive[0]},{fleet.silent[0]}", "test", "stream", "3", "0.6"
    )
    assert done.stdout.count(b"line") == 3  # which took longer than a second
    assert b"timed out" in done.stderr
    assert done.returncode == 3


@pytest.mark.parametrize("many", [True, False])
def test_a_source_address_that_cannot_be_used_is_one_line(many: bool) -> None:
    hosts = ("-H", "localhost") if many else ("localhost",)
    done = pyremctl("-b", "::1%lo", "-p", "1", *hosts, "x")
    assert done.returncode == (2 if many else 1)
    assert done.stderr.count(b"\n") == 1
    assert b"::1%lo" in done.stderr
