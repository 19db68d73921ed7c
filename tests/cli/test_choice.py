"""Which hosts are asked, in which groups, and which of them are to be asked again."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from remctl import Outcome, Target
from remctl._cli.failed import FailedHosts
from remctl._cli.parse import parse
from remctl._errors import make

from tests.fix_fleet import Fleet
from tests.support.programs import PYREMCTL, pyremctl


def asked(*arguments: str) -> list[str]:
    """The hosts that a command line asks, as --list prints them."""
    done = pyremctl(*arguments, "--list")
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()


class TestList:
    def test_prints_the_hosts_and_sends_nothing(self) -> None:
        assert asked("-H", "web[1-2],db:4444,[::1]:9,10.0.0.1") == [
            *("web1", "web2", "db:4444", "[::1]:9", "10.0.0.1")
        ]

    def test_has_the_port_and_the_principal_that_will_be_used(self, tmp_path: Path) -> None:
        path = tmp_path / "hosts"
        path.write_text("a\nb:9 host/own\n::1\n")
        assert asked("-p", "44", "-s", "host/all", "--hosts", str(path)) == [
            *("a:44 host/all", "b:9 host/own", "[::1]:44 host/all")
        ]

    def test_can_be_given_to_hosts(self, tmp_path: Path) -> None:
        path = tmp_path / "hosts"
        lines = asked("-p", "44", "-s", "host/all", "-H", "a,b:9,::1")
        path.write_text("\n".join(lines))
        assert asked("--hosts", str(path)) == lines

    @pytest.mark.parametrize("principal", ["a b", "a\nb", "#a", " a", "a\u2003b"])
    @pytest.mark.parametrize("option", ["--list", "--failed=-", "--failed-safe=-"])
    def test_refuses_a_principal_that_hosts_would_read_as_another(
        self, option: str, principal: str
    ) -> None:
        done = pyremctl("-p", "1", "-H", "127.0.0.1", "-s", principal, option, "x")
        name = option.partition("=")[0]
        assert done.stderr.startswith(f"pyremctl: option {name}: --hosts cannot read".encode())
        assert (done.stdout, done.returncode) == (b"", 2)

    def test_takes_one_with_a_number_sign_inside(self, tmp_path: Path) -> None:
        path = tmp_path / "hosts"
        path.write_text(f"{asked('-H', 'a', '-s', 'a#b')[0]}\n")
        assert asked("--hosts", str(path)) == ["a a#b"]

    @pytest.mark.parametrize(
        ("redirection", "reason"),
        [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
    )
    def test_that_cannot_be_written_is_an_error(self, redirection: str, reason: str) -> None:
        command = ["sh", "-c", f'exec "$@" {redirection}', "sh", *PYREMCTL, "-H", "a,b", "--list"]
        done = subprocess.run(command, stderr=subprocess.PIPE, timeout=30)
        assert done.stderr.decode() == f"pyremctl: cannot write output: {reason}\n"
        assert done.returncode == 3


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-H"], "option requires an argument -- 'H'"),
        (["--hosts"], "option '--hosts' requires an argument"),
        (["-x"], "option requires an argument -- 'x'"),
        (["--list"], "no hosts: give -H or --hosts"),
        (["--check", "--limit", "5"], "no hosts: give -H or --hosts"),
    ],
)
def test_without_hosts_is_one_line_with_status_2(arguments: list[str], problem: str) -> None:
    done = pyremctl(*arguments)
    assert done.stderr.decode() == f"pyremctl: {problem}\n"
    assert (done.stdout, done.returncode) == (b"", 2)


class TestExclude:
    @pytest.mark.parametrize(
        ("arguments", "left"),
        [
            (["-H", "web[1-5]", "-x", "web[2-3]"], ["web1", "web4", "web5"]),
            (["-H", "web[1-5]", "-x", "web1", "--exclude", "web5,web9"], ["web2", "web3", "web4"]),
            (["-H", "a:1,a:2,b", "-x", "a"], ["b"]),
            (["-H", "a:1,a:2,a", "-x", "a:2"], ["a:1", "a"]),
            (["-p", "2", "-H", "a,b", "-x", "a:2"], ["b:2"]),
            (["-H", "::1,10.0.0.1", "-x", "[::1]"], ["10.0.0.1"]),
        ],
    )
    def test_leaves_hosts_out(self, arguments: list[str], left: list[str]) -> None:
        assert asked(*arguments) == left

    def test_leaves_hosts_of_a_file_out(self, tmp_path: Path) -> None:
        path = tmp_path / "hosts"
        path.write_text("a\nb host/own\nc\n")
        assert asked("--hosts", str(path), "-x", "b") == ["a", "c"]

    def test_that_leaves_out_all_is_an_error(self) -> None:
        done = pyremctl("-H", "a,b", "-x", "a,b", "x")
        assert done.returncode == 2
        assert done.stderr == b"pyremctl: no hosts are left: --exclude leaves out all of them\n"


class TestBatches:
    def test_of_one_a_failure_stops_those_that_follow(self, fleet: Fleet) -> None:
        names = [fleet.alive[0], fleet.dead[0], *fleet.alive[1:4]]
        options = ("--batch", "1", "--max-failures", "0", "--json")
        done = pyremctl("-H", ",".join(names), *options, "test", "hello")
        records = [json.loads(line) for line in done.stdout.splitlines()]
        assert [record["kind"] for record in records] == [None, "connect", *["not_started"] * 3]
        assert done.stderr.decode().splitlines()[-1] == (
            f"  not started: too many hosts have failed (3): 127.0.1.[2-4]:{fleet.port}"
        )
        assert done.returncode == 3

    def test_are_done_before_the_next_one_starts(self, fleet: Fleet, tmp_path: Path) -> None:
        """Each host of a batch sleeps; with a batch of all of them they would overlap."""
        begun = tmp_path / "begun"
        options = ("--batch", "50%", "--json", "test", "record", str(begun), "0.5")
        done = pyremctl("-H", ",".join(fleet.alive[:4]), *options)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0
        assert {f"{one['host']}:{one['port']}" for one in records[:2]} == set(fleet.alive[:2])

    @pytest.mark.parametrize(("most", "not_started"), [("1", 3), ("60%", 0), ("20%", 3)])
    def test_failures_up_to_the_limit_are_allowed(
        self, fleet: Fleet, most: str, not_started: int
    ) -> None:
        names = [*fleet.dead[:3], *fleet.alive[:2]]
        options = ("--limit", "1", "--max-failures", most, "--json")
        done = pyremctl("-H", ",".join(names), *options, "test", "hello")
        kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
        assert kinds.count("not_started") == not_started

    def test_a_status_is_a_failure_and_keeps_its_exit_status(self, fleet: Fleet) -> None:
        options = ("--limit", "1", "--max-failures", "0", "-H", ",".join(fleet.alive[:3]))
        done = pyremctl(*options, "test", "status", "4")
        assert done.returncode == 1
        assert b"3 of 3 hosts failed" in done.stderr


class TestFailedHosts:
    def run(self, fleet: Fleet, tmp_path: Path, *options: str) -> tuple[list[str], list[str]]:
        """The lines of both files after a run on hosts of all kinds."""
        names = [fleet.alive[0], fleet.dead[0], fleet.refusing[0], fleet.alive[1]]
        files = tmp_path / "all", tmp_path / "safe"
        words = ("--failed", str(files[0]), "--failed-safe", str(files[1]), *options)
        pyremctl("-H", ",".join(names), *words, "test", "status", "3")
        assert sorted(tmp_path.iterdir()) == sorted(files)
        found = [sorted(file.read_text().splitlines()) for file in files]
        return found[0], found[1]

    def test_have_their_reason_behind_them(self, fleet: Fleet, tmp_path: Path) -> None:
        everyone, safe = self.run(fleet, tmp_path)
        port = fleet.dead[0].partition(":")[2]
        cannot = [
            f"{fleet.dead[0]}  # failed, cannot have run: cannot connect to HOST (port {port}): "
            "Connection refused",
            f"{fleet.refusing[0]}  # failed, cannot have run: Access denied",
        ]
        may = [f"{host}  # failed, may have run: status 3" for host in fleet.alive[:2]]
        assert everyone == sorted(cannot + may)
        assert safe == sorted(cannot)

    def test_can_be_run_again(self, fleet: Fleet, tmp_path: Path) -> None:
        self.run(fleet, tmp_path)
        assert sorted(asked("--hosts", str(tmp_path / "safe"))) == sorted(
            [fleet.dead[0], fleet.refusing[0]]
        )

    def test_have_their_port_and_principal(self, tmp_path: Path) -> None:
        path = tmp_path / "failed"
        hosts = tmp_path / "hosts"
        hosts.write_text("127.0.0.1\n127.0.0.2:2 host/own\n")
        words = ("--hosts", str(hosts), "--failed", str(path), "x")
        pyremctl("-p", "1", "-s", "host/all", *words)
        lines = [line.partition("  #")[0] for line in path.read_text().splitlines()]
        assert sorted(lines) == ["127.0.0.1:1 host/all", "127.0.0.2:2 host/own"]

    def test_replace_what_was_there_also_by_nothing(self, fleet: Fleet, tmp_path: Path) -> None:
        path, link = tmp_path / "file", tmp_path / "link"
        path.write_text("from last time\n")
        link.symlink_to(path)
        done = pyremctl("-H", fleet.alive[0], "--failed", str(link), "test", "hello")
        assert done.returncode == 0
        assert link.is_symlink()
        assert path.read_text() == ""

    def test_no_text_of_a_server_becomes_a_host(self, tmp_path: Path) -> None:
        path = tmp_path / "failed"
        text = "no\nevil\r\nevil\x0bevil\x85evil\u2028evil\x1b[31m\0# "
        failed = FailedHosts(parse(["-H", "a", "--failed", str(path), "x"]))
        failed.ended(Outcome(Target("good"), error=make("protocol", text)))
        failed.end()
        assert path.read_text() == (
            "good  # failed, may have run: no evil evil evil evil evil^[[31m^@#\n"
        )
        assert asked("--hosts", str(path)) == ["good"]

    def test_are_written_after_an_interrupt(self, fleet: Fleet, tmp_path: Path) -> None:
        path, begun = tmp_path / "failed", tmp_path / "begun"
        words = ("--failed", str(path), "test", "record", str(begun), "60")
        with subprocess.Popen(
            [*PYREMCTL, "-H", f"{fleet.alive[0]},{fleet.silent[0]}", *words],
            stderr=subprocess.DEVNULL,
        ) as process:
            while not begun.exists():
                os.sched_yield()
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == -signal.SIGINT
        assert sorted(path.read_text().splitlines()) == [
            f"{fleet.alive[0]}  # failed, may have run: given up",
            f"{fleet.silent[0]}  # failed, cannot have run: given up",
        ]

    def test_that_were_not_started_have_their_reason_once(self, fleet: Fleet) -> None:
        hosts = f"{fleet.dead[0]},{fleet.alive[0]}"
        words = ("--limit", "1", "--max-failures", "0", "--failed", "-", "test", "hello")
        done = pyremctl("-H", hosts, *words)
        assert done.stdout.decode().splitlines()[1] == (
            f"{fleet.alive[0]}  # not started: too many hosts have failed"
        )

    def test_are_written_when_nobody_reads_the_output(self, fleet: Fleet, tmp_path: Path) -> None:
        path = tmp_path / "failed"
        words = ("--failed", str(path), "--json", "test", "hello")
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [*PYREMCTL, "-H", f"{fleet.alive[0]},{fleet.silent[0]}", *words],
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=30,
        )
        os.close(writer)
        assert done.returncode == -signal.SIGPIPE
        assert done.stderr.startswith(b"pyremctl: 1 of 2 hosts failed\n")
        assert path.read_text() == f"{fleet.silent[0]}  # failed, cannot have run: given up\n"

    def test_go_to_what_is_not_a_file_as_it_is(self, fleet: Fleet) -> None:
        done = pyremctl("-H", fleet.alive[0], "--failed", "-", "--gather", "test", "status", "1")
        assert done.stdout.decode() == f"{fleet.alive[0]}  # failed, may have run: status 1\n"

    def test_go_into_a_pipe_that_has_no_name(self, fleet: Fleet) -> None:
        """As bash makes one for `>(command)`."""
        reader, writer = os.pipe()
        with open(reader, "rb") as file:
            words = ("-H", fleet.alive[0], "--failed", f"/dev/fd/{writer}", "test", "status", "1")
            done = subprocess.run(
                [*PYREMCTL, *words], pass_fds=[writer], stderr=subprocess.PIPE, timeout=30
            )
            os.close(writer)
            assert file.read().decode() == f"{fleet.alive[0]}  # failed, may have run: status 1\n"
        assert done.returncode == 1

    def test_go_into_a_file_that_has_been_deleted(self, fleet: Fleet, tmp_path: Path) -> None:
        path = tmp_path / "file"
        with path.open("w+b") as file:
            path.unlink()
            name = f"/dev/fd/{file.fileno()}"
            words = ("-H", fleet.alive[0], "--failed", name, "test", "status", "1")
            subprocess.run([*PYREMCTL, *words], pass_fds=[file.fileno()], timeout=30)
            assert file.read().decode() == f"{fleet.alive[0]}  # failed, may have run: status 1\n"
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("mode", [0o600, 0o444, 0o664])
    def test_leave_a_file_its_mode(self, tmp_path: Path, mode: int) -> None:
        path = tmp_path / "file"
        path.touch()
        path.chmod(mode)
        FailedHosts(parse(["-H", "a", "--failed", str(path), "x"])).end()
        assert path.stat().st_mode & 0o7777 == mode

    def test_go_into_a_new_file_with_the_mode_of_any_new_file(self, tmp_path: Path) -> None:
        path, other = tmp_path / "file", tmp_path / "other"
        other.touch()
        FailedHosts(parse(["-H", "a", "--failed", str(path), "x"])).end()
        assert path.stat().st_mode == other.stat().st_mode

    def test_follow_no_link_that_waits_for_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Even if somebody could guess the name that the file has until it is complete."""
        victim, path = tmp_path / "victim", tmp_path / "file"
        victim.write_text("precious")
        monkeypatch.setattr("os.urandom", bytes)
        failed = FailedHosts(parse(["-H", "a", "--failed", str(path), "x"]))
        for name in (f".pyremctl-{bytes(8).hex()}", f"file.{os.getpid()}"):
            (tmp_path / name).symlink_to(victim)
        with pytest.raises(OSError, match="File exists"):
            failed.end()
        assert victim.read_text() == "precious"

    @pytest.mark.parametrize(
        ("length", "reason"), [(252, None), (255, None), (256, "File name too long")]
    )
    def test_go_into_a_file_of_any_name_that_a_file_can_have(
        self, tmp_path: Path, length: int, reason: str | None
    ) -> None:
        path = tmp_path / ("x" * length)
        done = pyremctl("-p", "1", "-H", "127.0.0.1", "--failed", str(path), "x")
        if reason is None:
            assert done.returncode == 3
            assert path.read_text().startswith("127.0.0.1:1  # ")
        else:
            assert done.returncode == 2
            assert done.stderr.decode() == (
                f"pyremctl: option --failed: cannot write {path}: {reason}\n"
            )

    def test_need_a_folder_that_exists(self, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        command = ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(folder), *PYREMCTL]
        done = subprocess.run(
            [*command, "-H", "a", "--failed", "x", "x"], capture_output=True, timeout=30
        )
        assert done.stderr == (
            b"pyremctl: option --failed: cannot write x: No such file or directory\n"
        )
        assert done.returncode == 2

    def test_and_the_safe_ones_do_not_go_into_the_same_file(self, tmp_path: Path) -> None:
        path, link = tmp_path / "file", tmp_path / "link"
        link.symlink_to(path)
        done = pyremctl("-H", "a", "--failed", str(path), "--failed-safe", str(link), "x")
        assert done.stderr == (
            b"pyremctl: options --failed and --failed-safe: the two files are the same\n"
        )
        assert done.returncode == 2
        assert not path.exists()

    @pytest.mark.parametrize("name", ["-", "link", "itself"])
    def test_go_behind_the_output_where_that_is_in_a_file(
        self, fleet: Fleet, tmp_path: Path, name: str
    ) -> None:
        """And do not take the place of the link, nor of the file."""
        output, link = tmp_path / "output", tmp_path / "link"
        link.symlink_to("/proc/self/fd/1")
        path = {"-": "-", "link": str(link), "itself": str(output)}[name]
        words = ("-H", fleet.alive[0], "--failed", path, "--gather", "test", "fail")
        with output.open("wb") as file:
            subprocess.run([*PYREMCTL, *words], stdout=file, stderr=subprocess.PIPE, timeout=30)
        lines = output.read_text().splitlines()
        assert lines == [f"{fleet.alive[0]}  # failed, cannot have run: Unknown command"]
        assert link.is_symlink()
        assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "output"]

    def test_that_cannot_be_written_are_an_error_after_all(
        self, fleet: Fleet, tmp_path: Path
    ) -> None:
        path = tmp_path / "full"
        path.symlink_to("/dev/full")
        done = pyremctl("-H", fleet.dead[0], "--failed", str(path), "test", "hello")
        assert done.stderr.startswith(b"pyremctl: cannot write /dev/full: No space left")
        assert b"1 of 1 hosts failed" in done.stderr
        assert done.returncode == 3

    def test_a_mistake_leaves_no_file_behind(self, tmp_path: Path) -> None:
        done = pyremctl("-H", "a", "--failed", str(tmp_path / "f"), "--keytab", "/nonexistent", "x")
        assert done.returncode == 2
        assert list(tmp_path.iterdir()) == []


class TestStatus:
    def test_the_largest_of_the_command(self, fleet: Fleet) -> None:
        assert (
            pyremctl("-S", "-H", ",".join(fleet.alive[:2]), "test", "status", "7").returncode == 7
        )

    def test_a_host_without_one_counts_as_255(self, fleet: Fleet) -> None:
        hosts = f"{fleet.alive[0]},{fleet.dead[0]}"
        done = pyremctl("--largest-status", "-H", hosts, "test", "status", "7")
        assert done.returncode == 255

    def test_is_0_where_all_is_well(self, fleet: Fleet) -> None:
        assert pyremctl("-S", "-H", fleet.alive[0], "test", "hello").returncode == 0
