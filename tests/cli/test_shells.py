"""The completions and the manual page, made of the table of options."""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from remctl._cli.options import OPTIONS
from remctl._cli.options_many import OPTIONS_MANY

from tests.support.programs import pyremctl
from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[2]
SHARE = ROOT / "share"
INSTALLED = Path(sysconfig.get_path("data")) / "share"
FILES = sorted(path.relative_to(SHARE) for path in SHARE.rglob("*") if path.is_file())


def test_the_files_are_what_the_script_makes() -> None:
    subprocess.run(
        [sys.executable, ROOT / "scripts" / "dev", "shell-files", "--check"], check=True, timeout=30
    )


@pytest.mark.parametrize("name", FILES, ids=str)
def test_the_package_has_them_where_shells_look(name: Path) -> None:
    assert (INSTALLED / name).read_text() == (SHARE / name).read_text()


def test_help_has_every_option_and_fits_a_terminal() -> None:
    text = pyremctl("-h").stdout.decode()
    for option in OPTIONS:
        assert f"    {option.spelling if not option.letter else '-' + option.letter}" in text
        assert option.about in text
    assert max(map(len, text.splitlines())) < 80


def test_the_reference_has_every_option() -> None:
    text = (ROOT / "docs" / "reference" / "command-line.md").read_text()
    for option in OPTIONS:
        assert f"`{option.spelling}" in text or f", {option.spelling}" in text, option.spelling
        assert option.about.replace("<host>", "host") in text


class TestManual:
    def page(self) -> str:
        done = subprocess.run(
            [
                "groff",
                "-man",
                "-ww",
                "-Tutf8",
                "-P-cbou",
                "-rLL=72n",
                str(SHARE / "man/man1/pyremctl.1"),
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
            # groff is not looked at by a sanitizer that looks at us.
            env=os.environ | {"LC_ALL": "C.UTF-8", "LD_PRELOAD": ""},
        )
        assert done.stderr == ""
        return done.stdout

    def test_has_every_option_and_no_warnings(self) -> None:
        text = self.page()
        for option in OPTIONS:
            for spelling in filter(None, (option.letter and "-" + option.letter, option.name)):
                assert spelling in text

    def test_is_found_beside_the_command(self) -> None:
        folder = sysconfig.get_path("scripts")
        env = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": "/"}
        done = subprocess.run(
            ["man", "-w", "pyremctl"], env=env, capture_output=True, text=True, timeout=30
        )
        assert done.stdout.strip() == str(INSTALLED / "man/man1/pyremctl.1")


# What is typed, and what is then offered: all of these, or nothing.
OFFERED = [
    ("pyremctl --ga", {"--gather"}),
    ("pyremctl --fa", {"--fail-fast", "--failed", "--failed-safe"}),
    ("pyremctl -p 1 --pro", {"--prompt"}),
    ("pyremctl -H a,b --fail-f", {"--fail-fast"}),
    ("pyremctl --keytab SHARE/ma", {"SHARE/man/"}),
    ("pyremctl --outdir SHARE/ma", {"SHARE/man/"}),
    ("pyremctl -s --gather --js", {"--json"}),
    ("pyremctl localhost --ga", set()),
    ("pyremctl -p 1 localhost test --ga", set()),
    ("pyremctl -- --ga", set()),
    ("pyremctl -p ", set()),
]


@pytest.fixture
def groups(tmp_path: Path) -> dict[str, str]:
    """An environment in which ClusterShell knows the groups web and db."""
    config = tmp_path / "clustershell"
    config.mkdir()
    (config / "groups.conf").write_text(
        "[Main]\ndefault: local\n"
        "[local]\nmap: echo web1\nall: echo web1\nlist: printf 'web\\ndb\\n'\n"
    )
    return os.environ | {"CLUSTERSHELL_CFGDIR": str(config), "HOME": str(tmp_path)}


class TestBash:
    def offered(self, line: str, env: dict[str, str] | None = None) -> set[str]:
        script = (
            f"source {SHARE}/bash-completion/completions/pyremctl; compopt() {{ :; }}; "
            'COMP_LINE=$1 COMP_POINT=${#1}; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
            '_pyremctl; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        # Bash makes words of its own of the signs in COMP_WORDBREAKS.
        words = [
            piece
            for word in line.split(" ")
            for piece in ([one for one in re.split("([=@:])", word) if one] or [""])
        ]
        done = subprocess.run(
            ["bash", "-c", script, "bash", line, *words],
            capture_output=True,
            text=True,
            timeout=30,
            env=env,
        )
        assert done.stderr == ""
        return {found for found in done.stdout.split("\n") if found}

    @pytest.mark.parametrize(("line", "expected"), OFFERED)
    def test_offers(self, line: str, expected: set[str]) -> None:
        line = line.replace("SHARE", str(SHARE))
        # That it is a directory and gets a stroke is for readline to see.
        expected = {one.replace("SHARE", str(SHARE)).rstrip("/") for one in expected}
        assert self.offered(line) == expected

    def test_offers_every_option(self) -> None:
        letters = {f"-{option.letter}" for option in OPTIONS if option.letter}
        names = {f"--{option.name}" for option in OPTIONS if option.name}
        assert self.offered("pyremctl -") == letters | names

    def test_a_value_after_an_equals_sign(self) -> None:
        assert self.offered(f"pyremctl --keytab={SHARE}/ma") == {f"{SHARE}/man"}
        assert self.offered("pyremctl --prompt=text --ga") == {"--gather"}
        assert self.offered("pyremctl --prompt --ga") == {"--gather"}

    def test_offers_hosts_where_one_goes(self) -> None:
        assert "localhost" in self.offered("pyremctl local")
        assert "localhost" in self.offered("pyremctl -H local")
        assert "web1,localhost" in self.offered("pyremctl -H web1,local")
        assert "localhost" in self.offered("pyremctl --exclude=local")
        assert self.offered("pyremctl -H a local") == set()
        assert self.offered("pyremctl -H @web,b:9 local") == set()

    def test_offers_groups(self, groups: dict[str, str]) -> None:
        assert self.offered("pyremctl -H @", groups) == {"@web", "@db"}
        assert self.offered("pyremctl -H @w", groups) == {"@web"}
        assert self.offered("pyremctl -H a,@db,@w", groups) == {"@web"}
        assert self.offered("pyremctl -x @d", groups) == {"@db"}

    def test_groups_on_a_terminal(self, groups: dict[str, str]) -> None:
        shell = Terminal(["bash", "--norc", "--noprofile", "-i"], groups)
        shell.type(f"source {SHARE}/bash-completion/completions/pyremctl\n")
        shell.type("pyremctl -p 1 -H a,@d\t,@w\t")
        shell.wait_for("pyremctl -p 1 -H a,@db,@web")
        shell.close()

    def test_on_a_terminal(self) -> None:
        shell = Terminal(["bash", "--norc", "--noprofile", "-i"])
        shell.type(f"source {SHARE}/bash-completion/completions/pyremctl\n")
        shell.type("pyremctl --fail-f\t")
        shell.wait_for("pyremctl --fail-fast ")
        shell.close()


class TestFish:
    def offered(
        self, line: str, home: Path = Path("/"), env: dict[str, str] | None = None
    ) -> set[str]:
        script = f"source {SHARE}/fish/vendor_completions.d/pyremctl.fish; complete -C {line!r}"
        done = subprocess.run(
            ["fish", "--no-config", "-c", script],
            env=(env or os.environ) | {"HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.stderr == ""
        offered = {found.split("\t")[0] for found in done.stdout.splitlines()}
        # From fish 4 on, options that have the word elsewhere follow.
        word = line.rpartition(" ")[2]
        return {one for one in offered if one.startswith(word)} or offered

    @pytest.mark.parametrize(("line", "expected"), OFFERED)
    def test_offers(self, line: str, expected: set[str]) -> None:
        line = line.replace("SHARE", str(SHARE))
        expected = {one.replace("SHARE", str(SHARE)) for one in expected}
        assert self.offered(line) == expected

    def test_offers_every_option(self) -> None:
        names = {f"--{option.name}" for option in OPTIONS if option.name}
        assert self.offered("pyremctl --") == names
        letters = {f"-{option.letter}" for option in OPTIONS if option.letter}
        assert letters <= self.offered("pyremctl -")

    def test_offers_hosts_where_one_goes(self, tmp_path: Path) -> None:
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh" / "known_hosts").write_text("web1 ssh-ed25519 AAAA\n")
        assert self.offered("pyremctl we", tmp_path) == {"web1"}
        assert self.offered("pyremctl -H we", tmp_path) == {"web1"}
        assert self.offered("pyremctl -H b,we", tmp_path) == {"b,web1"}
        assert self.offered("pyremctl --exclude=b,we", tmp_path) == {"--exclude=b,web1"}
        assert self.offered("pyremctl -H a we", tmp_path) == set()

    def test_offers_groups(self, groups: dict[str, str], tmp_path: Path) -> None:
        assert self.offered("pyremctl -H @", tmp_path, groups) == {"@web", "@db"}
        assert self.offered("pyremctl -H a,@w", tmp_path, groups) == {"a,@web"}


class TestZsh:
    @pytest.fixture
    def shell(self, groups: dict[str, str], tmp_path: Path) -> Iterator[Terminal]:
        """A zsh with the completion loaded."""
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh" / "known_hosts").write_text("server7 ssh-ed25519 AAAA\n")
        shell = Terminal(["zsh", "-f", "-i"], groups | {"PS1": "%% "})
        shell.wait_for("% ")
        shell.type(f"fpath=({SHARE}/zsh/site-functions $fpath); unsetopt beep\n")
        shell.type("autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' menu no\n")
        shell.type("echo rea''dy\n")
        shell.wait_for("ready")
        yield shell
        shell.close()

    @pytest.mark.parametrize(
        ("line", "completed"),
        [
            ("pyremctl --ga", "pyremctl --gather "),
            ("pyremctl -p 1 --pro", "pyremctl -p 1 --prompt"),
            ("pyremctl -H a,b --fail-f", "pyremctl -H a,b --fail-fast "),
            ("pyremctl --keytab SHARE/ma", "pyremctl --keytab SHARE/man/"),
            ("pyremctl --file 2=SHARE/ma", "pyremctl --file 2=SHARE/man/"),
            ("pyremctl -H serv", "pyremctl -H server7"),
            ("pyremctl -H a,serv", "pyremctl -H a,server7"),
            ("pyremctl -H @we", "pyremctl -H @web"),
            ("pyremctl -H a,@we", "pyremctl -H a,@web"),
            ("pyremctl --exclude=@we", "pyremctl --exclude=@web"),
            ("pyremctl -p 1 serv", "pyremctl -p 1 server7"),
        ],
    )
    def test_completes(self, shell: Terminal, line: str, completed: str) -> None:
        shell.type(f"cd {ROOT}\n" + line.replace("SHARE", "share") + "\t")
        shell.wait_for("% " + completed.replace("SHARE", "share"))

    def test_has_no_option_after_the_host(self, shell: Terminal) -> None:
        shell.type("pyremctl localhost --ga\tX")
        shell.wait_for("--gaX")


def test_no_option_for_many_hosts_does_nothing_with_one() -> None:
    for option in OPTIONS_MANY:
        value = [] if not option.kind or option.optional else ["1"]
        done = pyremctl(option.spelling, *value, "host", "x")
        if option.spelling not in ("-H", "--hosts"):
            assert f"option {option.spelling} is for many hosts".encode() in done.stderr
            assert done.returncode == 1
