"""How the answers of many hosts are shown."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from remctl import Outcome, RemctlSimpleResult, Target
from remctl._cli.diff import MOST_LINES, Diff, difference
from remctl._cli.gather import Gather
from remctl._cli.lines import Lines
from remctl._cli.ordered import Ordered
from remctl._cli.screen import Screen
from remctl._cli.signals import Signals
from remctl._cli.values import Misuse
from remctl.testing import Realm

from tests.fix_fleet import Fleet
from tests.support.programs import pyremctl
from tests.support.terminal import terminal

HOSTS = [Target(name) for name in ("a", "b", "c", "d")]
RULE = "-" * 15


def done(target: Target, stdout: bytes | None = None, status: int = 0) -> Outcome:
    return Outcome(target, RemctlSimpleResult(stdout, None, status))


class TestGather:
    def test_hosts_with_the_same_output_are_under_one_heading(self, fleet: Fleet) -> None:
        few = fleet.alive[-1].partition(":")[2]
        done = pyremctl(
            *("-p", str(fleet.port), "-H", f"127.0.1.[1-30],127.0.2.1:{few}"),
            *("--gather", "test", "mix"),
        )
        rule = "-" * 15
        heading = f"{rule}\n127.0.1.[1-30],127.0.2.1:{few} (31)\n{rule}\n"
        assert done.stdout.decode() == heading + "out 1\nout 2\n"
        assert done.stderr.decode() == heading + "err 1\nerr 2\n"
        assert done.returncode == 0

    def test_groups_are_sorted_by_their_hosts(self, fleet: Fleet) -> None:
        names = ",".join(fleet.alive[i] for i in (11, 1, 5))
        done = pyremctl("-H", names, "--gather", "test", "pid")
        headings = re.findall(rb"^(127\.0\.1\.\d+:\d+) \(1\)$", done.stdout, re.MULTILINE)
        assert headings == [fleet.alive[i].encode() for i in (1, 5, 11)]


class TestOutdir:
    def test_has_a_file_for_each_host_and_stream(self, fleet: Fleet, tmp_path: Path) -> None:
        folder = tmp_path / "new" / "folder"
        names = [*fleet.alive[:3], *fleet.dead[:1]]
        command = ("--outdir", str(folder), "test", "mix", "3")
        done = pyremctl("-H", ",".join(names), "-q", *command)
        (folder / "summary.json").unlink()
        found = {one.name: one.read_bytes() for one in folder.iterdir()}
        expected = {}
        for name in names:
            alive = name in fleet.alive
            expected[f"{name}.stdout"] = b"out 1\nout 2\n" if alive else b""
            expected[f"{name}.stderr"] = b"err 1\nerr 2\n" if alive else b""
        assert found == expected
        assert (done.stdout, done.returncode) == (b"", 3)

    def test_targets_of_one_name_have_files_of_their_own(
        self, fleet: Fleet, tmp_path: Path
    ) -> None:
        hosts = tmp_path / "hosts"
        hosts.write_text("127.0.1.1\n127.0.1.1 host/localhost\n")
        folder = tmp_path / "out"
        pyremctl(
            *("-p", str(fleet.port), "--hosts", str(hosts), "--outdir", str(folder)),
            *("--limit", "1", "test", "hello"),
        )
        (folder / "summary.json").unlink()
        assert {one.name: one.read_text() for one in folder.iterdir()} == {
            "127.0.1.1.stdout": "hello world\n",
            "127.0.1.1.stderr": "",
            "127.0.1.1.2.stdout": "hello world\n",
            "127.0.1.1.2.stderr": "",
            "targets": "127.0.1.1\t127.0.1.1\t\n127.0.1.1.2\t127.0.1.1\thost/localhost\n",
        }

    def test_a_list_of_an_earlier_run_is_removed(self, fleet: Fleet, tmp_path: Path) -> None:
        path = tmp_path / "targets"
        words = ("-H", fleet.alive[0], "-q", "--outdir", str(tmp_path), "test", "hello")
        path.write_text("127.0.1.1\t127.0.1.1\t\n127.0.1.1.2\t127.0.1.1\thost/localhost\n")
        assert pyremctl(*words).returncode == 0
        assert not path.exists()
        path.write_text("a file of the user\n")
        assert pyremctl(*words).returncode == 0
        assert path.exists()

    @pytest.mark.parametrize(
        "mistake", [["--keytab", "/nonexistent"], ["--failed", "/nonexistent/file"]], ids=str
    )
    def test_is_not_made_for_nothing(self, tmp_path: Path, mistake: list[str]) -> None:
        done = pyremctl("-H", "a", "--outdir", str(tmp_path / "new"), *mistake, "x")
        assert done.returncode == 2
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["failed", "new/failed", "new/folder/failed"])
    def test_may_have_the_file_of_failed_hosts(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder").mkdir()
        path, folder = tmp_path / "folder" / name, tmp_path / "folder" / "new" / "folder"
        words = ("-p", "1", "-H", "127.0.0.1", "--failed", str(path), "--outdir", str(folder), "x")
        assert pyremctl(*words).returncode == 3
        assert path.read_text().startswith("127.0.0.1:1  # ")

    def test_what_was_there_is_replaced(self, fleet: Fleet, tmp_path: Path) -> None:
        (tmp_path / "127.0.1.1.stderr").write_text("from last time")
        pyremctl(
            "-p", str(fleet.port), "-H", "127.0.1.1", "--outdir", str(tmp_path), "test", "octets"
        )
        assert (tmp_path / "127.0.1.1.stdout").read_bytes() == bytes(range(256))
        assert (tmp_path / "127.0.1.1.stderr").read_bytes() == b""

    def test_that_cannot_be_made_is_an_error_before_anything_is_sent(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        done = pyremctl("-H", "127.0.0.1:1", "--outdir", str(tmp_path / "file"), "x")
        assert done.stderr.decode() == (
            f"pyremctl: option --outdir: cannot make {tmp_path}/file: File exists\n"
        )
        assert done.returncode == 2

    def test_a_full_disk_ends_it_with_one_line(self, fleet: Fleet, tmp_path: Path) -> None:
        (tmp_path / "127.0.1.1.stdout").symlink_to("/dev/full")
        command = ("--outdir", str(tmp_path), "test", "hello")
        done = pyremctl("-p", str(fleet.port), "-H", "127.0.1.1", *command)
        assert done.stderr.decode() == (
            f"pyremctl: cannot write {tmp_path}/127.0.1.1.stdout: No space left on device\n"
            "pyremctl: 1 of 1 hosts failed\n  failed, may have run: given up: cannot write output: "
            "No space left on device (1): 127.0.1.1\n"
        )
        assert done.returncode == 3


class TestDiff:
    def shown(
        self, capfdbinary: pytest.CaptureFixture[bytes], name: str, *outputs: bytes | None
    ) -> list[str]:
        """What is shown of these outputs of the hosts."""
        report = Diff(Screen(Signals()), name, HOSTS)
        for target, output in zip(HOSTS, outputs, strict=False):
            report.ended(done(target, output))
        report.end()
        lines = capfdbinary.readouterr().out.decode().splitlines()
        return [line for line in lines if line != RULE]

    def test_shows_the_largest_group_and_how_the_others_differ(
        self, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        shown = self.shown(capfdbinary, "", b"1\n2\n3\n", b"1\n2\n4\n", b"1\n2\n3\n", b"1\n2\n3\n")
        assert shown == [
            *("a,c,d (3)", "1", "2", "3"),
            *("b (1)", "@@ -1,3 +1,3 @@", " 1", " 2", "-3", "+4"),
        ]

    def test_compares_with_the_host_that_is_named(
        self, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        shown = self.shown(capfdbinary, "b", b"1\n", b"2\n", b"1\n")
        assert shown == ["b (1)", "2", "a,c (2)", "@@ -1 +1 @@", "-2", "+1"]

    def test_a_host_that_says_nothing_differs(
        self, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        shown = self.shown(capfdbinary, "", b"1\n", None, b"1\n")
        assert shown == ["a,c (2)", "1", "b (1)", "@@ -1 +0,0 @@", "-1"]

    def test_a_host_without_an_answer_is_in_no_group(self, fleet: Fleet) -> None:
        """Also if most hosts are unreachable, or refuse: no text is compared with nothing."""
        alive = fleet.alive[:2]
        hosts = [*alive, *fleet.dead[:3], *fleet.refusing[:3]]
        asked = pyremctl("--diff", "-H", ",".join(hosts), "test", "hello")
        assert asked.stdout.endswith(f"(2)\n{RULE}\nhello world\n".encode())
        assert asked.stdout.count(RULE.encode()) == 2

    def test_where_nobody_says_anything_nothing_is_shown(
        self, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        assert self.shown(capfdbinary, "", None, None) == []

    def test_bytes_that_are_not_text_are_compared(self) -> None:
        assert difference(b"\xff\n\x85\n", b"\xfe\n\x85\n").endswith(b"-\xff\n+\xfe\n \x85\n")

    def test_long_texts_are_shown_and_not_compared(self) -> None:
        text = b"line\n" * MOST_LINES
        assert difference(text, text + b"x") == text + b"x"

    def test_a_name_that_is_not_among_the_hosts_is_an_error(self) -> None:
        with pytest.raises(Misuse, match="option --diff: e is not one of the hosts"):
            Diff(Screen(Signals()), "e", HOSTS)
        asked = pyremctl("-H", "a,b", "--diff=c", "x")
        assert asked.stderr == b"pyremctl: option --diff: c is not one of the hosts\n"
        assert asked.returncode == 2

    @pytest.mark.parametrize("name", ["a,b", "n[1-2]", "a!a"])
    def test_a_name_of_more_or_fewer_hosts_than_one_is_an_error(self, name: str) -> None:
        asked = pyremctl("-H", "a,b,n[1-2]", f"--diff={name}", "x")
        assert asked.stderr.decode() == (
            f"pyremctl: option --diff: must be the name of one host, not {name!r}\n"
        )
        assert asked.returncode == 2

    def test_a_name_with_the_port_of_the_option_is_that_without(self, fleet: Fleet) -> None:
        hosts = ("-p", str(fleet.port), "-H", "127.0.1.1,127.0.1.2")
        asked = pyremctl(*hosts, f"--diff=127.0.1.2:{fleet.port}", "test", "pid")
        assert asked.stdout.splitlines()[1] == b"127.0.1.2 (1)"
        assert asked.returncode == 0
        asked = pyremctl(*hosts, f"--diff=127.0.1.2:{fleet.port + 1}", "test", "pid")
        assert asked.returncode == 2

    @pytest.mark.parametrize(
        ("before", "after"),
        [(b"a\nb\n", b"a\nb"), (b"a\nb", b"a\nb\n"), (b"a", b"b"), (b"a\nb", b"c\nb")],
    )
    def test_a_last_line_without_a_line_feed_is_marked(
        self, tmp_path: Path, before: bytes, after: bytes
    ) -> None:
        """As by the program `diff`."""
        (tmp_path / "before").write_bytes(before)
        (tmp_path / "after").write_bytes(after)
        command = ["diff", "-u", str(tmp_path / "before"), str(tmp_path / "after")]
        expected = subprocess.run(command, capture_output=True).stdout.split(b"\n", 2)[2]
        assert difference(before, after) == expected

    def test_of_the_fleet(self, fleet: Fleet) -> None:
        asked = pyremctl("--diff", "-H", ",".join(fleet.alive[:3]), "test", "pid")
        assert len(re.findall(rb"^@@ -1 \+1 @@$", asked.stdout, re.MULTILINE)) == 2


@pytest.fixture(scope="module")
def slow_first(realm: Realm) -> Iterator[str]:
    """Two hosts; the first takes longer than the second."""
    with (
        realm.server({"test": {"say": "#!/bin/sh\nsleep 1; echo first; echo 1 >&2\n"}}) as one,
        realm.server({"test": {"say": "#!/bin/sh\necho second\n"}}) as two,
    ):
        yield f"localhost:{one.port},localhost:{two.port}"


class TestOrdered:
    def test_shows_one_host_after_another(self, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        def shown() -> list[bytes]:
            return capfdbinary.readouterr().out.splitlines()

        report = Ordered(Lines(Screen(Signals()), (False, False)), HOSTS)
        assert report.stdout is not None
        a, b, c, d = map(report.stdout, HOSTS)
        b.write(b"one\n")
        assert shown() == []
        a.write(b"as it comes\n")
        assert shown() == [b"a: as it comes"]
        report.ended(done(HOSTS[2]))
        c_and_b_wait = shown()
        assert c_and_b_wait == []
        report.ended(done(HOSTS[0]))
        assert shown() == [b"b: one"]
        b.write(b"two")
        d.write(b"last\n")
        assert shown() == []
        report.ended(done(HOSTS[1]))
        assert shown() == [b"b: two", b"d: last"]
        report.ended(done(HOSTS[3]))
        report.end()
        assert shown() == []
        c.close()

    def test_lines_of_hosts_in_their_order(self, slow_first: str) -> None:
        options = ("--ordered", "--no-prefix", "-H", slow_first)
        asked = pyremctl(*options, "test", "say")
        assert (asked.stdout, asked.stderr) == (b"first\nsecond\n", b"1\n")

    def test_objects_of_json_in_their_order(self, slow_first: str) -> None:
        asked = pyremctl(
            "--ordered", "--json", "-H", f"{slow_first},no.such.invalid", "test", "say"
        )
        texts = [json.loads(line)["stdout"] for line in asked.stdout.splitlines()]
        assert texts == ["first\n", "second\n", None]

    def test_hosts_that_are_not_started_hold_nothing_up(self, fleet: Fleet) -> None:
        hosts = ",".join([fleet.dead[0], *fleet.alive[:2]])
        asked = pyremctl("--ordered", "--fail-fast", "--limit", "1", "--json", "-H", hosts, "x")
        kinds = [json.loads(line)["kind"] for line in asked.stdout.splitlines()]
        assert kinds == ["connect", "not_started", "not_started"]


class TestNoPrefix:
    def test_lines_have_no_host_in_front(self, fleet: Fleet) -> None:
        asked = pyremctl("--no-prefix", "-H", ",".join(fleet.alive[:2]), "test", "hello")
        assert asked.stdout == b"hello world\n" * 2

    def test_nor_a_colour_on_a_terminal(self, fleet: Fleet) -> None:
        words = ("--no-prefix", "--no-progress", "-H", fleet.alive[0], "test", "hello")
        with terminal(*words) as screen:
            assert screen.end() == 0
            assert screen.bytes == b"hello world\r\npyremctl: 1 host ok\r\n"


class TestOutdirBesideOthers:
    def run(self, fleet: Fleet, folder: Path, *options: str) -> tuple[bytes, bytes]:
        """What is shown of a run of two hosts whose files are then as they should be."""
        hosts = fleet.alive[:2]
        asked = pyremctl("--outdir", str(folder), *options, "-H", ",".join(hosts), "test", "mix")
        assert asked.returncode == 0
        for host in hosts:
            assert (folder / f"{host}.stdout").read_bytes() == b"out 1\nout 2\n"
            assert (folder / f"{host}.stderr").read_bytes() == b"err 1\nerr 2\n"
        return asked.stdout, asked.stderr

    def test_live_output(self, fleet: Fleet, tmp_path: Path) -> None:
        stdout, stderr = self.run(fleet, tmp_path)
        assert sorted(stdout.decode().splitlines()) == sorted(
            f"{host}: out {number}" for host in fleet.alive[:2] for number in (1, 2)
        )
        assert stderr.count(b"err") == 4

    def test_nothing(self, fleet: Fleet, tmp_path: Path) -> None:
        assert self.run(fleet, tmp_path, "--quiet") == (b"", b"")

    def test_gathered_output(self, fleet: Fleet, tmp_path: Path) -> None:
        stdout, _ = self.run(fleet, tmp_path, "--gather")
        assert stdout.decode().endswith(f"(2)\n{RULE}\nout 1\nout 2\n")

    def test_json(self, fleet: Fleet, tmp_path: Path) -> None:
        stdout, _ = self.run(fleet, tmp_path, "--json")
        assert [json.loads(line)["stdout"] for line in stdout.splitlines()] == [
            "out 1\nout 2\n"
        ] * 2

    def test_ordered_output(self, fleet: Fleet, tmp_path: Path) -> None:
        stdout, _ = self.run(fleet, tmp_path, "--ordered", "--no-prefix")
        assert stdout == b"out 1\nout 2\n" * 2

    @pytest.mark.parametrize("options", [[], ["--json"]], ids=str)
    def test_a_summary_in_json(self, fleet: Fleet, tmp_path: Path, options: list[str]) -> None:
        good, bad = fleet.alive[0], fleet.dead[0]
        words = ("--outdir", str(tmp_path), "--limit", "1", "--fail-fast", *options)
        pyremctl("-H", f"{good},{bad},later", *words, "test", "hello")
        found = json.loads((tmp_path / "summary.json").read_text())
        assert [(one["status"], one["kind"], one["stdout"]) for one in found] == [
            (0, None, f"{good}.stdout"),
            (None, "connect", f"{bad}.stdout"),
            (None, "not_started", None),
        ]
        assert {path.name for path in tmp_path.iterdir()} == {
            "summary.json",
            *(f"{host}.{stream}" for host in (good, bad) for stream in ("stdout", "stderr")),
        }


class TestExpand:
    def said(self, fleet: Fleet, *words: str, options: tuple[str, ...] = ()) -> dict[str, str]:
        """What `test args` prints on two hosts, in its second argument."""
        hosts = ",".join(fleet.alive[:2])
        asked = pyremctl("--json", *options, "-H", hosts, "test", "args", *words)
        records = map(json.loads, asked.stdout.splitlines())
        return {f"{one['host']}:{one['port']}": one["stdout"] for one in records}

    def test_host_port_and_number_are_each_host_s_own(self, fleet: Fleet) -> None:
        found = self.said(fleet, "<%h|%p|%n|%%>", options=("--expand",))
        for number, host in enumerate(fleet.alive[:2], 1):
            name, _, port = host.partition(":")
            assert f":<{name}|{port}|{number}|%>," in found[host]

    def test_a_per_cent_sign_is_data_otherwise(self, fleet: Fleet) -> None:
        assert all(":%h%x," in said for said in self.said(fleet, "%h%x").values())

    def test_words_that_are_read_stay_as_they_are(self, fleet: Fleet, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_text("%h")
        options = ("--expand", "--file", f"2={path}")
        found = self.said(fleet, "%n", options=options)
        assert [said.split()[1:] for _, said in sorted(found.items())] == [
            ["2:%h,", f"1:{number},"] for number in (1, 2)
        ]

    @pytest.mark.parametrize("word", ["100%", "%x", "a%", "%\n"])
    def test_anything_else_is_an_error(self, word: str) -> None:
        asked = pyremctl("--expand", "-H", "a", "x", word)
        assert asked.returncode == 2
        assert asked.stderr.startswith(b"pyremctl: option --expand: %")
        assert asked.stderr.count(b"\n") == 1


def test_gathering_a_thousand_outputs_shows_them_by_host(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    report = Gather(Screen(Signals()))
    for number in range(1000):
        report.ended(done(Target(f"web{number}"), b"%d\n" % number))
    report.end()
    shown = capfdbinary.readouterr().out.splitlines()
    assert [line for line in shown if line.isdigit()] == [b"%d" % n for n in range(1000)]
    assert os.fsencode("web999 (1)") in shown
