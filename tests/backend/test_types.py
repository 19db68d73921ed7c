"""Users' programs are typed: what is right passes, and mistakes are seen."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import remctl.backend

EXAMPLE = Path(__file__).with_name("typed.py")

MISTAKES = [
    "create(7)",
    "create('alice', 'huge')",
    "create('alice', 'large', True)",
    "create('alice').upper()",
    "accounts.command(lambda: 'text')",
    "accounts.command('name', acl=7)",
    "accounts.default(len, 7)",
    "accounts.group(7)",
    "accounts.run('create')[0]",
    "Backend()",
    "Backend('accounts', user=1.5)",
    "Backend('accounts', sudo=1.5)",
    "sync(verbose=True, keep=3)",
    "BackendError('message', '1')",
    "UsageError(b'message')",
    "remote.expires + 1",
    "remote.host.upper()",
    "remote.user.decode()",
    "remote.user = 'alice'",
    "Match(7)",
    "Short(7)",
]


def test_the_example_has_every_name() -> None:
    named = {
        node.id for node in ast.walk(ast.parse(EXAMPLE.read_text())) if isinstance(node, ast.Name)
    }
    assert set(remctl.backend.__all__) - named == set()


def test_the_example_runs() -> None:
    environment = {"REMOTE_USER": "a@B", "REMOTE_ADDR": "::1", "REMCTL_COMMAND": "accounts"}
    subprocess.run([sys.executable, str(EXAMPLE)], env=environment, check=True)


def test_mypy_sees_mistakes(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    script = tmp_path / "mistakes.py"
    text = EXAMPLE.read_text()
    script.write_text(text + "".join(f"{line}\n" for line in MISTAKES))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    wrong = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    first = text.count("\n") + 1
    assert wrong == set(range(first, first + len(MISTAKES))), done.stdout
