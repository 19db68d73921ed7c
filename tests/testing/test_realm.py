"""The throwaway realm: what it offers, and that nothing of it is left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from remctl import remctl as run_remctl
from remctl.testing import Command, Commands, Realm, Server

from tests.support.client import remctl
from tests.support.processes import gone, processes_of, wait_until

HELLO = {"test": {"hello": '#!/bin/sh\necho "hello $2"\n'}}


def test_default_principal(realm: Realm) -> None:
    with realm.server(HELLO) as server:
        command = [
            "remctl",
            "-p",
            str(server.port),
            server.host,
            "test",
            "hello",
            "world",
        ]
        assert subprocess.check_output(command) == b"hello world\n"
        assert "test hello world" in server.log()
    assert server.pid is None


def test_ipv6(own_server: Server, realm: Realm) -> None:
    if "::1" not in own_server.addresses:
        pytest.skip("no IPv6 here")
    command = ["remctl", "-p", str(own_server.port), "::1", "test", "hello"]
    assert subprocess.check_output(command) == b"hello world\n"


@pytest.mark.parametrize("form", ["text", "lines", "folder", "command"])
def test_forms_of_commands(realm: Realm, tmp_path: Path, form: str) -> None:
    script = tmp_path / "test" / "hello"
    script.parent.mkdir()
    script.write_text(HELLO["test"]["hello"])
    script.chmod(0o755)
    line = f"test hello {script} ANYUSER"
    forms: dict[str, Commands] = {
        "text": line + "\n",
        "lines": [line],
        "folder": tmp_path,
        "command": {"test": {"hello": Command(script, acl=(f"princ:{realm.user}",))}},
    }
    with realm.server(forms[form]) as server:
        assert remctl(server, "test", "hello", "you").stdout == b"hello you\n"


def test_word_that_cannot_be_written(realm: Realm) -> None:
    with pytest.raises(ValueError, match="two words"):
        realm.server({"two words": {"hello": "/bin/true"}})


def test_server_that_does_not_start(realm: Realm) -> None:
    server = realm.server("nonsense\n")
    with pytest.raises(RuntimeError, match="remctld ended with status"), server:
        pass
    assert "nonsense" in server.log() or "parse error" in server.log()


def test_many_addresses(realm: Realm) -> None:
    addresses = [f"127.0.{number}.1" for number in range(20)]
    with realm.server(HELLO, addresses=addresses) as server:
        for address in addresses:
            socket.create_connection((address, server.port), timeout=10).close()


def test_more_addresses_than_there_can_be(realm: Realm, tmp_path: Path) -> None:
    listen = [("127.0.0.1", port) for port in range(1, 200)]
    with pytest.raises(RuntimeError, match=r"can listen at 128 addresses, not 199"):
        realm.keeper.start("remctld", ["/bin/true"], {}, tmp_path / "log", listen)


def test_restart_keeps_the_port(own_server: Server) -> None:
    before = own_server.pid
    own_server.restart()
    assert own_server.pid != before
    assert remctl(own_server, "test", "hello").stdout == b"hello world\n"


def test_many_clients_at_once(own_server: Server) -> None:
    start = time.monotonic()
    with ExitStack() as stack:
        for _ in range(200):
            where = ("127.0.0.1", own_server.port)
            stack.enter_context(socket.create_connection(where, timeout=10))
        assert time.monotonic() - start < 0.9, "a SYN was sent twice"


def test_stopping_a_server_ends_its_commands(own_server: Server, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    args = [
        "remctl",
        "-p",
        str(own_server.port),
        "localhost",
        "test",
        "record",
        str(runs),
        "600",
    ]
    with subprocess.Popen(args, stderr=subprocess.DEVNULL) as client:
        wait_until(lambda: runs.exists() and runs.read_text().endswith("\n"))
        own_server.stop()
        assert client.wait(10) != 0
    assert not os.path.exists(f"/proc/{runs.read_text().strip()}")


def test_kdc_stops_and_starts() -> None:
    with Realm() as realm, realm.environ(), realm.server(HELLO) as server:
        realm.stop_kdc()
        assert b"Cannot contact any KDC" in remctl(server, "test", "hello", "a").stderr
        realm.start_kdc()
        assert remctl(server, "test", "hello", "a").stdout == b"hello a\n"
        assert server.principal in realm.log()


def test_kinit_and_principals(realm: Realm, tmp_path: Path) -> None:
    realm.add_principal("someone", "secret")
    ccache = realm.kinit("someone", "secret", ccache=tmp_path / "ccache", flags=["-l", "60s"])
    listing = subprocess.check_output(["klist", ccache], text=True)
    assert f"Default principal: someone@{realm.name}" in listing


def test_environment_is_restored() -> None:
    before = dict(os.environ)
    with Realm() as realm, realm.environ() as env:
        assert os.environ["KRB5CCNAME"] == env["KRB5CCNAME"] == realm.ccache
    assert dict(os.environ) == before


ODD = ["'", '"', "#", "\\", "$", "%", "{", "}", ",", ";", "=", "*", "[", "&", "ü", "~", "!"]


@pytest.mark.parametrize("characters", ["".join(ODD[:8]), "".join(ODD[8:])])
def test_works_in_a_temporary_folder_of_any_other_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, characters: str
) -> None:
    folder = tmp_path / characters
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with Realm() as realm, realm.environ(), realm.server(HELLO) as server:
        command = ["test", "hello", "world"]
        for keytab in (None, realm.make_keytab(realm.user)):
            result = run_remctl(server.host, server.port, command=command, keytab=keytab)
            assert result.check().text == "hello world\n"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a:b", "':', which separates the files of KRB5_CONFIG"),
        ("a b", "' ', and remctld.conf has no way to quote blanks"),
        ("a ' b", "' ', and remctld.conf has no way to quote blanks"),
        ("a\tb", r"'\\t', and remctld.conf has no way to quote blanks"),
        ("a\nb", r"'\\n', and remctld.conf has no way to quote blanks"),
        ("a\udcffb", "a byte that is not UTF-8, 0xff"),
    ],
    ids=["colon", "blank", "blank and quote", "tab", "newline", "undecodable"],
)
def test_names_the_character_of_a_temporary_folder_that_it_cannot_work_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    wanted = f"a realm cannot be made in .*: the name contains {error}; set TMPDIR"
    with pytest.raises(RuntimeError, match=wanted), Realm():
        pass
    assert not any(folder.iterdir())


def test_two_realms_at_once() -> None:
    with Realm("ONE.TEST") as one, Realm("TWO.TEST") as two:
        assert one.folder != two.folder
        for realm in (one, two):
            with realm.environ(), realm.server(HELLO) as server:
                assert (
                    remctl(server, "test", "hello", realm.name)
                    .stdout.strip()
                    .endswith(realm.name.encode())
                )


def test_boots_quickly() -> None:
    start = time.monotonic()
    with Realm() as realm, realm.server(HELLO):
        pass
    assert time.monotonic() - start < 2.0


def test_gone_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), Realm() as realm, realm.server(HELLO):
        assert len(processes_of(str(realm.folder))) == 2
        raise ZeroDivisionError
    assert gone(str(realm.folder))
    with pytest.raises(RuntimeError, match="not open"):
        realm.start_kdc()


def test_a_fork_leaves_the_realm_alone() -> None:
    code = """
import os, subprocess
from remctl.testing import Realm

with Realm() as realm, realm.environ():
    with realm.server(["test ok /bin/true ANYUSER"]) as server:
        if (child := os.fork()) == 0:
            raise SystemExit(5)  # through both with blocks
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        command = ["remctl", "-p", str(server.port), "localhost", "test", "ok"]
        subprocess.run(command, check=True)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


CHILD = """
import os, sys, time
from remctl.testing import Realm

def fork():
    # A process that outlives us and holds all our descriptors.
    if os.fork() == 0:
        realm.close()  # not ours
        time.sleep(600)

with Realm() as realm, realm.environ():
    runs = realm.folder / "runs"
    script = f"#!/bin/sh\\nsetsid sleep 600 &\\necho $! >{runs}\\nexec sleep 600\\n"
    with realm.server({"test": {"sleep": script}}) as server:
        child = os.spawnlp(
            os.P_NOWAIT, "remctl", "remctl", "-p", str(server.port), "localhost", "test", "sleep"
        )
        while not runs.exists() or not runs.read_text():
            time.sleep(0.005)
        {extra}
        print(realm.folder, runs.read_text(), flush=True)
        time.sleep(600)
"""


@pytest.fixture
def child(
    request: pytest.FixtureRequest,
) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A process with a realm, a server and a running command: it, its folder, a process id.

    The process id is that of a command which has left its session.
    """
    code = CHILD.replace("{extra}", getattr(request, "param", "pass"))
    args = [sys.executable, "-c", code]
    with subprocess.Popen(
        args,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        folder, pid = process.stdout.readline().split()
        assert len(processes_of(folder)) >= 4
        assert os.path.exists(f"/proc/{pid}")
        yield process, folder, int(pid)
        with suppress(ProcessLookupError):  # nothing is left of it
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGABRT],
    ids=lambda number: number.name,
)
@pytest.mark.parametrize("child", ["pass", "fork()"], ids=["alone", "forked"], indirect=True)
def test_gone_after_a_signal(
    child: tuple[subprocess.Popen[str], str, int], number: signal.Signals
) -> None:
    process, folder, pid = child
    process.send_signal(number)
    assert process.wait(10) != 0
    # The client and the fork are not the realm's: they have its variables, but only the fork
    # is left, and it is the test's.
    wait_until(lambda: not os.path.exists(folder) and not os.path.exists(f"/proc/{pid}"))
    assert not [one for one in processes_of(folder) if "krb5kdc" in one or "remctld" in one]


def test_many_at_once_from_many_processes() -> None:
    code = (
        "from remctl.testing import Realm\n"
        "for _ in range(3):\n"
        "    with Realm() as realm, realm.server(['test x /bin/true ANYUSER']):\n"
        "        realm.kinit()\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(8)]
    assert [child.wait(60) for child in children] == [0] * 8


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (
            "sys.modules['k5test'] = None",
            "ImportError: .*pip install 'pyremctl.testing.'",
        ),
        (
            "_tools.PACKAGES = {'krb5kdx': ('krb5-kdc', 'krb5-server')}",
            "RuntimeError: .*krb5-kdc",
        ),
    ],
)
def test_says_what_is_missing(spoil: str, error: str) -> None:
    code = (
        "import sys\n"
        "from remctl.testing import Realm, _tools, realm\n"
        f"{spoil}\n"
        "realm.PACKAGES = _tools.PACKAGES\n"
        "with Realm(): pass\n"
    )
    result = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert re.search(error, result.stderr.splitlines()[-1]), result.stderr


@pytest.mark.parametrize(
    ("commands", "error"),
    [
        ({"test hello": ["/bin/echo"]}, "commands['test hello'] is a mapping of subcommands"),
        ({"test": {"hello": ["/bin/echo"]}}, "commands['test']['hello'] is a path, a script, a"),
        ({"test": {"hello": b"/bin/echo"}}, "commands['test']['hello'] is a path, a script, a"),
    ],
)
def test_what_is_no_command_is_named(realm: Realm, commands: Any, error: str) -> None:
    with pytest.raises(TypeError, match=re.escape(error)):
        realm.server(commands)
