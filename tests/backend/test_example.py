"""The example and the page that shows it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.backend.conftest import conf, program

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "backend_accounts.py"
PAGE = (ROOT / "docs" / "howto" / "commands-in-python.md").read_text()
INSTALLED = "/usr/local/sbin/accounts"
ACL = "file:/etc/remctl/acl/helpdesk"


def blocks(language: str) -> list[str]:
    """The code blocks of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def copy(folder: Path) -> Path:
    """The example, with accounts in the folder."""
    text = EXAMPLE.read_text()
    accounts = folder / "accounts.d"
    accounts.mkdir()
    assert '"/var/lib/accounts"' in text
    return program(folder, text.replace("/var/lib/accounts", str(accounts)), "accounts")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    return copy(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def server(realm: Realm, path: Path) -> Iterator[Server]:
    """A server with it, for anybody."""
    with realm.server(conf(path).replace(ACL, "ANYUSER")) as server:
        yield server


def run(server: Server, *words: str | bytes) -> tuple[int | None, bytes]:
    """The status, and what is printed."""
    result = remctl.remctl(server.host, server.port, command=["accounts", *words])
    return result.status, (result.stdout or b"") + (result.stderr or b"")


def test_the_page_shows_the_lines_that_are_printed(path: Path) -> None:
    (lines,) = blocks("text")
    assert lines == conf(path).replace(str(path), INSTALLED)


def test_a_client_gets_what_the_page_shows(server: Server) -> None:
    (_, session) = blocks("console")
    commands = re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]
    assert len(commands) == 3
    for command in commands:
        line, output = command.split("\n", 1)
        _, host, *words = line.split()
        assert host == "host.example.org"
        result = remctl.remctl(server.host, server.port, command=words)
        assert ((result.stdout or b"") + (result.stderr or b"")).decode() == output


def test_the_example_does_what_it_says(server: Server, path: Path, realm: Realm) -> None:
    assert run(server, "create", "--shell=/bin/bash", "alice") == (0, b"made alice\n")
    assert run(server, "create", "alice") == (
        1,
        b"accounts create: there is an account alice; --force replaces it\n",
    )
    assert run(server, "show", "alice") == (0, f"alice: /bin/bash, by {realm.user}\n".encode())
    assert run(server, "quota", "get", "alice") == (0, b"10 GB\n")
    assert run(server, "quota", "set", "alice", "20") == (0, b"")
    assert run(server, "quota", "get", "alice") == (0, b"20 GB\n")
    assert run(server, "quota", "get", "nobody") == (
        1,
        b"accounts quota get: there is no account nobody\n",
    )
    image = b"\x89PNG" + bytes(300_000)
    assert run(server, "photo", "alice", image) == (0, b"")
    assert (path.parent / "accounts.d" / "alice" / "photo").read_bytes() == image
    assert run(server, "token", "alice", "sesame") == (0, b"")
    assert "sesame" not in server.log()
    assert "accounts token alice **MASKED**" in server.log()


def test_the_tests_of_the_example_pass() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "backend_accounts_test.py",
        ],
        cwd=EXAMPLE.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "7 passed" in done.stdout, done.stdout


def test_the_programs_of_the_page_run(tmp_path: Path) -> None:
    mail, realm = blocks("python")
    script = program(tmp_path, mail)
    done = subprocess.run([script, "send", "a", "b"], input=b"text", capture_output=True)
    assert (done.stdout, done.stderr) == (b"4 characters to a, b\n", b"")
    assert " stdin=last " in conf(script)
    subprocess.run([sys.executable, "-c", realm], check=True, timeout=60)
