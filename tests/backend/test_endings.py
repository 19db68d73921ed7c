"""How a command ends: its status, and what the client is told."""

import contextlib
import os
import pickle
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from remctl.backend import Backend, BackendError, Remote, UsageError, remote

from tests.backend.conftest import Call, Result, program
from tests.support.ids import shown


def ending(call: Call, function: Callable[..., object]) -> Result:
    """How `test do` ends."""
    backend = Backend("test")
    backend.command("do")(function)  # type: ignore[type-var]
    return call(backend, "do")


def raising(error: BaseException) -> Callable[[], None]:
    """A function that prints and fails."""

    def function() -> None:
        print("begun")
        raise error

    return function


@pytest.mark.parametrize(("value", "status"), [(None, 0), (0, 0), (1, 1), (255, 255)])
def test_the_status_is_what_the_function_returns(
    call: Call, value: int | None, status: int
) -> None:
    assert ending(call, lambda: value) == (status, "", "")


@pytest.mark.parametrize("value", [True, -1, 256, "done", 0.0])
def test_what_is_no_status_is_a_mistake(call: Call, value: object) -> None:
    assert ending(call, lambda: value) == (255, "", "test do: internal error\n")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (BackendError("no such account"), 1, "no such account"),
        (BackendError("full", 28), 28, "full"),
        (UsageError("one of them"), 2, "one of them"),
        (SystemExit("no such account"), 1, "no such account"),
        (ValueError("secret detail"), 255, "internal error"),
        (BrokenPipeError("another pipe"), 255, "internal error"),
        (RecursionError(), 255, "internal error"),
    ],
    ids=shown,
)
def test_an_error_is_told_in_one_way(
    call: Call, error: BaseException, status: int, message: str
) -> None:
    assert ending(call, raising(error)) == (status, "begun\n", f"test do: {message}\n")


@pytest.mark.parametrize(("code", "status"), [(None, 0), (0, 0), (7, 7), (-1, 255), (2.5, 1)])
def test_exiting_is_an_end_as_well(call: Call, code: object, status: int) -> None:
    assert ending(call, raising(SystemExit(code))) == (status, "begun\n", "")


@pytest.mark.parametrize("status", [0, 256, -1, "1", None])
def test_the_status_of_an_error_says_that_it_is_one(status: object) -> None:
    with pytest.raises(ValueError, match="status must be a number from 1 to 255"):
        BackendError("message", status)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [BackendError("message", 3), UsageError("message")])
def test_errors_pickle(error: BackendError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.status) == (type(error), str(error), error.status)


def test_output_comes_before_the_error(tmp_path: Path) -> None:
    text = """\
from remctl.backend import Backend, BackendError
backend = Backend("test")
@backend.command
def do():
    print("begun")
    raise BackendError("failed")
backend.main()
"""
    done = subprocess.run(
        [program(tmp_path, text), "do"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert (done.returncode, done.stdout) == (1, b"begun\ntest do: failed\n")


ENDLESS = """\
import sys
from remctl.backend import Backend
backend = Backend("test")
@backend.command
def do():
    print("begun", flush=True)
    sys.stdin.read()
    while True:
        print("x" * 1000)
backend.main()
"""


def test_a_client_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [program(tmp_path, ENDLESS), "do"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    process.stdout.close()
    process.stdout = None
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (255, b"")


BROKEN = """\
from remctl.backend import Backend
backend = Backend("test")
@backend.command
def do():
    1 / 0
backend.main()
"""


def test_who_tries_it_at_a_terminal_sees_the_traceback(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal:
        done = subprocess.run([program(tmp_path, BROKEN), "do"], stderr=theirs)
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while piece := terminal.read(4096):
                shown += piece
    assert done.returncode == 255
    assert shown.startswith(b"Traceback (most recent call last):")
    assert shown.endswith(b"ZeroDivisionError: division by zero\r\ntest do: internal error\r\n")


class TestRemote:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in list(os.environ):
            if name.startswith(("REMOTE_", "REMCTL_")):
                monkeypatch.delenv(name)

    def test_says_who_calls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        expires = int(time.time()) + 60
        for name, value in {
            "REMOTE_USER": "alice@EXAMPLE.ORG",
            "REMOTE_ADDR": "192.0.2.1",
            "REMOTE_HOST": "client.example.org",
            "REMOTE_EXPIRES": str(expires),
            "REMCTL_COMMAND": "accounts",
        }.items():
            monkeypatch.setenv(name, value)
        assert isinstance(remote, Remote)
        assert (remote.user, remote.addr) == ("alice@EXAMPLE.ORG", "192.0.2.1")
        assert (remote.host, remote.expires) == ("client.example.org", expires)
        assert remote.command == "accounts"
        assert repr(remote) == "<alice@EXAMPLE.ORG at 192.0.2.1>"

    @pytest.mark.parametrize("name", ["user", "addr", "command"])
    def test_what_remctld_always_says_is_never_made_up(self, name: str) -> None:
        with pytest.raises(BackendError, match=f"{name.upper()} is not set: remctld does that"):
            getattr(remote, name)

    @pytest.mark.parametrize("value", [None, "", "0", "never"])
    def test_what_need_not_be_known(
        self, monkeypatch: pytest.MonkeyPatch, value: str | None
    ) -> None:
        if value is not None:
            monkeypatch.setenv("REMOTE_EXPIRES", value)
        assert remote.host is None
        assert remote.expires is None


def test_the_words_are_those_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    backend = Backend("test")
    backend.command("do")(lambda: print("done"))
    monkeypatch.setattr(sys, "argv", ["/usr/bin/test", "do"])
    assert backend.run() == 0
    with pytest.raises(SystemExit) as ended:
        backend.main()
    assert ended.value.code == 0
    assert capfd.readouterr() == ("done\ndone\n", "")
