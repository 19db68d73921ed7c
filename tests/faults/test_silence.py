"""Calls while something is silent: a few of those of `tests.programs.silence`."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from remctl.testing import Realm

from tests.programs.silence import Cell, cells
from tests.programs.silence_ground import Ground, grounds
from tests.programs.silence_measure import Ending, Expected
from tests.programs.silence_world import LIMIT
from tests.support import hosts
from tests.support.ticking import Beside

pytestmark = pytest.mark.measures

#: Each stage and each kind of call once, in one of the worlds.
CHOSEN = [
    "blocking, connection: lines, within a token",
    "blocking, connection: stream, left, at the end",
    "blocking, credentials: environ, locked keytab",
    "asyncio, connection: command, lost before, half of a handshake",
    "asyncio, pool: run, server does not read",
    "asyncio, pool: end of a block, lost, accepted, then mute",
    "asyncio, credentials: renew, KDC over TCP, a keytab's first ticket",
    "uvloop, connection: run, set_timeout, between two tokens",
    "uvloop, many hosts: for_each, slow job, caller's job",
    "trio, connection: stream, lost before, SYN dropped",
    "trio, many hosts: run_many, KDC over TCP",
]


@pytest.fixture(scope="module")
def ground(realm: Realm) -> Iterator[Ground]:
    """A server that falls silent, and tickets."""
    with grounds(realm) as ground:
        yield ground


@pytest.fixture(scope="module")
def beside() -> Iterator[Beside]:
    """A loop to compare with."""
    with Beside() as beside:
        yield beside


BY_NAME: dict[str, Cell] = {str(cell): cell for cell in cells(names=False)}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_call_ends_in_time_and_leaves_nothing(name: str, ground: Ground, beside: Beside) -> None:
    assert BY_NAME[name].try_it(ground, beside).faults == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"kind": "lost"}, "lost"),
        ({"kind": ""}, "no error"),
        ({"said": False}, "may_have_run"),
        ({"seconds": 0.3}, "already"),
        ({"seconds": 0.8}, "after 0.80 s"),
        ({"late": 0.1}, "loop late"),
        ({"closing": 0.3}, "closed after"),
        ({"left": ["1 tasks"]}, "left"),
    ],
)
def test_what_is_wrong_is_told(change: dict[str, Any], fault: str) -> None:
    expected = Expected(LIMIT, "timeout", said=True)
    ending = Ending(0.5, "timeout", said=True, ran=True, late=0.04, beside=0.03)
    assert expected.faults(ending) == ([], [])
    assert fault in str(expected.faults(replace(ending, **change)))


def test_the_program_itself_while_dns_is_silent() -> None:
    if not hosts.available():
        pytest.skip("names of our own take root")
    program = [sys.executable, "-m", "tests.programs.silence"]
    chosen = ["--calls", "connection: remctl()", "--causes", "DNS", "--world", "asyncio"]
    done = subprocess.run(
        [*program, *chosen], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "2 calls, 0 wrong" in done.stdout
