"""The pages for people who come from other tools: each row of their tables runs, on either side."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.support import example_com, own_network

PAGES = Path(__file__).parents[2] / "docs" / "howto"

pytestmark = pytest.mark.skipif(
    not own_network.available(), reason="a network of one's own takes root"
)

# Ansible would look for one.
OUR_PYTHON = f"ANSIBLE_PYTHON_INTERPRETER={sys.executable}"

# Runs each of its arguments in a shell, in a folder of its own, and prints statuses and outputs.
IN_SHELLS = """
import json, subprocess, sys, tempfile
with tempfile.TemporaryDirectory() as folder:
    done = [subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True)
            for line in sys.argv[1:]]
print(json.dumps([(one.returncode, one.stdout, one.stderr) for one in done]))
"""


def rows(page: str, theirs: str) -> list[tuple[str, str]]:
    """The code on both sides of each row of a table, which has `theirs` as its second title.

    A side without code is empty.
    """
    text = (PAGES / page).read_text()
    table = text.split(f"| to | {theirs} | here |\n")[1].split("\n\n")[0]
    found = []
    for line in table.splitlines()[1:]:
        _, left, right = re.split(r" \| ", line.strip("| "))
        found.append(tuple("".join(re.findall(r"^`(.*)`$", side)) for side in (left, right)))
    assert len(found) >= 3
    return found  # type: ignore[return-value]


def output(*program: str) -> list[str]:
    """The words that a program prints, which has to succeed and say nothing else."""
    done = example_com.run(*program)
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.split()


def test_net_remctl() -> None:
    perl, python = zip(*rows("from-net-remctl.md", "Net::Remctl"), strict=True)
    before = ["use strict;", "use warnings;", "use Net::Remctl;", 'my $host = "host.example.com";']
    theirs = output("perl", "-e", "\n".join([*before, *perl]))
    before = ["import os, remctl", 'host = "host.example.com"']
    ours = output(sys.executable, "-c", "\n".join([*before, *python]))
    assert ours == theirs
    assert theirs.count("hello") == 2


def test_subprocess() -> None:
    before = """
import asyncio, os, subprocess, tempfile
import remctl
host = "host.example.com"
cache = os.environ["KRB5CCNAME"]
file = tempfile.TemporaryFile()
"""
    # A program that was started may not have ended yet.
    after = """
try:
    while True:
        os.wait()
except ChildProcessError:
    file.seek(0)
    print(file.read())
"""
    sides = zip(*rows("from-subprocess.md", "`subprocess`"), strict=True)
    theirs, ours = (
        output(sys.executable, "-c", "\n".join([before, *side, after])) for side in sides
    )
    assert ours == theirs
    assert "three" in theirs


@pytest.mark.parametrize("title", ["clush", "ansible"])
def test_on_many_hosts(title: str) -> None:
    lines = [line for row in rows("from-clush-and-ansible.md", title) for line in row]
    assert all(lines)
    done = json.loads(output_of_all(lines))
    for line, (theirs, ours) in zip(
        lines[::2], zip(done[::2], done[1::2], strict=True), strict=True
    ):
        assert ours[0] == theirs[0], (line, theirs, ours)
        # Whatever it looks like, it is of as many hosts.
        names = [set(re.findall(r"web\d", side[1] + side[2])) for side in (theirs, ours)]
        if not {"-b", "--diff", "-N", "-S"} & set(line.split()):
            assert names[0] == names[1] != set(), (line, theirs, ours)


def output_of_all(lines: list[str]) -> str:
    """What all of these print."""
    done = example_com.run("/usr/bin/env", OUR_PYTHON, sys.executable, "-c", IN_SHELLS, *lines)
    assert done.returncode == 0, done.stderr
    return done.stdout
