"""Defaults for many hosts."""

import os
from pathlib import Path

import pytest
from remctl._cli import config
from remctl._cli.config import configure
from remctl._cli.parse import Options, parse
from remctl._cli.values import Misuse

from tests.fix_fleet import Fleet
from tests.support.programs import Done, pyremctl


class Home:
    """The two files, and the environment."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.user = folder / "user" / "pyremctl" / "config.ini"
        self.machine = folder / "machine.ini"
        self.user.parent.mkdir(parents=True)
        self.environ = monkeypatch
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "user"))
        monkeypatch.setattr(config, "MACHINE_FILE", str(self.machine))

    def options(self, *arguments: str) -> Options:
        """The options of a command line, with all defaults."""
        options = parse([*arguments, "-H", "a", "x"])
        assert options.problem is None
        configure(options)
        return options


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home and a machine without configuration."""
    return Home(tmp_path, monkeypatch)


def test_without_any_all_is_as_it_was(home: Home) -> None:
    assert vars(home.options()) == vars(parse(["-H", "a", "x"]))


def test_option_then_environment_then_user_then_machine(home: Home) -> None:
    home.machine.write_text("[pyremctl]\nport=1\nlimit=1\ntimeout=1\nretries=1\n")
    home.user.write_text("[pyremctl]\nport=2\nlimit=2\ntimeout=2\n")
    home.environ.setenv("PYREMCTL_PORT", "3")
    home.environ.setenv("PYREMCTL_LIMIT", "3")
    options = home.options("-p", "4")
    assert (options.port, options.limit, options.timeout, options.retries) == (4, 3, 2.0, 1)


def test_a_file_may_start_with_the_mark_of_utf_8(home: Home) -> None:
    home.user.write_text("\ufeff[pyremctl]\nport = 4\n")
    assert home.options().port == 4


def test_every_setting(home: Home) -> None:
    home.environ.setenv("HOME", "/home/me")
    home.user.write_text(
        "# a comment\n[pyremctl]\nport = 4444\nprincipal = host/fleet\nlimit = 7\ntimeout = 1.5\n"
        "connect-timeout = 0\nretries = 2\nkeytab = ~/keytab\n"
    )
    options = home.options()
    assert (options.port, options.principal, options.limit) == (4444, "host/fleet", 7)
    assert (options.timeout, options.connect_timeout, options.retries) == (1.5, 0.0, 2)
    assert options.keytab == "/home/me/keytab"
    home.environ.setenv("PYREMCTL_CONNECT_TIMEOUT", "3")
    home.environ.setenv("PYREMCTL_CCACHE", "FILE:/c")
    options = home.options()
    assert (options.connect_timeout, options.ccache) == (3.0, "FILE:/c")
    assert options.keytab is None  # whom to be is one setting


@pytest.mark.parametrize("section", ["pyremctl", "defaults", "DEFAULT"])
def test_the_name_of_the_section_has_no_meaning(home: Home, section: str) -> None:
    home.user.write_text(f"[{section}]\nport = 4\n")
    assert home.options().port == 4


def test_an_empty_variable_says_nothing(home: Home) -> None:
    home.environ.setenv("PYREMCTL_PORT", "")
    assert home.options().port is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[pyremctl]\nport = 0\n", "USER: port '0': invalid port number 0"),
        (
            "[pyremctl]\nlimit = x\n",
            "USER: limit: option --limit: must be an integer of 1 or more, not 'x'",
        ),
        ("[pyremctl]\ncolour = red\n", "USER: unknown setting 'colour'"),
        ("[pyremctl]\nkeytab=a\nccache=b\n", "USER: keytab and ccache do not go together"),
        ("port = 1\n", "File contains no section headers. file: 'USER', line: 1 'port = 1\\n'"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_place(home: Home, text: str, problem: str) -> None:
    home.user.write_text(text)
    with pytest.raises(Misuse) as caught:
        home.options()
    assert str(caught.value) == problem.replace("USER", str(home.user))


def test_a_variable_that_is_wrong_is_named(home: Home) -> None:
    home.environ.setenv("PYREMCTL_RETRIES", "-1")
    with pytest.raises(Misuse, match=r"PYREMCTL_RETRIES: retries: option --retries: "):
        home.options()


class TestProgram:
    def run(self, home: Home, *arguments: str) -> Done:
        return pyremctl(*arguments, env=os.environ | {"XDG_CONFIG_HOME": str(home.user.parents[1])})

    def test_asks_many_hosts_by_them(self, home: Home, fleet: Fleet) -> None:
        home.user.write_text(f"[pyremctl]\nport = {fleet.port}\n")
        assert self.run(home, "-H", "127.0.1.1", "test", "hello").stdout.endswith(b"hello world\n")
        done = self.run(home, "--no-config", "-H", "127.0.1.1", "--connect-timeout", "5", "test")
        assert done.returncode == 3

    def test_lists_where_each_is_from(self, home: Home) -> None:
        home.user.write_text("[pyremctl]\nport = 4444\nprincipal = host/all\n")
        done = self.run(home, "-s", "host/one", "-H", "a,b:1", "--list")
        assert done.stdout.decode().splitlines() == [
            f"# port 4444, from {home.user}",
            "a:4444 host/one",
            "b:1 host/one",
        ]

    def test_has_none_of_them_for_one_host(self, home: Home, fleet: Fleet) -> None:
        home.user.write_text("[pyremctl]\nport = 1\nprincipal = host/wrong\nnonsense\n")
        host, _, port = fleet.alive[0].partition(":")
        assert self.run(home, "-p", port, host, "test", "hello").stdout == b"hello world\n"

    def test_a_mistake_in_a_file_is_one_line(self, home: Home) -> None:
        home.user.write_text("[pyremctl]\nport = x\n")
        done = self.run(home, "-H", "a", "x")
        assert done.stderr.decode() == f"pyremctl: {home.user}: port 'x': invalid port number 0\n"
        assert done.returncode == 2
