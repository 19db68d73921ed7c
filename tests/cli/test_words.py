"""Arguments from elsewhere: --stdin, --file, --prompt."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from remctl.testing import Realm, Server

from tests.fix_realm import netstrings
from tests.support.programs import PYREMCTL, pyremctl
from tests.support.terminal import END, INTERRUPT, terminal

DATA = bytes(range(256)) * 4096


def digest(data: bytes) -> bytes:
    """What the command `stdin` prints for its last argument."""
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}\n".encode()


@pytest.fixture
def at(server: Server) -> tuple[str, str]:
    """The options that name the port of the server."""
    return "-p", str(server.port)


class TestStdin:
    def test_is_the_last_argument_whatever_is_in_it(self, at: tuple[str, str]) -> None:
        done = pyremctl(*at, "--stdin", "localhost", "test", "stdin", input=DATA)
        assert (done.stdout, done.stderr, done.returncode) == (digest(DATA), b"", 0)

    def test_may_be_empty(self, at: tuple[str, str]) -> None:
        done = pyremctl(*at, "--stdin", "localhost", "test", "args", "x", input=b"")
        assert netstrings(done.stdout) == [b"x", b""]

    def test_is_not_read_without(self, server: Server) -> None:
        reader, writer = os.pipe()
        os.write(writer, b"for somebody else")
        os.close(writer)
        command = [*PYREMCTL, "-p", str(server.port), "localhost", "test", "hello"]
        subprocess.run(command, stdin=reader, check=True, stdout=subprocess.DEVNULL)
        assert os.read(reader, 100) == b"for somebody else"
        os.close(reader)

    def test_that_is_closed_is_an_error(self) -> None:
        command = [*PYREMCTL, "-p", "1", "--stdin", "localhost", "test", "stdin"]
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True, timeout=30
        )
        assert done.returncode == 1
        assert done.stderr == b"pyremctl: cannot read standard input: Bad file descriptor\n"


class TestFile:
    def test_is_the_argument_of_that_number(self, at: tuple[str, str], tmp_path: Path) -> None:
        (tmp_path / "data").write_bytes(DATA)
        done = pyremctl(*at, "--file", f"2={tmp_path}/data", "localhost", "test", "stdin")
        assert (done.stdout, done.stderr, done.returncode) == (digest(DATA), b"", 0)

    @pytest.mark.parametrize(
        ("numbers", "expected"),
        [
            ("2", [b"2", b"a", b"b", b"c"]),
            ("3", [b"a", b"3", b"b", b"c"]),
            ("5", [b"a", b"b", b"c", b"5"]),
            ("23", [b"2", b"3", b"a", b"b", b"c"]),
            ("62", [b"2", b"a", b"b", b"c", b"6"]),
            ("24", [b"2", b"a", b"4", b"b", b"c"]),
        ],
    )
    def test_the_subcommand_is_argument_1(
        self, at: tuple[str, str], tmp_path: Path, numbers: str, expected: list[bytes]
    ) -> None:
        options = []
        for number in numbers:
            (tmp_path / number).write_text(number)
            options += ["--file", f"{number}={tmp_path / number}"]
        done = pyremctl(*at, *options, "localhost", "test", "args", "a", "b", "c")
        assert netstrings(done.stdout) == expected

    def test_may_be_the_subcommand(self, at: tuple[str, str], tmp_path: Path) -> None:
        (tmp_path / "word").write_text("hello")
        done = pyremctl(*at, f"--file=1={tmp_path}/word", "localhost", "test")
        assert done.stdout == b"hello world\n"

    def test_goes_with_stdin(self, at: tuple[str, str], tmp_path: Path) -> None:
        (tmp_path / "a").write_text("a")
        options = ["--stdin", "--file", f"2={tmp_path}/a"]
        done = pyremctl(*at, *options, "localhost", "test", "args", "b", input=b"c")
        assert netstrings(done.stdout) == [b"a", b"b", b"c"]

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ("2=/nonexistent/file", "cannot read /nonexistent/file: No such file or directory"),
            ("2=/", "cannot read /: Is a directory"),
            ("4=/etc/hostname", "there is no argument 3 before /etc/hostname"),
            ("0=/etc/hostname", "must be an integer of 1 or more, not '0'"),
            ("x=/etc/hostname", "must be an integer of 1 or more, not 'x'"),
            ("²=/etc/hostname", "must be an integer of 1 or more, not '²'"),
            ("/etc/hostname", "must be n=path, not '/etc/hostname'"),
            ("2=", "must be n=path, not '2='"),
        ],
    )
    def test_that_cannot_be_had_is_one_line_and_nothing_is_sent(
        self, value: str, words: str
    ) -> None:
        # Nobody listens on port 1: a connection would be the error.
        done = pyremctl("-p", "1", "--file", value, "localhost", "test", "args")
        assert done.stderr.decode().splitlines() in (
            [f"pyremctl: option --file: {words}"],
            [f"pyremctl: {words}"],
        )
        assert done.returncode == 1


@pytest.mark.parametrize("option", ["--stdin", "--file=1={}"])
def test_what_comes_from_elsewhere_is_in_no_error(
    server: Server, tmp_path: Path, option: str
) -> None:
    (tmp_path / "secret").write_text("secret")
    option = option.format(tmp_path / "secret")
    script = (
        "import sys, remctl; from remctl._cli.parse import parse; "
        "from remctl._cli.words import command_words; "
        "words = command_words(parse(sys.argv[2:])); assert words == [b'test', b'secret']\n"
        "try: remctl.Remctl('localhost', sys.argv[1]).run(words)\n"
        "except remctl.RemctlProtocolError as error: print(error, error.command)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(server.port), option, "localhost", "test"],
        input=b"secret",
        stdout=subprocess.PIPE,
        timeout=30,
        check=True,
    )
    assert done.stdout == b"test *** on localhost: Unknown command test ***\n"


@pytest.mark.measures
@pytest.mark.parametrize("option", ["--stdin", "--file=2={}"])
def test_a_large_argument_is_held_in_memory_once(
    server: Server, tmp_path: Path, option: str
) -> None:
    size = 48 << 20
    peaks = []
    for name, length in (("small", 1), ("large", size)):
        path = tmp_path / name
        with path.open("wb") as file:
            file.truncate(length)
        measure = (
            "import os, sys; pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ);"
            "print(os.wait4(pid, 0)[2].ru_maxrss)"
        )
        command = [*PYREMCTL, "-p", str(server.port), option.format(path), "localhost"]
        with path.open("rb") as stdin:
            done = subprocess.run(
                [sys.executable, "-c", measure, *command, "test", "stdin"],
                stdin=stdin,
                capture_output=True,
                timeout=60,
                check=True,
            )
        peaks.append(int(done.stdout.split()[-1]) * 1024)
    assert peaks[1] - peaks[0] < 1.3 * size


class TestPrompt:
    def test_asks_without_echo_for_the_last_argument(self, at: tuple[str, str]) -> None:
        with terminal(*at, "--prompt", "localhost", "test", "args", "x") as screen:
            screen.wait_for("Argument:")
            screen.type("s3cret\n")
            assert screen.end() == 0
            assert screen.lines[-1] == "6:s3cret,"
            assert screen.bytes.count(b"s3cret") == 1  # what the command printed

    def test_with_a_text_of_ones_own(self, at: tuple[str, str]) -> None:
        with terminal(*at, "--prompt=New password: ", "localhost", "test", "args") as screen:
            screen.wait_for("New password: ")
            screen.type("é\n")
            assert screen.end() == 0
            assert screen.lines[-1] == "2:é,"

    def test_asks_on_the_terminal_also_when_standard_input_is_none(
        self, at: tuple[str, str]
    ) -> None:
        line = f'{sys.executable} -m remctl "$@" </dev/null | cat'
        with terminal(
            *at, "--prompt", "localhost", "test", "args", program=("sh", "-c", line, "sh")
        ) as screen:
            screen.wait_for("Argument:")
            screen.type("secret\n")
            assert screen.end() == 0
            assert screen.lines[-1] == "6:secret,"

    def test_confirm_asks_twice(self, at: tuple[str, str]) -> None:
        options = ("--prompt", "--confirm", "localhost", "test", "args")
        with terminal(*at, *options) as screen:
            screen.wait_for("Argument:")
            screen.type("one\n")
            screen.wait_for("Again:")
            screen.type("one\n")
            assert screen.end() == 0
            assert screen.lines[-1] == "3:one,"

    def test_two_that_differ_send_nothing(self) -> None:
        with terminal("-p", "1", "--prompt", "--confirm", "localhost", "test") as screen:
            screen.wait_for("Argument:")
            screen.type("one\n")
            screen.wait_for("Again:")
            screen.type("two\n")
            assert screen.end() == 1
            assert screen.lines[-1] == "pyremctl: option --confirm: the two differ"

    def test_the_end_of_input_is_no_answer(self) -> None:
        with terminal("-p", "1", "--prompt", "localhost", "test") as screen:
            screen.wait_for("Argument:")
            screen.type(END)
            assert screen.end() == 1
            assert screen.lines[-1] == "pyremctl: option --prompt: no answer"

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_ends_it_and_the_terminal_echoes_again(self, number: signal.Signals) -> None:
        with terminal("--prompt", "localhost", "x") as screen:
            screen.wait_for("Argument:")
            assert not screen.child.getecho()
            screen.child.kill(number)
            assert screen.end() == -number
            assert screen.child.getecho()
            assert b"Traceback" not in screen.bytes

    def test_an_interrupt_ends_it_and_the_terminal_echoes_again(self) -> None:
        line = f'trap : INT; {sys.executable} -m remctl "$@"; stty -a'
        with terminal("--prompt", "localhost", "x", program=("sh", "-c", line, "sh")) as screen:
            screen.wait_for("Argument:")
            screen.type(INTERRUPT)
            screen.end()
            assert b" echo " in screen.bytes
            assert b"Traceback" not in screen.bytes

    def test_without_a_terminal_is_an_error(self) -> None:
        command = ["setsid", "--wait", *PYREMCTL, "-p", "1", "--prompt", "localhost", "test"]
        done = subprocess.run(command, input=b"x\n", capture_output=True, timeout=30)
        assert done.stderr == b"pyremctl: option --prompt: there is no terminal to ask on\n"
        assert done.returncode == 1


class TestMisuse:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--stdin", "--prompt"], "options --stdin and --prompt do not go together"),
            (["--confirm"], "option --confirm goes with --prompt"),
            (["--keytab", "k", "--ccache", "c"], "options --keytab and --ccache do not"),
            (["--keytab", ""], "option --keytab: the name is empty"),
            (["--limit", "3"], "option --limit is for many hosts: give -H or --hosts too"),
        ],
    )
    def test_what_does_not_go_together_is_one_line(self, options: list[str], words: str) -> None:
        done = pyremctl(*options, "localhost", "test")
        assert done.stderr.decode().startswith(f"pyremctl: {words}")
        assert (done.stderr.count(b"\n"), done.returncode) == (1, 1)


def test_a_ticket_cache_of_ones_own(server: Server, tmp_path: Path) -> None:
    cache = os.environ["KRB5CCNAME"].removeprefix("FILE:")
    env = os.environ | {"KRB5CCNAME": f"FILE:{tmp_path}/none"}
    words = ("-p", str(server.port), "localhost", "test", "hello")
    assert pyremctl(*words, env=env).returncode == 1
    done = pyremctl("--ccache", cache, *words, env=env)
    assert (done.stdout, done.returncode) == (b"hello world\n", 0)


class TestKeytab:
    def test_gets_a_ticket_of_its_own(self, realm: Realm, server: Server, tmp_path: Path) -> None:
        realm.add_principal("robot", "secret")
        keytab = realm.make_keytab("robot")
        env = os.environ | {"KRB5CCNAME": f"FILE:{tmp_path}/none"}
        words = ("-p", str(server.port), "localhost", "test", "env")
        done = pyremctl("--keytab", str(keytab), *words, env=env)
        assert f"REMOTE_USER=robot@{realm.name}".encode() in done.stdout.splitlines()
        assert (done.stderr, done.returncode) == (b"", 0)
        assert list(tmp_path.iterdir()) == []
        many = pyremctl("--keytab", str(keytab), "-p", words[1], "-H", *words[2:], env=env)
        assert f"localhost: REMOTE_USER=robot@{realm.name}".encode() in many.stdout.splitlines()

    def test_that_cannot_be_read_is_one_line(self, server: Server) -> None:
        words = ("-p", str(server.port), "localhost", "test", "env")
        done = pyremctl("--keytab", "/nonexistent", *words)
        assert b"/nonexistent" in done.stderr
        assert (done.stderr.count(b"\n"), done.returncode) == (1, 1)
        done = pyremctl("--keytab", "/nonexistent", "-H", *words[2:])
        assert b"/nonexistent" in done.stderr
        assert (done.stderr.count(b"\n"), done.returncode) == (1, 2)
