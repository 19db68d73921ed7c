"""Commands from a file, over one connection."""

import json
from pathlib import Path

import pytest
from remctl._cli.script import read_script
from remctl._cli.values import Misuse
from remctl.testing import Server

from tests.fix_fleet import Fleet
from tests.support.programs import Done, pyremctl


def run(target: str, many: bool, script: str, *options: str) -> Done:
    """Run a script on a target, as one host or as many."""
    host, _, port = target.partition(":")
    where = ("-p", port, *(("-H", host) if many else ()))
    rest = () if many else (host,)
    return pyremctl(*where, *options, "--script", "-", *rest, input=script.encode())


@pytest.fixture(params=[False, True], ids=["one", "many"])
def many(request: pytest.FixtureRequest) -> bool:
    """Whether it is for many hosts."""
    return bool(request.param)


def test_commands_run_one_after_another(fleet: Fleet, many: bool) -> None:
    script = "# a comment\ntest hello one\n\n  test hello 'two words' \n"
    done = run(fleet.alive[0], many, script, *(["--no-prefix"] if many else []))
    assert (done.stdout, done.stderr) == (b"hello one\nhello two words\n", b"")
    assert done.returncode == 0


def test_the_file_may_start_with_the_mark_of_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text("\ufefftest hello\n")
    assert read_script(str(path)) == [(1, ["test", "hello"])]


def test_over_one_connection(server: Server) -> None:
    script = "test hello\n" * 5
    done = pyremctl(
        "-d", "-p", str(server.port), "--script", "-", "localhost", input=script.encode()
    )
    assert done.stdout == b"hello world\n" * 5
    assert done.stderr.count(b"connected to") == 1


def test_on_many_hosts(fleet: Fleet, tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text("test hello\ntest args %h\n")
    hosts = fleet.alive[:3]
    done = pyremctl("--expand", "--json", "-H", ",".join(hosts), "--script", str(path))
    found = {
        f"{one['host']}:{one['port']}": one
        for one in map(json.loads, done.stdout.split(b"\n")[:-1])
    }
    for host in hosts:
        name = host.partition(":")[0]
        assert found[host]["stdout"] == f"hello world\n1\n{len(name)}:{name},\n"


class TestLines:
    """Each command's output starts on a line of its own."""

    SCRIPT = "test bytes 3\ntest bytes 2\ntest hello\ntest bytes 1\n"
    TEXT = "012\n01\nhello world\n0"

    def test_as_it_arrives(self, fleet: Fleet, many: bool) -> None:
        done = run(fleet.alive[0], many, self.SCRIPT, *(["--no-prefix"] if many else []))
        # With many hosts the last line is always ended.
        assert done.stdout.decode() == self.TEXT + "\n" * many
        assert (done.stderr, done.returncode) == (b"", 0)

    @pytest.mark.parametrize("options", [[], ["--max-output", "100"]], ids=str)
    def test_in_json(self, fleet: Fleet, many: bool, options: list[str]) -> None:
        done = run(fleet.alive[0], many, self.SCRIPT, "--json", *options)
        assert json.loads(done.stdout)["stdout"] == self.TEXT

    def test_in_files(self, fleet: Fleet, tmp_path: Path) -> None:
        run(fleet.alive[0], True, self.SCRIPT, "--outdir", str(tmp_path), "--quiet")
        assert (tmp_path / "127.0.1.1.stdout").read_text() == self.TEXT


class TestMaxOutput:
    """It is for all commands of a host together."""

    SCRIPT = "test hello\ntest hello\n"
    SIZE = 2 * len("hello world\n")

    def test_as_much_as_that_is_output(self, fleet: Fleet, many: bool) -> None:
        done = run(fleet.alive[0], many, self.SCRIPT, "--max-output", str(self.SIZE))
        assert (done.stdout.count(b"hello world\n"), done.returncode) == (2, 0)

    def test_a_host_that_sends_more_has_failed(self, fleet: Fleet, many: bool) -> None:
        done = run(fleet.alive[0], many, self.SCRIPT, "--max-output", str(self.SIZE - 1), "--json")
        record = json.loads(done.stdout)
        assert record["error"] == (
            f"line 2: more output than --max-output allows ({self.SIZE - 1} bytes)"
        )
        assert (record["stdout"], record["kind"]) == ("hello world\n", "too_large")
        assert done.returncode == (3 if many else 1)


class TestFailures:
    def test_the_first_one_is_the_last_command(self, fleet: Fleet, many: bool) -> None:
        done = run(fleet.alive[0], many, "test hello\ntest status 4\ntest hello again\n")
        assert done.stdout.endswith(b"hello world\n")
        assert done.returncode == (1 if many else 4)
        if many:
            assert b"  failed, may have run: line 2: status 4 (1): 127.0.1.1\n" in done.stderr

    def test_all_of_them_run_if_it_is_to_keep_going(self, fleet: Fleet, many: bool) -> None:
        script = "test status 4\ntest bogus\ntest status 5\ntest hello\n"
        done = run(fleet.alive[0], many, script, "--keep-going")
        assert done.stdout.endswith(b"hello world\n")
        assert b"line 2: Unknown command\n" in done.stderr
        assert done.stderr.count(b"Unknown command") == 1
        assert done.returncode == (1 if many else 255)

    def test_a_refusal_says_its_line_and_what_came_before(self, fleet: Fleet) -> None:
        done = run(fleet.alive[0], True, "test hello\ntest bogus\n", "--json")
        record = json.loads(done.stdout)
        assert (record["error"], record["code"]) == ("line 2: Unknown command", 5)
        assert (record["stdout"], record["may_have_run"]) == ("hello world\n", True)

    def test_where_the_first_is_refused_nothing_has_run(self, fleet: Fleet) -> None:
        done = run(fleet.alive[0], True, "test bogus\ntest hello\n", "--json")
        assert not json.loads(done.stdout)["may_have_run"]
        done = run(fleet.alive[0], False, "test bogus\ntest hello\n")
        assert (done.stdout, done.stderr) == (b"", b"line 1: Unknown command\n")
        assert done.returncode == 255

    @pytest.mark.parametrize("script", ["test denied\n", "test denied\ntest bogus\n"])
    @pytest.mark.parametrize("options", [[], ["--json"], ["--gather"], ["--max-output", "9"]])
    def test_where_all_is_refused_nothing_has_run(
        self, fleet: Fleet, tmp_path: Path, script: str, options: list[str]
    ) -> None:
        """Also with --keep-going, however the output is shown."""
        safe = tmp_path / "safe"
        words = ("--keep-going", "--failed-safe", str(safe), *options)
        done = run(fleet.alive[0], True, script, *words)
        assert b"  failed, cannot have run: line " in done.stderr
        assert safe.read_text().startswith("127.0.1.1:")
        assert done.returncode == 3

    def test_where_all_is_refused_there_is_an_error(self, fleet: Fleet) -> None:
        script = "test denied\ntest bogus\n"
        for options in ([], ["--max-output", "9"]):
            done = run(fleet.alive[0], True, script, "--keep-going", "--json", *options)
            record = json.loads(done.stdout)
            assert (record["status"], record["error"]) == (None, "line 2: Unknown command")
            assert (record["stdout"], record["stderr"]) == (None, "line 1: Access denied\n")
            assert (record["code"], record["may_have_run"]) == (5, False)

    def test_each_refusal_of_one_host_is_one_line(self, fleet: Fleet) -> None:
        done = run(fleet.alive[0], False, "test denied\ntest bogus\n", "--keep-going")
        assert done.stderr == b"line 1: Access denied\nline 2: Unknown command\n"
        assert (done.stdout, done.returncode) == (b"", 255)

    def test_where_a_part_is_refused_the_rest_has_run(self, fleet: Fleet) -> None:
        for script in ("test hello\ntest denied\n", "test denied\ntest hello\n"):
            done = run(fleet.alive[0], True, script, "--keep-going", "--json")
            record = json.loads(done.stdout)
            assert (record["status"], record["may_have_run"]) == (255, True)
            assert (record["stdout"], done.returncode) == ("hello world\n", 1)

    def test_none_runs_twice(self, fleet: Fleet, tmp_path: Path) -> None:
        path = tmp_path / "file"
        script = f"test record {path}\ntest drop\ntest record {path}\n"
        done = run(fleet.alive[-1], True, script, "--retries", "3", "--json")
        record = json.loads(done.stdout)
        assert record["error"].startswith("line 2: ")
        assert (record["tries"], record["may_have_run"]) == (1, True)
        assert len(path.read_text().split()) == 1


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("a\n b 'c\n", "FILE, line 2: no closing quotation"),
            ("\n# nothing\n", "FILE: no commands"),
        ],
    )
    def test_in_the_file_are_named(self, tmp_path: Path, text: str, problem: str) -> None:
        path = tmp_path / "script"
        path.write_text(text)
        with pytest.raises(Misuse) as caught:
            read_script(str(path))
        assert str(caught.value) == problem.replace("FILE", str(path))

    @pytest.mark.parametrize(
        "line",
        [
            "-H a --script /nonexistent",
            "-H a --script - x",
            "-H a --script - --stdin",
            "-H a --script - --check",
            "-H a --keep-going x",
            "--hosts - --script -",
        ],
    )
    def test_of_the_command_line_send_nothing(self, line: str) -> None:
        done = pyremctl(*line.split(), input=b"test hello\n")
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
