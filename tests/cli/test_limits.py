"""Limits of time and tries, and --check, with one host and with many."""

import _socket
import json
import shlex
import threading
import time

import pytest
from remctl._cli import main
from remctl._cli.connect import Unreachable, canonical_name
from remctl.testing import Server

from tests.fix_fleet import Fleet
from tests.support.programs import PYREMCTL, pyremctl, run


def one(target: str) -> tuple[str, ...]:
    """A target as the arguments for one host."""
    host, _, port = target.partition(":")
    return "-p", port, host


@pytest.fixture(params=["one", "many"])
def where(request: pytest.FixtureRequest) -> str:
    """Whether there is one host or many."""
    return str(request.param)


def words(where: str, target: str) -> tuple[str, ...]:
    """The arguments for a target."""
    return one(target) if where == "one" else ("-H", target)


class TestMaxOutput:
    def test_a_host_that_sends_more_has_failed(self, fleet: Fleet, where: str) -> None:
        hosts = words(where, fleet.alive[0])
        done = pyremctl("--max-output", "1000", "--json", *hosts, "test", "bytes", "100000")
        record = json.loads(done.stdout)
        assert record["kind"] == "too_large"
        assert record["may_have_run"]
        assert done.returncode == (1 if where == "one" else 3)

    def test_the_message_names_the_option(self, fleet: Fleet, where: str) -> None:
        hosts = words(where, fleet.alive[0])
        done = pyremctl("--max-output", "1000", *hosts, "test", "bytes", "100000")
        assert b"more output than --max-output allows (1000 bytes)" in done.stderr

    def test_as_much_as_that_is_output(self, fleet: Fleet, where: str) -> None:
        hosts = words(where, fleet.alive[0])
        done = pyremctl("--max-output", "1000", *hosts, "test", "bytes", "1000")
        assert (done.returncode, done.stderr) == (0, b"")

    @pytest.mark.parametrize("value", ["0", "-1", "x", "1.5"])
    def test_a_value_that_is_no_number_of_bytes_is_refused(self, where: str, value: str) -> None:
        done = pyremctl(f"--max-output={value}", *words(where, "localhost:1"), "test", "hello")
        assert b"--max-output" in done.stderr
        assert done.stdout == b""


class TestConnectTimeout:
    def test_a_host_that_does_not_get_through_the_handshake_is_given_up(
        self, fleet: Fleet, where: str
    ) -> None:
        begin = time.monotonic()
        done = pyremctl("--connect-timeout", "1.5", *words(where, fleet.silent[0]), "test", "hello")
        assert 1.4 < time.monotonic() - begin < 20
        assert b"timed out" in done.stderr
        assert done.returncode == (1 if where == "one" else 3)

    def test_does_not_limit_the_command(self, fleet: Fleet, where: str) -> None:
        hosts = words(where, fleet.alive[0])
        done = pyremctl("--connect-timeout", "1.5", *hosts, "test", "stream", "2", "1")
        assert done.stdout.count(b"line") == 2
        assert (done.returncode, done.stderr) == (0, b"")

    @pytest.mark.measures
    def test_is_10_seconds_with_many_hosts(self, fleet: Fleet) -> None:
        done = pyremctl("-H", fleet.silent[0], "--json", "test", "hello")
        record = json.loads(done.stdout)
        assert record["kind"] == "timeout"
        assert not record["may_have_run"]
        assert 9.9 < record["seconds"] < 30

    def test_is_for_packets_that_are_dropped_too(self, black_hole: str, where: str) -> None:
        begin = time.monotonic()
        hosts = ("-H", black_hole) if where == "many" else (black_hole,)
        done = pyremctl("-p", "1", "--connect-timeout", "1", *hosts, "test", "hello")
        assert 0.9 < time.monotonic() - begin < 20
        assert b"timed out" in done.stderr

    def test_0_is_none(self, fleet: Fleet) -> None:
        options = ("--connect-timeout", "0", "--timeout", "1", "--json")
        done = pyremctl(*options, "-H", fleet.silent[0], "test", "hello")
        assert json.loads(done.stdout)["kind"] == "timeout"

    def test_is_for_the_look_up_of_the_name_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        never = threading.Event()
        answer = [(0, 0, 0, "web", ())]
        monkeypatch.setattr(_socket, "getaddrinfo", lambda *_, **__: never.wait() and answer)
        with pytest.raises(Unreachable, match="cannot resolve host web: timed out"):
            canonical_name("web", 0.2)
        never.set()


class TestOneHost:
    def test_a_command_that_takes_too_long_is_given_up(self, server: Server) -> None:
        begin = time.monotonic()
        done = pyremctl(
            "--timeout", "1.5", "-p", str(server.port), "localhost", "test", "sleep", "60"
        )
        assert 1.4 < time.monotonic() - begin < 20
        assert done.stderr.startswith(b"pyremctl: ")
        assert b"timed out" in done.stderr
        assert done.returncode == 1

    def test_output_is_what_it_is_without_a_limit(self, server: Server) -> None:
        for command in (("mix", "3"), ("octets",), ("bytes", "300000"), ("bogus",), ("denied",)):
            call = ("-p", str(server.port), "localhost", "test", *command)
            plain, limited = pyremctl(*call), pyremctl("--timeout", "30", *call)
            assert (limited.stdout, limited.stderr, limited.returncode) == (
                *(plain.stdout, plain.stderr, plain.returncode),
            )

    def test_is_tried_again(self, fleet: Fleet) -> None:
        done = pyremctl("--retries", "2", "--json", *one(fleet.dead[0]), "test", "hello")
        record = json.loads(done.stdout)
        assert (record["tries"], record["kind"], done.returncode) == (3, "connect", 1)
        done = pyremctl("--retries", "1", *one(fleet.dead[0]), "test", "hello")
        assert done.stderr.startswith(b"pyremctl: cannot connect to ")

    @pytest.mark.parametrize(
        ("command", "status", "output", "code"),
        [(["mix", "3"], 3, "out 1\nout 2\n", None), (["bogus"], 255, None, 5)],
    )
    def test_is_a_json_object(
        self, server: Server, command: list[str], status: int, output: str | None, code: int | None
    ) -> None:
        done = pyremctl("--json", "-p", str(server.port), "localhost", "test", *command)
        record = json.loads(done.stdout)
        assert (record["host"], record["port"]) == ("localhost", server.port)
        assert (record["stdout"], record["code"]) == (output, code)
        assert (done.stderr, done.returncode) == (b"", status)

    @pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
    @pytest.mark.parametrize(("command", "status"), [("hello", 1), ("mix 3", 3), ("bogus", 255)])
    def test_whose_object_cannot_be_written_is_one_line(
        self, server: Server, redirection: str, command: str, status: int
    ) -> None:
        line = f"exec {shlex.join(PYREMCTL)} --json -p {server.port} localhost test {command}"
        done = run(("sh", "-c"), f"{line} {redirection}")
        assert done.stderr.startswith(b"pyremctl: local write of command output failed: ")
        assert (done.stderr.count(b"\n"), done.returncode) == (1, status)

    @pytest.mark.parametrize("option", ["--timeout", "--connect-timeout"])
    def test_may_have_any_time(self, server: Server, option: str) -> None:
        call = ("-p", str(server.port), "localhost", "test", "hello")
        done = pyremctl(option, "1e300", *call)
        assert (done.stdout, done.stderr) == (b"hello world\n", b"")

    def test_whose_name_is_looked_up_for_too_long_says_how_long(
        self, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        never = threading.Event()
        answer = [(0, 0, 0, "web", ())]
        monkeypatch.setattr(_socket, "getaddrinfo", lambda *_, **__: never.wait() and answer)
        assert main(["--json", "--timeout", "0.2", "web", "x"]) == 1
        never.set()
        assert json.loads(capfdbinary.readouterr().out)["seconds"] >= 0.2

    def test_whose_name_is_unknown_is_a_json_object(self) -> None:
        done = pyremctl("--json", "no.such.host.invalid", "test")
        record = json.loads(done.stdout)
        assert (record["kind"], record["may_have_run"]) == ("resolve", False)
        assert done.returncode == 1

    def test_the_options_are_none_of_a_session(self) -> None:
        done = pyremctl("--timeout", "0", "localhost", "x")
        assert done.stderr == b"pyremctl: option --timeout: must be a number of seconds, not '0'\n"
        assert done.returncode == 1


class TestCheck:
    def test_says_who_can_be_reached_and_runs_nothing(self, fleet: Fleet) -> None:
        hosts = [fleet.alive[0], fleet.refusing[0], fleet.dead[0], fleet.silent[0]]
        done = pyremctl("--check", "--connect-timeout", "2", "-H", ",".join(hosts))
        assert sorted(done.stdout.decode().splitlines()) == sorted(
            f"{host}: ok" for host in hosts[:2]
        )
        assert b"pyremctl: 2 of 4 hosts failed\n" in done.stderr
        assert b"may have run" not in done.stderr
        assert done.returncode == 3

    def test_in_json_no_command_can_have_run(self, fleet: Fleet) -> None:
        done = pyremctl("--check", "--json", "-H", f"{fleet.alive[0]},{fleet.dead[0]}")
        records = [json.loads(line) for line in done.stdout.splitlines()]
        assert [record["may_have_run"] for record in records] == [False, False]
        assert sorted(record["stdout"] or "" for record in records) == ["", "ok\n"]

    def test_gathers(self, fleet: Fleet) -> None:
        done = pyremctl("--check", "--gather", "-H", ",".join(fleet.alive[:3]))
        assert done.stdout.endswith(b"(3)\n---------------\nok\n")

    @pytest.mark.parametrize("rest", [["x"], ["--stdin"], ["--file", "1=/etc/hostname"]])
    def test_goes_with_no_command(self, rest: list[str]) -> None:
        done = pyremctl("--check", "-H", "a", *rest)
        assert done.stderr == b"pyremctl: option --check sends no command\n"
        assert done.returncode == 2
