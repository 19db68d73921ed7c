"""What is to be seen of many hosts on a terminal."""

import os
import re
import signal
import subprocess
import sys

import pytest
from remctl import Target
from remctl._cli.progress import Counts, plain, rich_line

from tests.fix_fleet import Fleet
from tests.support.programs import PYREMCTL
from tests.support.terminal import INTERRUPT, Terminal, terminal

NO_RICH = "import sys; sys.modules['rich'] = None; from remctl._cli import main; sys.exit(main())"
PROGRAMS = {"rich": PYREMCTL, "plain": (sys.executable, "-c", NO_RICH)}
LINE = re.compile(r"3/6 done, 1 failed, 3 running, slowest 127\.0\.4\.1:\d+ \d+ s, \d+:\d\d left")


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The command line with rich and without."""
    return PROGRAMS[request.param]


def names(fleet: Fleet) -> str:
    """Six hosts, of which two answer, one is dead and three are silent."""
    return ",".join([*fleet.alive[:2], *fleet.dead[:1], *fleet.silent[:3]])


def wait_for_line(screen: Terminal) -> str:
    """Wait until the line at the bottom tells of all that can end."""
    while not LINE.search(screen.lines[-1]):
        assert screen.read()
    return screen.lines[-1]


def test_a_line_at_the_bottom_tells_how_far_it_is(fleet: Fleet, program: tuple[str, ...]) -> None:
    # The second line of each comes when the one at the bottom has long been there.
    words = ("-H", names(fleet), "test", "stream", "2", "0.5")
    with terminal(*words, program=program, size=(24, 140)) as screen:
        wait_for_line(screen)
        assert sorted(screen.lines[:-1]) == [
            f"{host}: line {number}" for host in fleet.alive[:2] for number in (1, 2)
        ]
        screen.type(INTERRUPT)
        assert screen.end() == -signal.SIGINT
        # The line is gone, and the summary in its place.
        assert not any("running" in line for line in screen.lines)
        assert "pyremctl: 4 of 6 hosts failed" in screen.lines


@pytest.mark.parametrize("host", [b"na\xffme.invalid", "evil\u009bname.invalid".encode()])
def test_a_strange_name_does_no_harm_to_the_line(program: tuple[str, ...], host: bytes) -> None:
    counts = Counts(1)
    next(iter(counts.begin([Target(os.fsdecode(host))])))
    render = rich_line() if program is PYREMCTL else plain
    line = render(counts, 100)
    assert b"slowest" in line
    assert b"\xc2\x9b" not in line


def test_a_narrow_terminal_has_no_broken_line(fleet: Fleet, program: tuple[str, ...]) -> None:
    words = ("-H", names(fleet), "test", "hello")
    with terminal(*words, program=program, size=(24, 40)) as screen:
        while "3/6 done" not in screen.lines[-1]:
            assert screen.read()
        for _ in range(5):
            screen.read()
        assert sum("/6 done" in line for line in screen.lines) <= 1
        assert len(screen.lines[-1]) < 40


@pytest.mark.parametrize(
    ("options", "env"), [(["--no-progress"], {}), ([], {"TERM": "dumb"})], ids=["option", "dumb"]
)
def test_none_when_it_is_not_wanted(fleet: Fleet, options: list[str], env: dict[str, str]) -> None:
    words = (*options, "-H", ",".join(fleet.alive[:2]), "test", "stream", "2", "0.3")
    with terminal(*words, program=PYREMCTL, env=os.environ | env) as screen:
        assert screen.end() == 0
        assert b"done" not in screen.bytes
        assert b"\x1b[K" not in screen.bytes


def test_none_when_standard_error_is_no_terminal(fleet: Fleet) -> None:
    line = f'{sys.executable} -m remctl "$@" 2>/dev/null'
    words = ("-H", ",".join(fleet.alive[:2]), "test", "stream", "2", "0.3")
    with terminal(*words, program=("sh", "-c", line, "sh")) as screen:
        assert screen.end() == 0
        assert b"done" not in screen.bytes


def test_off_a_terminal_there_is_none_and_rich_is_not_loaded(fleet: Fleet) -> None:
    code = "import sys; from remctl._cli import main; main(); sys.exit('rich' in sys.modules)"
    words = ["-H", ",".join(fleet.alive[:2]), "test", "hello"]
    subprocess.run([sys.executable, "-c", code, *words], check=True, timeout=30)


class TestColours:
    def shown(self, fleet: Fleet, env: dict[str, str]) -> bytes:
        words = ("--no-progress", "-H", fleet.alive[0], "test", "mix")
        with terminal(*words, program=PYREMCTL, env=os.environ | env) as screen:
            assert screen.end() == 0
            return screen.bytes

    def test_are_of_the_host_on_a_terminal(self, fleet: Fleet) -> None:
        host = fleet.alive[0].encode()
        shown = self.shown(fleet, {})
        assert b"\x1b[36m" + host + b":\x1b[0m out 1\r\n" in shown
        assert b"\x1b[31m" + host + b":\x1b[0m err 1\r\n" in shown

    def test_are_not_with_no_color(self, fleet: Fleet) -> None:
        assert b"\x1b" not in self.shown(fleet, {"NO_COLOR": "1"})

    def test_of_the_line_are_not_with_no_color(self, fleet: Fleet) -> None:
        words = ("-H", names(fleet), "test", "hello")
        env = os.environ | {"NO_COLOR": "1"}
        with terminal(*words, program=PYREMCTL, env=env, size=(24, 140)) as screen:
            wait_for_line(screen)
            assert not re.search(rb"\x1b\[[0-9;]*m", screen.bytes)


@pytest.mark.parametrize("options", [[], ["--gather"]], ids=["lines", "gather"])
def test_control_characters_are_shown_harmlessly(fleet: Fleet, options: list[str]) -> None:
    words = (*options, "--no-progress", "-H", fleet.alive[0], "test", "octets")
    env = os.environ | {"NO_COLOR": "1"}
    with terminal(*words, program=PYREMCTL, env=env) as screen:
        assert screen.end() == 0
        assert not set(screen.bytes.replace(b"\r\n", b"\n")) & {0x1B, 0x07, 0x08, 0x0D, 0x9B}
        assert b"^[" in screen.bytes
