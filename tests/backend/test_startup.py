"""A remctld command is a new process: what is loaded before its function runs is counted."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.backend.conftest import program

PROGRAM = """\
import sys
before = set(sys.modules)
from remctl.backend import Annotated, Backend, Literal, Match, Secret, Stdin, remote

backend = Backend("test", "Test:", acl="ANYUSER")

@backend.command
def plain(number: int, *names: str) -> None:
    show()

@backend.command
def choice(size: Literal["small", "large"] | None = None, flag: bytes = b"") -> None:
    show()

@backend.command
def option(*, force: bool = False) -> None:
    show()

@backend.command
def match(name: Annotated[str, Match("[a-z]+")]) -> None:
    show()

@backend.command
def stdin(name: Annotated[str, Stdin, Secret]) -> None:
    show()

def show() -> None:
    print(*sorted(set(sys.modules) - before))

backend.run()
if len(sys.argv) > 1 and sys.argv[1].startswith("--"):
    show()
"""

ALWAYS = {
    "__future__",
    "remctl",
    "remctl._types",
    "remctl.backend",
    "remctl.backend._backend",
    "remctl.backend._call",
    "remctl.backend._command",
    "remctl.backend._errors",
    "remctl.backend._marks",
    "remctl.backend._remote",
    "remctl.backend._signature",
}
# The package asks which interpreter this is: of the two, the one that this Python has.
INTERPRETERS = {"_interpreters", "_xxsubinterpreters"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    return program(tmp_path_factory.mktemp("startup"), PROGRAM)


def loaded(path: Path, *words: str) -> set[str]:
    """The modules that are loaded for a command, but for the interpreter's own."""
    done = subprocess.run(
        [sys.executable, "-I", path, *words], input="x", capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.splitlines()[-1].split()) - INTERPRETERS


@pytest.mark.parametrize("words", ["plain 1 a b", "choice small x", "stdin"])
def test_a_command_loads_the_backend_alone(path: Path, words: str) -> None:
    """Neither the extension nor Kerberos, nor anything of the standard library."""
    assert loaded(path, *words.split()) == ALWAYS


def test_options_load_what_parses_them(path: Path) -> None:
    assert loaded(path, "option", "--force") == ALWAYS | {"remctl.backend._options"}


def test_a_regular_expression_loads_re(path: Path) -> None:
    """It takes as long to load as all the rest: who has none does not pay for it."""
    more = loaded(path, "match", "a") - ALWAYS
    assert "re" in more
    assert not more & {"typing", "inspect", "remctl._remctl"}


@pytest.mark.parametrize("word", ["help", "summary"])
def test_help_loads_what_prints_it(path: Path, word: str) -> None:
    assert loaded(path, f"--{word}") == ALWAYS | {"remctl.backend._help"}


def test_the_configuration_loads_what_prints_it(path: Path) -> None:
    assert loaded(path, "--conf") == ALWAYS | {"remctl.backend._conf"}
