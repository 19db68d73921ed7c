"""What becomes of a command whose client has gone: docs/explanation/cancelling.md says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import remctl
from remctl.testing import Realm

# Each tells through a pipe that it has begun, goes on when it is told to, and tells how it ended.
BEGIN = '#!/bin/sh\necho >"$2/begun"; read line <"$2/go"\n'
WRITE = "for number in $(seq 20); do echo $number; sleep 0.05; done 2>/dev/null\n"
DONE = 'echo done >"$2/ended"\n'
COMMANDS = {
    "job": {
        "quiet": f"{BEGIN}{DONE}",
        "deaf": f"{BEGIN}trap '' PIPE\n{WRITE}{DONE}",
        "loud": f"{BEGIN}trap 'echo SIGPIPE >\"$2/ended\"; exit' PIPE\n{WRITE}{DONE}",
    }
}


@pytest.mark.parametrize(("job", "end"), [("quiet", "done"), ("deaf", "done"), ("loud", "SIGPIPE")])
def test_it_runs_on_until_it_writes(realm: Realm, tmp_path: Path, job: str, end: str) -> None:
    for pipe in ("begun", "go", "ended"):
        os.mkfifo(tmp_path / pipe)
    with realm.server(COMMANDS) as server:
        with remctl.Remctl(server.host, server.port) as connection:
            connection.command(["job", job, tmp_path])
            (tmp_path / "begun").read_text()
        (tmp_path / "go").write_text("\n")
        assert (tmp_path / "ended").read_text() == f"{end}\n"
