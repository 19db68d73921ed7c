"""With one host `pyremctl` is the program `remctl`: command lines through both."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from remctl.testing import Realm, Server

from tests.support import hosts
from tests.support.programs import PYREMCTL, Done, run

REMCTL = ("remctl",)

# Each is split at spaces. {port} and {principal} are the server's, {bytes} is one that is no
# UTF-8, {long} a long word, {empty} an empty one, {space} one with a space in it.
ALIKE = """
-p {port} localhost test hello
-p{port} localhost test hello
-p {port} 127.0.0.1 test hello
-p {port} LOCALHOST test hello
-p {port} -s {principal} 127.0.0.1 test hello
-s{principal} -p {port} localhost test hello
-p 1 -p {port} localhost test hello
-p {space}{port} localhost test hello
-p +{port} localhost test hello
-p 0{port} localhost test hello
-p {port} -b 127.0.0.1 localhost test hello
-p {port} -b 192.0.2.1 localhost test hello
-p {port} -- localhost test hello
-p {port} localhost -- test hello
-p {port} localhost -p 1
-p {port} localhost test hello -x --help -h -- -p
-p {port} localhost test args -p 1 -- --stdin -v
-p {port} localhost test args {empty} {space} {bytes} ünïcode *
-p {port} localhost test args {long}
-p {port} localhost test mix
-p {port} localhost test mix 3
-p {port} localhost test octets
-p {port} localhost test bytes 300000
-p {port} localhost test lines 100
-p {port} localhost test status 0
-p {port} localhost test status 1
-p {port} localhost test status 127
-p {port} localhost test status 128
-p {port} localhost test status 255
-p {port} localhost test drop
-p {port} localhost test denied
-p {port} localhost test stdin text
-p {port} localhost test
-p {port} localhost nosuch
-p {port} localhost nosuch {bytes}
-p {port} localhost {empty}
-p {port} localhost help
-p {port} localhost test hello {empty}
-p {port} -t 5 localhost test hello
-p {port} -t 1 localhost test sleep 3
-p {port} -t 0 localhost test hello
-p {port} -t {empty} localhost test hello
-p {port} -t 99999999999999999999999 localhost test hello
-t -1 localhost test hello
-t 1.5 localhost test hello
-t 1s localhost test hello
-t soon localhost test hello
-t {space} localhost test hello
-p 1 localhost test hello
-p 1 127.0.0.1 test hello
-p 0 localhost test hello
-p 65536 localhost test hello
-p -1 localhost test hello
-p 12x localhost test hello
-p 0x10 localhost test hello
-p 99999999999999999999999 localhost test hello
-p {empty} localhost test hello
-p remctl localhost test hello
-p 1x -h
-p {port} nosuch.invalid test hello
-p {port} -s {principal} nosuch.invalid test hello
-p {port} {empty} test hello
-p {port} - test hello
-p {port} a..b test hello
-p {port} [::1] test hello
-p {port} loc{bytes}lhost test hello
-p {port} {long} test hello
-p {port} -s host/nosuch localhost test hello
-y
-+
-:
-p
-dt
-b
-s
-y -p
localhost
-p {port} localhost
--
-- localhost
{empty}
"""
LINES = ALIKE.strip().splitlines()


def arguments(line: str, server: Server) -> list[bytes]:
    """The arguments that a line stands for."""
    special = {
        "port": str(server.port).encode(),
        "principal": server.principal.encode(),
        "bytes": b"\xe9",
        "long": b"a" * 5000,
        "empty": b"",
        "space": b" ",
    }
    words = []
    for word in line.split():
        data = word.encode()
        for name, value in special.items():
            data = data.replace(b"{%s}" % name.encode(), value)
        words.append(data)
    return words


def seen(done: Done) -> tuple[int, bytes, bytes]:
    """What of a run is to be alike; the usage message is each program's own, the hint ours."""
    stderr = re.sub(rb"(?m)^pyremctl: hint: .*\n", b"", done.stderr)
    stderr = stderr.replace(b"pyremctl:", b"remctl:")
    stderr = stderr.replace(b"Usage: pyremctl", b"Usage: remctl")
    message, usage, _ = stderr.partition(b"Usage: remctl")
    return done.returncode, done.stdout, message + usage


@pytest.mark.parametrize("line", LINES)
def test_output_and_status_are_those_of_remctl(server: Server, line: str) -> None:
    words = arguments(line, server)
    assert seen(run(PYREMCTL, *words)) == seen(run(REMCTL, *words))


def test_without_arguments_at_all() -> None:
    assert seen(run(PYREMCTL)) == seen(run(REMCTL))


def test_help_and_version_come_at_once_with_status_0() -> None:
    for line, what in (
        ("-h", b"Usage: "),
        ("-hv", b"Usage: "),
        ("-vh", b"remctl "),
        ("-v -x", b"remctl "),
        ("-p 7 -h localhost", b"Usage: "),
    ):
        for program in (PYREMCTL, REMCTL):
            done = run(program, *line.split())
            assert (done.returncode, done.stderr) == (0, b"")
            assert what in done.stdout.splitlines()[0]


def test_help_that_cannot_be_written_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*PYREMCTL, "-h"], stdout=full, stderr=subprocess.PIPE, timeout=30)
    assert done.stderr == b"pyremctl: cannot write: No space left on device\n"
    assert done.returncode == 1


def test_without_a_ticket(realm: Realm, server: Server, tmp_path: Path) -> None:
    env = os.environ | {"KRB5CCNAME": f"FILE:{tmp_path}/none"}
    env.pop("KRB5_CLIENT_KTNAME", None)  # the hint would be about that
    words = arguments("-p {port} localhost test hello", server)
    done = run(PYREMCTL, *words, env=env)
    assert seen(done) == seen(run(REMCTL, *words, env=env))
    hint = done.stderr.splitlines()[1]
    assert hint.startswith(b"pyremctl: hint: ")
    assert b"kinit" in hint
    assert hint.endswith(b" --keytab.")  # the option's name, and not the keyword's


@pytest.mark.parametrize("program", [PYREMCTL, REMCTL], ids=["pyremctl", "remctl"])
class TestEndings:
    """How both programs end when they are ended."""

    def start(self, program: tuple[str, ...], server: Server, line: str) -> subprocess.Popen[bytes]:
        words = arguments("-p {port} localhost test " + line, server)
        return subprocess.Popen([*program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_a_closed_pipe_ends_it_quietly(self, server: Server, program: tuple[str, ...]) -> None:
        with self.start(program, server, "bytes 3000000") as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.read(16) == b"0123456789abcde\n"
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(30) == -signal.SIGPIPE

    def test_an_interrupt_ends_it_by_the_signal(
        self, server: Server, program: tuple[str, ...], tmp_path: Path
    ) -> None:
        begun = tmp_path / "begun"
        os.mkfifo(begun)
        with self.start(program, server, f"record {begun} 30") as process:
            begun.read_text()
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == -signal.SIGINT
            assert process.stderr is not None
            assert process.stderr.read() == b""


class TestDifferences:
    """What differs on purpose; docs/reference/command-line.md has the reasons."""

    def pair(self, server: Server, line: str) -> tuple[Done, Done]:
        words = arguments(line, server)
        return run(PYREMCTL, *words), run(REMCTL, *words)

    @pytest.mark.parametrize("options", ["-dp{port}", "-d -p {port}"])
    def test_debugging_says_what_happens(self, server: Server, options: str) -> None:
        ours, theirs = self.pair(server, f"{options} localhost test hello")
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
        assert theirs.stderr == b""
        assert b'command "test hello"' in ours.stderr

    def test_a_source_address_is_looked_at_before_anything_is_sent(self, server: Server) -> None:
        ours, theirs = self.pair(server, "-p {port} -b nonsense localhost test hello")
        assert (ours.returncode, theirs.returncode) == (1, 1)
        assert ours.stderr == b"pyremctl: invalid source address nonsense\n"
        assert theirs.stderr.endswith(b"Invalid argument\n")

    def test_a_source_address_of_another_family_is_named(self, server: Server) -> None:
        ours, theirs = self.pair(server, "-p {port} -b ::1 127.0.0.1 test hello")
        assert (ours.returncode, theirs.returncode) == (1, 1)
        assert ours.stderr.endswith(b"no address in the family of the source address ::1\n")
        assert theirs.stderr.endswith(b"Invalid argument\n")

    def test_an_empty_host_is_an_error_of_its_own(self, server: Server) -> None:
        ours, theirs = self.pair(server, "-p {port} -s {principal} {empty} test hello")
        assert (ours.returncode, theirs.returncode) == (1, 1)
        assert ours.stderr == b"pyremctl: host must not be empty\n"
        assert theirs.stderr.endswith(b"Name or service not known\n")

    def test_an_empty_principal_is_an_error_of_its_own(self, server: Server) -> None:
        ours, theirs = self.pair(server, "-p {port} -s {empty} localhost test hello")
        assert (ours.returncode, theirs.returncode) == (1, 1)
        assert ours.stderr == b"pyremctl: option -s: the name is empty\n"
        assert theirs.stderr.startswith(b"remctl: ")

    def test_messages_of_the_library_are_text(self, server: Server) -> None:
        for line in (
            "-p {port} -s {principal} loc{bytes}lhost test hello",
            "-p {port} -s {bytes} localhost test hello",
        ):
            ours, theirs = self.pair(server, line)
            assert (ours.returncode, theirs.returncode) == (1, 1)
            assert seen(ours)[2] == theirs.stderr.replace(b"\xe9", rb"\xe9")

    def test_long_options_are_known(self) -> None:
        ours, theirs = run(PYREMCTL, "--help"), run(REMCTL, "--help")
        assert (ours.returncode, theirs.returncode) == (0, 1)
        ours, theirs = run(PYREMCTL, "--bogus"), run(REMCTL, "--bogus")
        assert (ours.returncode, theirs.returncode) == (1, 1)
        assert ours.stderr.startswith(b"pyremctl: unrecognized option '--bogus'\nUsage: ")
        assert theirs.stderr.startswith(b"remctl: invalid option -- '-'\nUsage: ")

    def test_output_that_cannot_be_written_is_no_success(self, server: Server) -> None:
        words = arguments("-p {port} localhost test hello", server)
        with open("/dev/full", "wb") as full:
            done = [
                subprocess.run([*program, *words], stdout=full, stderr=subprocess.PIPE)
                for program in (PYREMCTL, REMCTL)
            ]
        assert [one.returncode for one in done] == [1, 0]
        assert done[0].stderr == (
            b"pyremctl: local write of command output failed: No space left on device\n"
        )


@pytest.mark.skipif(not hosts.available(), reason="host names of our own take root")
class TestCanonicalNames:
    """`short` stands for real.example.com, for which alone there is a principal."""

    @pytest.fixture
    def launcher(self, realm: Realm, tmp_path: Path) -> list[str]:
        """What makes the names."""
        realm.add_host("real.example.com")
        return hosts.launcher(tmp_path, {"real.example.com short": ["127.0.0.1"]})

    @pytest.mark.parametrize("program", [PYREMCTL, REMCTL], ids=["pyremctl", "remctl"])
    def test_are_what_is_connected_to_without_a_principal(
        self, server: Server, launcher: list[str], program: tuple[str, ...]
    ) -> None:
        words = ["-p", str(server.port), "short", "test", "hello"]
        assert run([*launcher, *program], *words).stdout == b"hello world\n"
        words = ["-p", "1", "short", "test", "hello"]
        done = run([*launcher, *program], *words)
        assert done.stderr.endswith(
            b"cannot connect to real.example.com (port 1): Connection refused\n"
        )

    @pytest.mark.parametrize("program", [PYREMCTL, REMCTL], ids=["pyremctl", "remctl"])
    def test_are_not_with_one(
        self, server: Server, launcher: list[str], program: tuple[str, ...]
    ) -> None:
        words = ["-p", "1", "-s", "host/real.example.com", "short", "test", "hello"]
        done = run([*launcher, *program], *words)
        assert done.stderr.endswith(b"cannot connect to short (port 1): Connection refused\n")

    def test_can_be_refused(self, server: Server, launcher: list[str]) -> None:
        words = ["--no-canonicalize", "-p", str(server.port), "short", "test", "hello"]
        done = run([*launcher, *PYREMCTL], *words)
        assert done.returncode == 1
        assert b"Server host/short@REMCTL.TEST not found in Kerberos database\n" in done.stderr
