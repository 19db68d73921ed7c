"""`sudo=`: commands that remctld and remctl-shell start by a real sudo."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import remctl
from remctl.testing import Realm

from tests.backend import log
from tests.backend.conftest import conf, program

PROBE = """\
import os
from remctl.backend import Backend, remote

probe = Backend("probe", sudo="root")

@probe.command
def who() -> None:
    print(remote.user, os.environ.get("SUDO_COMMAND", "").split()[1:])

@probe.command("by-number", sudo=0)
def by_number() -> None:
    print(remote.user, os.environ.get("SUDO_COMMAND", "").split()[1:])

probe.main()
"""

#: The line that the reference tells its readers to write.
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "backend.md"
SUDOERS = re.findall(r"^Defaults.*\n", REFERENCE.read_text(), re.MULTILINE)

# $0 is the folder. For the command, and for it alone, sudo has the files there beside its own.
MOUNT = 'mount --bind "$0" /etc/sudoers.d && exec "$@"'


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    return program(tmp_path, PROBE, "probe")


def launcher(tmp_path: Path, lines: list[str]) -> list[str]:
    """The words before a command that make `lines` all that sudo is told beside its defaults."""
    if not log.available():
        pytest.skip("an /etc/sudoers.d of one's own takes root")
    folder = tmp_path / "sudoers.d"
    folder.mkdir(mode=0o750)
    (folder / "remctl").write_text("".join(lines))
    (folder / "remctl").chmod(0o440)
    return ["unshare", "--mount", "sh", "-c", MOUNT, str(folder)]


def test_remctld_runs_it_by_sudo(realm: Realm, tmp_path: Path, probe: Path) -> None:
    with realm.server(conf(probe, "ANYUSER"), launcher=launcher(tmp_path, SUDOERS)) as server:
        for name in ("who", "by-number"):
            done = remctl.remctl(server.host, server.port, command=["probe", name])
            assert (done.status, done.stdout) == (0, f"{realm.user} ['{name}']\n".encode())


def test_what_sudo_does_not_pass_on_is_missed(realm: Realm, tmp_path: Path, probe: Path) -> None:
    """Nobody is taken for a user by accident."""
    with realm.server(conf(probe, "ANYUSER"), launcher=launcher(tmp_path, [])) as server:
        done = remctl.remctl(server.host, server.port, command=["probe", "who"])
        assert (done.status, done.stderr) == (
            1,
            b"probe who: REMOTE_USER is not set: remctld does that\n",
        )


def test_remctl_shell_runs_it_by_sudo(tmp_path: Path, probe: Path) -> None:
    """remctl-shell runs as anybody, so that `user=` does not work with it."""
    configuration = tmp_path / "remctl.conf"
    configuration.write_text(conf(probe, "ANYUSER"))
    done = subprocess.run(
        [
            *launcher(tmp_path, SUDOERS),
            *("remctl-shell", "-S", "-q", "-f", str(configuration), "alice@EXAMPLE.ORG"),
        ],
        env={
            "PATH": os.environ["PATH"],
            "SSH_CONNECTION": "127.0.0.1 1000 127.0.0.1 22",
            "SSH_ORIGINAL_COMMAND": "probe who",
        },
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "alice@EXAMPLE.ORG ['who']\n", "")
