"""Backends: called in this process, and as programs of a real remctld."""

import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from remctl.backend import Backend
from remctl.testing import Realm, Server


class Result(NamedTuple):
    """What a client would get."""

    status: int
    stdout: str
    stderr: str


class Call(Protocol):
    """Calls a backend in this process; `stdin` is what comes on standard input."""

    def __call__(self, backend: Backend, *words: str, stdin: bytes | None = None) -> Result:
        """The status, and what was printed."""


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Call a backend here."""
    with open("/dev/null") as null:

        def call(backend: Backend, *words: str, stdin: bytes | None = None) -> Result:
            given = null if stdin is None else io.TextIOWrapper(io.BytesIO(stdin))
            monkeypatch.setattr(sys, "stdin", given)
            capfd.readouterr()
            status = backend.run(words)
            return Result(status, *capfd.readouterr())

        yield call


def program(folder: Path, text: str, name: str = "backend") -> Path:
    """An executable file in Python, that runs as the tests do."""
    lines = text.splitlines(keepends=True)
    if lines[0].startswith("#!"):
        del lines[0]
    file = folder / name
    file.write_text("".join([f"#!{sys.executable} -I\n", *lines]))
    file.chmod(0o755)
    return file


def conf(program: Path, *acl: str) -> str:
    """The lines that a backend prints for `remctld.conf`."""
    return subprocess.check_output([program, "--conf", *acl], text=True)


class Serve(Protocol):
    """A remctld with the commands of backends, used with `with`."""

    def __call__(
        self, *programs: Path, launcher: Sequence[str] = ()
    ) -> AbstractContextManager[Server]:
        """It runs in the `with` block; `launcher` is that of `Realm.server`."""


@pytest.fixture
def serve(realm: Realm) -> Serve:
    """A remctld that has what backends print for its configuration, for any user."""

    def serve(*programs: Path, launcher: Sequence[str] = ()) -> AbstractContextManager[Server]:
        text = "".join(conf(program, "ANYUSER") for program in programs)
        return realm.server(text, launcher=launcher)

    return serve
