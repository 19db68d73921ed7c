"""How a run on many hosts ends early: by a signal, or by an error of this machine."""

import fcntl
import json
import re
import resource
import signal
import subprocess
import sys
import sysconfig
import termios
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from remctl._cli.signals import SAME, Signals, Stopped
from remctl.testing import Realm

from tests.fix_fleet import Fleet
from tests.support.programs import PYREMCTL, pyremctl
from tests.support.terminal import INTERRUPT, terminal

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

# How Python starts the program: the installer's script, and `python -m remctl`.
SCRIPT = (
    f"runpy.run_path({sysconfig.get_path('scripts') + '/pyremctl-python'!r}, run_name='__main__')"
)
MODULE = "runpy.run_module('remctl', run_name='__main__', alter_sys=True)"


@contextmanager
def running(*arguments: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    """`pyremctl` under way."""
    command = [*PYREMCTL, *arguments]
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def quick(realm: Realm) -> Iterator[str]:
    """A host where the command of these tests ends at once; elsewhere it does not end."""
    program = "#!/bin/sh\necho quick; echo trouble >&2\n"
    with realm.server({"test": {"record": program}}) as server:
        yield f"localhost:{server.port}"


def wait_for(path: Path) -> None:
    """Wait until the command has begun on the host that does not end: it makes a file."""
    while not path.exists():
        time.sleep(0.01)


class TestSignalsObject:
    """Whatever Python does when a signal comes, it is done whole."""

    def test_nothing_is_raised_but_in_a_wait(self) -> None:
        with Signals() as signals:
            signal.raise_signal(signal.SIGINT)
            assert signals.number == signal.SIGINT
            with pytest.raises(Stopped), signals.waiting:
                pytest.fail("a wait that begins when the signal has come")
            with signals.waiting:
                pass  # once only

    def test_a_wait_is_ended(self) -> None:
        with Signals() as signals, pytest.raises(Stopped), signals.waiting:
            signal.raise_signal(signal.SIGTERM)

    def test_the_same_signal_twice_is_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`timeout` sends it to the program, and to its group."""
        ended = []
        with Signals() as signals:
            monkeypatch.setattr(signals, "die", lambda: ended.append(True))
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert not ended
            monkeypatch.setattr("remctl._cli.signals.monotonic", lambda: time.monotonic() + 1)
            signal.raise_signal(signal.SIGTERM)
            assert ended

    def test_none_is_ended_when_it_is_over(self) -> None:
        with Signals() as signals:
            signals.waiting.over()
            with signals.waiting:
                signal.raise_signal(signal.SIGTERM)
        assert signals.number == signal.SIGTERM


class TestSignals:
    @pytest.mark.parametrize("number", SIGNALS)
    def test_every_host_has_its_line_of_json_and_its_place_in_the_summary(
        self, fleet: Fleet, quick: str, tmp_path: Path, number: signal.Signals
    ) -> None:
        begun, slow, silent = tmp_path / "begun", fleet.alive[0], fleet.silent[0]
        hosts = ",".join([silent, quick, slow, "later"])
        words = ("--limit", "2", "--json", "test", "record", str(begun), "60")
        with running("-H", hosts, *words) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["stdout"] == "quick\n"
            wait_for(begun)
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=10)
        assert process.returncode == -number
        records = [json.loads(line) for line in stdout.splitlines()]
        assert {
            f"{one['host']}:{one['port']}": (one["error"], one["kind"], one["may_have_run"])
            for one in records
        } == {
            slow: ("given up", "lost", True),
            silent: ("given up", "lost", False),
            "later:None": ("not started: interrupted", "not_started", False),
        }
        assert stderr.decode().splitlines() == [
            "pyremctl: 3 of 4 hosts failed",
            f"  failed, cannot have run: given up (1): {silent}",
            f"  failed, may have run: given up (1): {slow}",
            "  not started: interrupted (1): later",
        ]

    @pytest.mark.parametrize("number", SIGNALS)
    def test_so_has_a_single_host(
        self, fleet: Fleet, tmp_path: Path, number: signal.Signals
    ) -> None:
        begun, (host, port) = tmp_path / "begun", fleet.alive[0].split(":")
        with running("--json", "-p", port, host, "test", "record", str(begun), "60") as process:
            wait_for(begun)
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=10)
        assert (process.returncode, stderr) == (-number, b"")
        record = json.loads(stdout)
        assert record["host"] == host
        assert (record["error"], record["kind"]) == ("given up", "lost")
        assert record["may_have_run"]

    def test_so_has_a_single_host_whose_name_is_looked_up(self) -> None:
        code = (
            "import _socket, os, signal, sys, threading\n"
            "def getaddrinfo(*_, **__):\n"
            "    os.kill(os.getpid(), signal.SIGINT)\n"
            "    threading.Event().wait()\n"
            "_socket.getaddrinfo = getaddrinfo\n"
            "from remctl._cli import main\n"
            "main(['--json', 'web', 'x'])\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30)
        record = json.loads(done.stdout)
        assert (record["host"], record["error"], record["may_have_run"]) == (
            "web",
            "given up",
            False,
        )
        assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")

    @pytest.mark.parametrize("number", SIGNALS)
    def test_what_was_gathered_is_shown(
        self, fleet: Fleet, quick: str, tmp_path: Path, number: signal.Signals
    ) -> None:
        begun = tmp_path / "begun"
        words = ("--gather", "--limit", "2", "test", "record", str(begun), "60")
        # The third begins when the first is done.
        with running("-H", f"{quick},{fleet.silent[0]},{fleet.alive[0]}", *words) as process:
            wait_for(begun)
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=10)
        assert process.returncode == -number
        assert stdout.decode().splitlines()[1:] == [f"{quick} (1)", "-" * 15, "quick"]
        assert b"trouble\npyremctl: 2 of 3 hosts failed\n" in stderr

    def test_the_line_of_progress_makes_way_for_the_summary(self, fleet: Fleet, quick: str) -> None:
        words = ("-H", f"{quick},{fleet.silent[0]}", "--gather", "test", "record")
        with terminal(*words, size=(24, 120)) as screen:
            screen.wait_for("1/2 done")
            screen.type(INTERRUPT)
            assert screen.end() == -signal.SIGINT
            assert not any("1/2 done" in line for line in screen.lines)
            assert screen.lines[-2:] == [
                "pyremctl: 1 of 2 hosts failed",
                f"  failed, cannot have run: given up (1): {fleet.silent[0]}",
            ]

    def test_a_second_one_cuts_it_short(self, fleet: Fleet) -> None:
        hosts = f"{fleet.alive[0]},{fleet.silent[0]}"
        with running("-H", hosts, "--json", "test", "bytes", "500000") as process:
            wait_until_blocked(process)  # nobody reads
            process.send_signal(signal.SIGINT)
            time.sleep(SAME + 0.1)
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == -signal.SIGINT
            assert process.stderr is not None
            assert process.stderr.read() == b""

    def test_one_while_all_is_being_shown_lets_it_end(self, fleet: Fleet) -> None:
        words = ("-H", fleet.alive[0], "--gather", "test", "bytes", "500000")
        with running(*words) as process:
            wait_until_blocked(process)
            process.send_signal(signal.SIGINT)
            stdout, _ = process.communicate(timeout=10)
        assert process.returncode == -signal.SIGINT
        assert stdout.count(b"0123456789abcde") == 31250

    def test_no_line_of_json_is_torn(self, fleet: Fleet) -> None:
        hosts = f"{fleet.alive[0]},{fleet.silent[0]}"
        with running("-H", hosts, "--json", "test", "bytes", "500000") as process:
            wait_until_blocked(process)
            process.send_signal(signal.SIGINT)
            stdout, _ = process.communicate(timeout=10)
        records = [json.loads(line) for line in stdout.splitlines()]
        assert [record["error"] for record in records] == [None, "given up"]

    @pytest.mark.parametrize(
        ("start", "module"),
        [
            (SCRIPT, "remctl._cli"),
            (MODULE, "remctl._cli"),
            (MODULE, "remctl._cli.many"),
            (MODULE, "remctl._many.command"),
            (MODULE, "base64"),
        ],
    )
    def test_while_it_loads_it_ends_at_once_and_quietly(self, start: str, module: str) -> None:
        code = (
            "import os, signal, sys, runpy\n"
            "class Finder:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
            "sys.meta_path.insert(0, Finder())\n"
        )
        words = ["-H", "127.0.0.1:1", "--json", "x"]
        done = subprocess.run(
            [sys.executable, "-c", code + start, *words], capture_output=True, timeout=30
        )
        assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")

    @pytest.mark.parametrize("start", [SCRIPT, MODULE])
    def test_one_that_python_has_printed_and_forgotten_ends_it(self, start: str) -> None:
        """As it does while it looks whether a program is a folder or an archive."""
        code = f"import runpy, sys\nsys.last_type = KeyboardInterrupt\n{start}"
        done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True)
        assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")

    @pytest.mark.parametrize("name", ["INT", "HUP"])
    def test_one_that_is_ignored_stays_so(self, fleet: Fleet, tmp_path: Path, name: str) -> None:
        begun = tmp_path / "begun"
        words = ("--json", "test", "record", str(begun), "1")
        ignoring = f'trap "" {name}; exec "$@"'
        command = ["sh", "-c", ignoring, "sh", *PYREMCTL, "-H", fleet.alive[0]]
        with subprocess.Popen([*command, *words], stdout=subprocess.PIPE) as process:
            wait_for(begun)
            process.send_signal(signal.Signals[f"SIG{name}"])
            assert process.wait(20) == 0


def wait_until_blocked(process: subprocess.Popen[bytes]) -> None:
    """Wait until nothing more fits into the pipe that nobody reads."""
    assert process.stdout is not None
    waiting, before = array("i", [0]), -1
    while waiting[0] < 32768 or waiting[0] != before:
        before = waiting[0]
        time.sleep(0.05)
        fcntl.ioctl(process.stdout.fileno(), termios.FIONREAD, waiting)


class TestSlowReaders:
    @pytest.mark.parametrize("options", [[], ["--json"], ["--gather"]], ids=str)
    def test_make_no_host_late(self, fleet: Fleet, options: list[str]) -> None:
        hosts = ",".join(fleet.alive[:20])
        words = ("--limit", "4", "--timeout", "2", *options, "-H", hosts)
        with running(*words, "test", "bytes", "100000") as process:
            wait_until_blocked(process)
            time.sleep(2.5)  # longer than a host may take
            stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stderr) == (0, b"")
        assert stdout.count(b"0123456789abcde") >= 6250 * (1 if "--gather" in options else 20)


class TestDescriptors:
    def test_too_few_for_all_lower_the_hosts_at_once_and_fail_none(self, fleet: Fleet) -> None:
        def restrict() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        command = [*PYREMCTL, "--limit", "200", "-H", ",".join(fleet.alive[:60]), "--gather"]
        done = subprocess.run(
            [*command, "test", "hello"], preexec_fn=restrict, capture_output=True, timeout=60
        )
        (line,) = done.stderr.decode().splitlines()
        assert re.fullmatch(
            r"pyremctl: \d+ hosts at once, not 200: only 64 files can be open \(ulimit -n\)", line
        )
        assert done.returncode == 0
        assert b"(60)\n" in done.stdout

    def test_of_a_low_soft_limit_nothing_is_said(self, fleet: Fleet) -> None:
        def restrict() -> None:
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))

        command = [*PYREMCTL, "--limit", "60", "-H", ",".join(fleet.alive[:60]), "--gather"]
        done = subprocess.run(
            [*command, "test", "hello"], preexec_fn=restrict, capture_output=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_file_that_cannot_be_made_leaves_the_rest_not_started(
    fleet: Fleet, tmp_path: Path
) -> None:
    first, second, third = fleet.alive[:3]
    (tmp_path / f"{second}.stdout").mkdir()
    words = ("--limit", "1", "--outdir", str(tmp_path), "test", "hello")
    done = pyremctl("-H", f"{first},{second},{third}", *words)
    assert done.stderr.decode().splitlines() == [
        f"pyremctl: cannot write {tmp_path}/{second}.stdout: Is a directory",
        "pyremctl: 2 of 3 hosts failed",
        f"  not started: cannot write output: Is a directory (2): 127.0.1.[2-3]:{fleet.port}",
    ]
    assert (tmp_path / f"{first}.stdout").read_text() == "hello world\n"
    assert done.returncode == 3


class TestEveryReportHasEveryHost:
    """An error of one report leaves hosts out of no other."""

    def full(self, folder: Path, host: str) -> None:
        """Let the file of the host's standard output be one that is always full."""
        (folder / f"{host}.stdout").symlink_to("/dev/full")

    def errors_in_summary(self, folder: Path) -> list[str | None]:
        return [one["error"] for one in json.loads((folder / "summary.json").read_text())]

    def test_in_json_and_in_the_summary_of_a_full_disk(self, fleet: Fleet, tmp_path: Path) -> None:
        first, second, third = fleet.alive[:3]
        self.full(tmp_path, second)
        words = ("--limit", "1", "--outdir", str(tmp_path), "--json", "test", "hello")
        done = pyremctl("-H", f"{first},{second},{third}", *words)
        expected = [None, None, "not started: cannot write output: No space left on device"]
        records = [json.loads(line) for line in done.stdout.splitlines()]
        assert [record["error"] for record in records] == expected
        assert [record["status"] for record in records] == [0, 0, None]
        assert self.errors_in_summary(tmp_path) == expected
        assert done.stderr.decode().splitlines()[0] == (
            f"pyremctl: cannot write {tmp_path}/{second}.stdout: No space left on device"
        )
        assert done.returncode == 3

    def test_in_gathered_output(self, fleet: Fleet, tmp_path: Path) -> None:
        first, second = fleet.alive[:2]
        self.full(tmp_path, second)
        words = ("--limit", "1", "--outdir", str(tmp_path), "--gather", "test", "hello")
        done = pyremctl("-H", f"{first},{second}", *words)
        assert done.stdout.endswith(b"(2)\n---------------\nhello world\n")

    def test_whose_name_no_file_can_have(self, fleet: Fleet, tmp_path: Path) -> None:
        hosts = [fleet.alive[0], "x" * 260, fleet.alive[1]]
        words = ("--limit", "1", "--outdir", str(tmp_path), "--json", "test", "hello")
        done = pyremctl("-H", ",".join(hosts), *words)
        names = [json.loads(line)["host"] for line in done.stdout.splitlines()]
        assert names == [host.partition(":")[0] for host in hosts]

    def test_in_the_files_when_standard_output_is_full(self, fleet: Fleet, tmp_path: Path) -> None:
        hosts = fleet.alive[:3]
        words = ("--limit", "1", "--outdir", str(tmp_path), "test", "hello")
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [*PYREMCTL, "-H", ",".join(hosts), *words], stdout=full, stderr=subprocess.PIPE
            )
        assert done.stderr.startswith(b"pyremctl: cannot write output: No space left on device\n")
        errors = self.errors_in_summary(tmp_path)
        assert len(errors) == 3
        assert None not in errors
        assert (tmp_path / f"{hosts[0]}.stdout").read_text() == "hello world\n"

    @pytest.mark.parametrize("option", ["--gather", "--diff"])
    def test_on_standard_error_when_standard_output_is_full(
        self, fleet: Fleet, option: str
    ) -> None:
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [*PYREMCTL, "-H", fleet.alive[0], option, "test", "mix"],
                stdout=full,
                stderr=subprocess.PIPE,
            )
        assert b"err 2\n" in done.stderr
        assert b"pyremctl: cannot write output: No space left on device\n" in done.stderr

    def test_on_standard_output_when_a_file_is_full(self, fleet: Fleet, tmp_path: Path) -> None:
        self.full(tmp_path, fleet.alive[0])
        done = pyremctl("-H", fleet.alive[0], "--outdir", str(tmp_path), "test", "hello")
        assert done.stdout.decode() == f"{fleet.alive[0]}: hello world\n"


def test_the_full_disk_is_named_with_quiet_too(fleet: Fleet, tmp_path: Path) -> None:
    path = tmp_path / f"{fleet.alive[0]}.stderr"
    path.symlink_to("/dev/full")
    done = pyremctl("-H", fleet.alive[0], "-q", "--outdir", str(tmp_path), "test", "mix")
    assert done.stderr.startswith(f"pyremctl: cannot write {path}: No space left".encode())


def test_a_summary_in_json_that_cannot_be_replaced_stays(fleet: Fleet, tmp_path: Path) -> None:
    """It is never half of one: a limit on the size of files ends its writing."""
    words = ("-H", ",".join(fleet.alive[:20]), "-q", "--outdir", str(tmp_path), "test", "hello")
    assert pyremctl(*words).returncode == 0
    before = (tmp_path / "summary.json").read_bytes()
    done = subprocess.run(
        [*PYREMCTL, *words],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
        stderr=subprocess.PIPE,
        timeout=60,
    )
    assert (tmp_path / "summary.json").read_bytes() == before
    assert done.stderr.startswith(f"pyremctl: cannot write {tmp_path}/summary.json: ".encode())
    assert done.returncode == 3
    assert not list(tmp_path.glob(".*"))
