"""Backends as the programs of a real remctld."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.backend import log
from tests.backend.conftest import Serve, conf, program

PROBE = '''\
import os, sys, threading
from remctl.backend import Annotated, Backend, Match, Secret, Stdin, remote

probe = Backend("probe", "Probe:")
group = probe.group("group")

@probe.default
def alone() -> None:
    """Alone."""
    print("alone")

@probe.command
def who() -> None:
    """Who calls."""
    print(remote.user, remote.addr, remote.host, remote.command)
    print(remote.expires)

@probe.command
def number(name: str, data: Annotated[bytes, Stdin], *more: str) -> None:
    """Take the second argument from standard input."""
    print(name, len(data), data[-2:], more)

@probe.command
def last(*names: str, data: Annotated[bytes, Stdin], loud: bool = False) -> None:
    """Take the last argument from standard input."""
    print(names, len(data), loud)

@probe.command
def optional(data: Annotated[str, Stdin] = "nothing") -> None:
    """Take an argument from standard input if there is one."""
    print(repr(data))

@probe.command
def secret(name: str, word: Annotated[str, Secret], *, loud: bool = False) -> None:
    """Take a secret."""
    raise RuntimeError(f"this is {word!r} of {name}")

@probe.command
def raw(name: bytes) -> None:
    """Show bytes."""
    sys.stdout.buffer.write(name)

@probe.command
def thread() -> None:
    """Fail in a thread."""
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

@group.command
def one(name: str) -> None:
    """Do one thing."""
    print(name)

@group.command
def two(name: str, word: Annotated[str, Secret, Stdin]) -> None:
    """Do two things."""
    print(name, word)

if os.path.exists(__file__ + ".broken"):
    raise RuntimeError("a mistake in the program")
probe.main()
'''

OTHER = '''\
from remctl.backend import Backend
other = Backend("other")
@other.command
def one() -> None:
    """Do another thing."""
other.main()
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs and their log are."""
    return tmp_path_factory.mktemp("backend")


@pytest.fixture(scope="module")
def syslog(folder: Path) -> Iterator[log.Log]:
    """What the commands write to syslog."""
    if not log.available():
        pytest.skip("a /dev/log of one's own takes root")
    with log.log(folder) as syslog:
        yield syslog


@pytest.fixture(scope="module")
def probe(realm: Realm, folder: Path, syslog: log.Log) -> Iterator[Server]:
    """A server with the commands above."""
    programs = program(folder, PROBE, "probe"), program(folder, OTHER, "other")
    text = "".join(conf(each, "ANYUSER") for each in programs)
    with realm.server(text, launcher=syslog.launcher) as server:
        yield server


def run(server: Server, *words: str | bytes) -> tuple[int, str, str]:
    """What a client gets."""
    result = remctl.remctl(server.host, server.port, command=words)
    assert result.status is not None
    return result.status, (result.stdout or b"").decode(), (result.stderr or b"").decode()


def logged(server: Server, subcommand: str) -> str:
    """The last command of this name in remctld's log, as it stands there."""
    commands: list[str] = re.findall(rf"COMMAND from \S+: (probe {subcommand}.*)", server.log())
    return commands[-1]


def test_who_calls(probe: Server, realm: Realm) -> None:
    status, stdout, stderr = run(probe, "probe", "who")
    assert (status, stderr) == (0, "")
    who, expires = stdout.splitlines()
    user, addr, _, command = who.split()
    assert (user, addr, command) == (realm.user, "127.0.0.1", "probe")
    assert time.time() < int(expires) < time.time() + 10 * 24 * 3600


def test_without_a_subcommand(probe: Server) -> None:
    assert run(probe, "probe") == (0, "alone\n", "")


def test_a_subcommand_that_is_none(probe: Server) -> None:
    with pytest.raises(remctl.RemctlProtocolError, match="Unknown command"):
        run(probe, "probe", "unknown")
    assert run(probe, "probe", "group", "unknown") == (
        2,
        "",
        "probe group: unknown command: unknown\n",
    )


class TestStdin:
    def test_by_number(self, probe: Server) -> None:
        data = b"x" * 3_000_000 + b"\0\xff"
        stdout = f"name 3000002 {data[-2:]!r} ('a', 'b')\n"
        assert run(probe, "probe", "number", "name", data, "a", "b") == (0, stdout, "")

    def test_the_last(self, probe: Server) -> None:
        assert run(probe, "probe", "last", "--loud", "a", "b", b"\0") == (
            0,
            "('a', 'b') 1 True\n",
            "",
        )
        assert run(probe, "probe", "last", b"data") == (0, "() 4 False\n", "")

    def test_one_that_is_missing_or_empty(self, probe: Server) -> None:
        assert run(probe, "probe", "optional") == (0, "'nothing'\n", "")
        assert run(probe, "probe", "optional", "") == (0, "''\n", "")
        few = (2, "", "probe number: insufficient arguments\n")
        assert run(probe, "probe", "number") == few
        assert run(probe, "probe", "number", "name") == few

    def test_in_one_of_a_group(self, probe: Server) -> None:
        assert run(probe, "probe", "group", "one", "a") == (0, "a\n", "")
        assert run(probe, "probe", "group", "two", "a", "b") == (0, "a b\n", "")

    def test_is_no_argument_of_the_others_in_the_group(self, probe: Server) -> None:
        many = (2, "", "probe group one: too many arguments\n")
        assert run(probe, "probe", "group", "one", "a", "b") == many
        assert run(probe, "probe", "group", "one", "a", "b", "c") == many

    def test_the_last_word_is_the_subcommand_itself(self, probe: Server) -> None:
        """remctld puts it on standard input where nothing follows; that is no `probe` alone."""
        many = (2, "", "probe: too many arguments\n")
        assert run(probe, "probe", "last") == many

    def test_data_that_nobody_reads(self, probe: Server) -> None:
        status, _, stderr = run(probe, "probe", "group", "one", "a", b"x" * 3_000_000)
        assert (status, stderr) == (2, "probe group one: too many arguments\n")


class TestSecrets:
    def test_are_in_no_log(self, probe: Server, syslog: log.Log) -> None:
        syslog.messages()
        # One that `repr()` shows in another way is taken out as well.
        for secret in ("sesame", "ses\\amé", "sesa\nme"):
            for words in (["alice"], ["--loud", "alice"], ["--", "alice"]):
                assert run(probe, "probe", "secret", *words, secret) == (
                    255,
                    "",
                    "probe secret: internal error\n",
                )
                assert logged(probe, "secret").endswith("**MASKED**")
        assert run(probe, "probe", "group", "two", "alice", "sesame")[0] == 0
        assert logged(probe, "group two") == "probe group two alice **DATA**"
        assert "ses" not in probe.log()
        written = "".join(syslog.messages())
        assert "RuntimeError: this is '**MASKED**' of alice" in written
        assert "ses" not in written.replace("(most recent call last)", "").replace("process", "")


class TestExceptions:
    def test_go_to_syslog_and_not_to_the_client(
        self, probe: Server, realm: Realm, syslog: log.Log
    ) -> None:
        syslog.messages()
        run(probe, "probe", "secret", "alice", "x")
        first, second, *_, last = syslog.messages()
        daemon_error = "<27>"
        assert first.startswith(daemon_error)
        assert re.search(
            rf"probe\[\d+\]: probe secret failed for {realm.user} at 127.0.0.1$", first
        )
        assert second.endswith(": Traceback (most recent call last):")
        assert "RuntimeError" in last

    def test_of_threads_too(self, probe: Server, syslog: log.Log) -> None:
        syslog.messages()
        assert run(probe, "probe", "thread") == (0, "", "probe: internal error\n")
        assert "ZeroDivisionError" in syslog.messages()[-1]

    def test_of_the_program_itself_too(self, probe: Server, folder: Path, syslog: log.Log) -> None:
        syslog.messages()
        broken = folder / "probe.broken"
        broken.touch()
        try:
            status, stdout, stderr = run(probe, "probe", "who")
        finally:
            broken.unlink()
        assert (status, stdout, stderr) == (1, "", "probe: internal error\n")
        assert "RuntimeError: a mistake in the program" in syslog.messages()[-1]


class TestHelp:
    def test_the_summary_is_the_help_of_all_that_one_may_run(
        self, probe: Server, folder: Path
    ) -> None:
        whole = run(probe, "help", "probe")[1]
        assert whole.splitlines()[:3] == [
            "Probe:",
            "  probe                                    Alone.",
            "  probe group one <name>                   Do one thing.",
        ]
        assert run(probe, "help") == (0, f"{whole}other one  Do another thing.\n", "")

    def test_of_a_subcommand(self, probe: Server) -> None:
        text = "probe secret [--loud] <name> <word>\n\nTake a secret.\n"
        assert run(probe, "help", "probe", "secret") == (0, text, "")

    def test_of_a_group(self, probe: Server) -> None:
        text = (
            "probe group one <name>         Do one thing.\n"
            "probe group two <name> <word>  Do two things.\n"
        )
        assert run(probe, "help", "probe", "group") == (0, text, "")
        assert run(probe, "probe", "group", "help", "x")[2] == ("probe group: unknown command: x\n")

    def test_one_may_not_run_everything(self, realm: Realm, tmp_path: Path) -> None:
        text = conf(program(tmp_path, PROBE, "probe"), "ANYUSER")
        allowed = "".join(
            line.replace("ANYUSER", "deny:ANYUSER") if " secret " in line else line
            for line in text.splitlines(keepends=True)
        )
        with realm.server(allowed) as server:
            stdout = run(server, "help")[1]
        assert "probe secret" not in stdout
        assert stdout.startswith("Probe:\n  probe  ")
        assert "\n  probe who  " in stdout

    def test_remctld_may_be_configured_by_hand(self, realm: Realm, tmp_path: Path) -> None:
        path = program(tmp_path, PROBE, "probe")
        text = f"probe ALL {path} help=help summary=summary ANYUSER\n"
        with realm.server(text) as server:
            assert (
                run(server, "help") == run(server, "help", "probe") == run(server, "probe", "help")
            )
            assert run(server, "help", "probe", "who") == (0, "probe who\n\nWho calls.\n", "")
            assert run(server, "probe", "--conf") == (
                2,
                "",
                "probe: unknown command: --conf\n",
            )


def test_arguments_are_bytes_on_the_way(probe: Server) -> None:
    result = remctl.remctl(probe.host, probe.port, command=["probe", "raw", b"\xff\xc3\xa9"])
    assert result.stdout == b"\xff\xc3\xa9"
    assert run(probe, "probe", "group", "one", b"\xff") == (
        2,
        "",
        "probe group one: invalid data in argument #1\n",
    )


def test_several_backends_in_one_server(serve: Serve, tmp_path: Path) -> None:
    programs = program(tmp_path, PROBE, "probe"), program(tmp_path, OTHER, "other")
    with serve(*programs) as server:
        assert run(server, "other", "one") == (0, "", "")
        assert run(server, "probe", "group", "one", "x") == (0, "x\n", "")
