"""The fixtures that users get, in a folder of tests as they have it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
pytest_plugins = ["remctl.testing.pytest_plugin"]
"""

OWN_COMMANDS = """
import pytest

@pytest.fixture(scope="session")
def remctl_commands():
    return {"own": {"command": lambda call: call.user}}
"""

TESTS = {
    "a realm and a server": """
        import os, remctl

        def test_it(remctl_realm, remctl_server):
            assert os.environ["KRB5CCNAME"] == remctl_realm.ccache
            where = (remctl_server.host, remctl_server.port)
            result = remctl.remctl(*where, command=["test", "hello"])
            assert result.stdout == b"hello\\n"
        """,
    "a connection for each test": """
        import pytest, remctl

        seen = []

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(remctl_connection, time):
            assert remctl_connection.run(["test", "args", "a", "b"]).stdout == b"a\\nb\\n"
            assert not any(one.opened for one in seen)
            seen.append(remctl_connection)
        """,
    "a connection for event loops": """
        import asyncio

        def test_it(aremctl_connection):
            async def main():
                async with aremctl_connection as connection:
                    return await connection.run(["test", "hello"])

            assert asyncio.run(main()).stdout == b"hello\\n"
        """,
    "nothing of event loops to who does not ask for it": """
        import sys

        def test_it(remctl_connection):
            remctl_connection.run(["test", "hello"])
            assert "remctl._async_client" not in sys.modules
        """,
    "a fake, until the test ends": """
        import pytest, remctl
        from remctl import remctl as imported_before

        def test_it(remctl_fake):
            fake = remctl_fake({"test": {"it": "hello"}}, unreachable=["down"])
            assert imported_before("up", command=["test", "it"]).stdout == b"hello"
            with pytest.raises(remctl.RemctlError):
                remctl.Remctl("down")
            assert [call.host for call in fake.calls] == ["up"]

        def test_after_it():
            with pytest.raises(remctl.RemctlError, match="localhost .port 1.: Connection refused"):
                remctl.Remctl("localhost", 1)
        """,
}


def run(folder: Path, conftest: str, test: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a test in a folder of its own."""
    (folder / "conftest.py").write_text(conftest)
    lines = test.splitlines()
    (folder / "test_it.py").write_text("\n".join(line[8:] for line in lines))
    args = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    return subprocess.run(
        args, cwd=folder, env=os.environ | env, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("name", TESTS)
def test_gives(tmp_path: Path, name: str) -> None:
    done = run(tmp_path, CONFTEST, TESTS[name])
    assert done.returncode == 0, done.stdout


def test_the_commands_are_the_user_s_own(tmp_path: Path) -> None:
    test = """
        def test_it(remctl_connection):
            assert remctl_connection.run(["own", "command"]).stdout == b"user@REMCTL.TEST"
        """
    done = run(tmp_path, CONFTEST + OWN_COMMANDS, test)
    assert done.returncode == 0, done.stdout


def test_the_fake_needs_no_kdc_and_no_server(tmp_path: Path) -> None:
    test = """
        import sys

        def test_it(remctl_fake):
            import remctl

            remctl_fake({"test": {"it": 3}})
            assert remctl.remctl("host", command=["test", "it"]).status == 3
            assert "k5test" not in sys.modules
        """
    done = run(tmp_path, CONFTEST, test, PATH=os.path.dirname(sys.executable))
    assert done.returncode == 0, done.stdout
