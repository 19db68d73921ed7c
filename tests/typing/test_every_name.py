"""The example for the type checkers leaves nothing out, and they see mistakes."""

import ast
import inspect
import subprocess
import sys
import time
from pathlib import Path

import _remctl
import pytest
import remctl
import remctl.testing

EXAMPLE = Path(__file__).with_name("every_name.py")


def used() -> set[str]:
    """All names and attributes in the example."""
    tree = ast.walk(ast.parse(EXAMPLE.read_text()))
    found: set[str] = set()
    for node in tree:
        match node:
            case ast.Attribute(attr=name) | ast.alias(name=name) | ast.keyword(arg=str(name)):
                found.add(name)
    return found


def public(kind: type) -> set[str]:
    """The public members of a class, but for what Python gives to every one of its kind."""
    skipped = set(dir(tuple)) | set(dir(OSError)) | set(dir(int)) | set(dir(str))
    skipped |= set(dir(time.struct_time))
    return {name for name in dir(kind) if not name.startswith("_")} - skipped


def test_uses_every_public_name() -> None:
    assert set(remctl.__all__) - used() == set()
    assert set(remctl.testing.__all__) - used() == set()


@pytest.mark.parametrize(
    "kind",
    [getattr(remctl, name) for name in remctl.__all__ if inspect.isclass(getattr(remctl, name))]
    + [_remctl.Output],
)
def test_uses_every_public_member(kind: type) -> None:
    assert public(kind) - used() == set()


def test_uses_every_argument_of_the_simple_call() -> None:
    assert {
        "host",
        "port",
        "principal",
        "command",
        "timeout",
        "ccache",
        "keytab",
        "source_ip",
        "max_output",
    } == set(inspect.signature(remctl.remctl).parameters)
    assert {"command", "timeout", "ccache", "keytab", "source_ip"} - used() == set()


def test_uses_every_function_of_the_low_level_interface() -> None:
    functions = {name for name in dir(_remctl) if name.startswith("remctl")}
    assert functions - used() == set()


def test_its_names_exist() -> None:
    """What the example names is there when it runs, too."""
    for node in ast.walk(ast.parse(EXAMPLE.read_text())):
        match node:
            case ast.Attribute(value=ast.Name(id="remctl"), attr=name):
                assert hasattr(remctl, name)
            case ast.Attribute(value=ast.Name(id="lowlevel" | "_remctl"), attr=name):
                assert hasattr(_remctl, name)


MISTAKES = [
    "remctl.no_such_name",
    "remctl.remctl(7)",
    "remctl.remctl('h', command=7)",
    "remctl.remctl('h', command='test hello')",
    "remctl.remctl('h', command=b'test hello')",
    "remctl.remctl('h', command={'test'})",
    "remctl.Remctl().run('test hello')",
    "remctl.Remctl().command('test')",
    "remctl.AsyncRemctl().stream('test')",
    "remctl.run_many(['h'], 'test hello')",
    "remctl.ConnectionPool('h').run('test hello')",
    "remctl.remctl('h', 4373, None, ['x'], 5)",
    "remctl.remctl('h', command=['x'], timeout='1')",
    "remctl.remctl('h', command=['x']).stdout.decode()",
    "remctl.Remctl().output().output.decode()",
    "remctl.Remctl().set_timeout('1')",
    "remctl.Remctl().open(b'h')",
    "remctl.Remctl('h', timeout='1')",
    "remctl.Target('h').host = 'other'",
    "remctl._remctl.remctl_open(None, 'h')",
    "remctl._remctl.remctl_commandv(remctl._remctl.remctl_new(), ('x',))",
]


RIGHT = """
import collections
import typing

import remctl


def commands(words: typing.Sequence[str], paths: typing.Iterator[bytes]) -> None:
    client = remctl.Remctl()
    client.run(words)
    client.run(paths)
    client.run(("a", 1, b"c", None))
    client.run(map(str, words))
    client.run(collections.deque(words))
    client.run(word for word in words)
    client.run(iter(words))
    remctl.run_many(["h"], lambda target: ["a", target.host])


def outcomes(outcome: remctl.Outcome) -> int | None:
    for one in remctl.run_many(["h"], ["test"]):
        if one.error is None:
            print(one.result.status, one.result.text)
    if outcome.error is not None:
        return None
    return outcome.result.status
"""


def test_mypy_takes_what_is_right(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    script = tmp_path / "right.py"
    script.write_text(RIGHT)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_mypy_sees_mistakes(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    script = tmp_path / "mistakes.py"
    script.write_text("import remctl\n" + "".join(f"{line}\n" for line in MISTAKES))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    lines = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert lines == set(range(2, len(MISTAKES) + 2)), done.stdout
