"""A script for the old binding runs unchanged."""

import ast
import os
import re
import subprocess
import sys
import unittest.mock
from collections.abc import Iterator
from pathlib import Path

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.fix_realm import FOLDER
from tests.support import own_network
from tests.support.old_binding import SYSTEM_PYTHON, needs_old_binding

BOTH = Path(__file__).parents[1] / "data" / "both_bindings.py"

# The manual's, but for the two words that Python 3 writes in another way (the print
# statement and "except ..., error").
EXAMPLE = """
import remctl, sys
command = ('test', 'test')
try:
    result = remctl.remctl(host = 'foo.example.com', command = command)
except remctl.RemctlProtocolError as error:
    print("Error:", str(error))
    sys.exit(1)
if result.stdout:
    print("stdout:", result.stdout)
if result.stderr:
    print("stderr:", result.stderr)
print("exit status:", result.status)
"""


needs_network = pytest.mark.skipif(
    not own_network.available(), reason="a network of one's own takes root"
)


class TestTheManualsExample:
    @needs_network
    @pytest.mark.parametrize(
        "python",
        [
            pytest.param(sys.executable, id="ours"),
            pytest.param(SYSTEM_PYTHON, id="theirs", marks=needs_old_binding),
        ],
    )
    def test_runs_unchanged(self, python: str) -> None:
        done = own_network.run([4373], python, "-Ic", EXAMPLE)
        assert (done.stdout, done.stderr, done.returncode) == (
            "stdout: b'hello world\\n'\nexit status: 0\n",
            "",
            0,
        )

    @needs_network
    def test_tells_of_an_error(self) -> None:
        done = own_network.run([], sys.executable, "-Ic", EXAMPLE)
        assert (done.stdout, done.returncode) == (
            "Error: cannot connect to foo.example.com (port 4373): Connection refused\n",
            1,
        )


@needs_old_binding
def test_the_same_calls_have_the_same_results(server: Server, tmp_path: Path) -> None:
    def run(python: str) -> list[str]:
        command = [python, "-I", str(BOTH), str(server.port), str(tmp_path)]
        env = os.environ | {"PYTHONHASHSEED": "0"}
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 0
        return done.stdout.splitlines()

    theirs, ours = run(SYSTEM_PYTHON), run(sys.executable)
    assert len(theirs) > 80
    assert ours == [as_plain_text(line) for line in theirs]


def as_plain_text(line: str) -> str:
    """A line of the old binding's, whose RemctlProtocolError shows its text as bytes."""
    shown = re.fullmatch(r"(.* raises RemctlProtocolError )(b['\"].*)", line)
    if shown is None:
        return line
    text = ast.literal_eval(shown[2])
    assert isinstance(text, bytes)
    return shown[1] + text.decode()


class TestUpstreamsCases:
    """The cases of upstream's own tests, which are silent there without Kerberos."""

    @pytest.fixture(autouse=True)
    def _commands(self, realm: Realm) -> Iterator[None]:
        programs = {
            "test": "#!/bin/sh\necho hello world\n",
            "status": FOLDER / "status",
            "sleep": "#!/bin/sh\nsleep 3\n",
        }
        self.principal = f"host/localhost@{realm.name}"
        self.ccache = realm.ccache
        with realm.server({"test": programs}) as server:
            self.port = server.port
            yield

    def test_simple_success(self) -> None:
        result = remctl.remctl("localhost", self.port, self.principal, ("test", "test"))
        assert (result.stdout, result.stderr, result.status) == (b"hello world\n", None, 0)

    def test_simple_status(self) -> None:
        result = remctl.remctl(
            host="localhost",
            command=["test", "status", "2"],
            port=str(self.port),
            principal=self.principal,
        )
        assert (result.stdout, result.stderr, result.status) == (None, None, 2)

    def test_simple_failure(self) -> None:
        with pytest.raises(remctl.RemctlProtocolError) as caught:
            remctl.remctl("localhost", self.port, self.principal, ("test", "bad-command"))
        assert str(caught.value) == "Unknown command"

    def test_full_success(self) -> None:
        client = remctl.Remctl()
        client.open("localhost", self.port, self.principal)
        client.command(["test", "test"])
        type_, data, stream, status, error = client.output()
        assert (type_, data, stream) == ("output", b"hello world\n", 1)
        type_, data, stream, status, error = client.output()
        assert (type_, status) == ("status", 0)
        type_, data, stream, status, error = client.output()
        assert (type_, error) == ("done", None)
        client.noop()
        client.close()

    def test_full_failure(self) -> None:
        client = remctl.Remctl("localhost", self.port, self.principal)
        client.command(["test", "bad-command"])
        type_, data, _, _, error = client.output()
        assert (type_, data, error) == ("error", b"Unknown command", 5)

    def test_ccache(self) -> None:
        client = remctl.Remctl()
        with (
            unittest.mock.patch.dict(os.environ, KRB5CCNAME="nonexistent-file"),
            pytest.raises(remctl.RemctlError),
        ):
            client.open("localhost", self.port, self.principal)
        client.set_ccache(self.ccache)
        client.open("localhost", self.port, self.principal)
        client.close()

    def test_source_ip(self) -> None:
        client = remctl.Remctl()
        client.set_source_ip("127.0.0.1")
        client.open("127.0.0.1", self.port, self.principal)
        client.set_source_ip("::1")
        with pytest.raises(remctl.RemctlError, match=r"^(cannot connect to|unknown host) .*"):
            client.open("127.0.0.1", self.port, self.principal)

    def test_timeout(self) -> None:
        client = remctl.Remctl()
        client.set_timeout(1)
        client.open("127.0.0.1", self.port, self.principal)
        client.command(["test", "sleep"])
        with pytest.raises(remctl.RemctlError):
            client.output()
        assert client.error() == "error receiving token: timed out"
        client.close()

    def test_full_errors(self) -> None:
        client = remctl.Remctl()
        with pytest.raises(TypeError, match=r"^port must be a number: 'foo'$"):
            client.open("localhost", "foo")
        with pytest.raises(ValueError, match=r"^invalid port number: -1$"):
            client.open("localhost", -1)
        pattern = r"^cannot connect to localhost \(port 1\): .*"
        with pytest.raises(remctl.RemctlError, match=pattern):
            client.open("localhost", 1)
        assert re.match(pattern, client.error())
        with pytest.raises(remctl.RemctlNotOpenedError, match=r"^no currently open connection$"):
            client.command(["test", "test"])
        client.open("localhost", self.port, self.principal)
        with pytest.raises(TypeError, match=r"^command must be a sequence or iterator$"):
            client.command("test")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"^command must not be empty$"):
            client.command([])
        client.close()
        with pytest.raises(remctl.RemctlNotOpenedError, match=r"^no currently open connection$"):
            client.output()
        assert client.error() == "no currently open connection"
