"""How hosts are written, for -H and in files."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from remctl._cli.hosts import parse_hosts
from remctl._cli.nodesets import fold, natural
from remctl._cli.values import Misuse
from remctl.testing import Realm

from tests.support.programs import PYREMCTL, Done, pyremctl, run

NO_CLUSTERSHELL = "import sys; sys.modules['ClusterShell'] = None; "


def parsed(text: str) -> list[tuple[str, int | None]]:
    """The hosts that a text names."""
    return list(parse_hosts(text, "-H"))


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("web1", [("web1", None)]),
        ("web2,web1,db", [("web2", None), ("web1", None), ("db", None)]),
        ("web1:4444,db", [("web1", 4444), ("db", None)]),
        ("10.1.2.3,10.1.2.4:99", [("10.1.2.3", None), ("10.1.2.4", 99)]),
        ("::1", [("::1", None)]),
        ("[::1]", [("::1", None)]),
        ("[::1]:4373", [("::1", 4373)]),
        ("[fe80::1%eth0]:1,fe80::2%lo", [("fe80::1%eth0", 1), ("fe80::2%lo", None)]),
        ("db[08-10]", [("db08", None), ("db09", None), ("db10", None)]),
        ("db[1-2,5]:99", [("db1", 99), ("db2", 99), ("db5", 99)]),
        ("zcanary1,web[1-2]", [("zcanary1", None), ("web1", None), ("web2", None)]),
        ("z,::1,a[1-2],b", [(name, None) for name in ("z", "::1", "a1", "a2", "b")]),
        ("z9,z1,a[1-2]!z1", [("z9", None), ("a1", None), ("a2", None)]),
        ("a[1-3]!a2", [("a1", None), ("a3", None)]),
        ("a[1-3]&a[2-9]", [("a2", None), ("a3", None)]),
        ("a[1-2]^a[2-3]", [("a1", None), ("a3", None)]),
        ("a[1-4]!a[2-3]&a[1-3],b^a1", [("b", None)]),
        ("a,b:1&b:1,c!d", [("b", 1), ("c", None)]),
        ("a[1-2],[::1],[::2]:3", [("a1", None), ("a2", None), ("::1", None), ("::2", 3)]),
        ("r[1-2]n[1-2].example.com", [(f"r{r}n{n}.example.com", None) for r in "12" for n in "12"]),
        ("127.0.0.[1-2]", [("127.0.0.1", None), ("127.0.0.2", None)]),
        ("n[999999999999999999-999999999999999999]", [("n999999999999999999", None)]),
        ("ünï.example", [("ünï.example", None)]),
    ],
)
def test_what_names_hosts(text: str, hosts: list[tuple[str, int | None]]) -> None:
    assert parsed(text) == hosts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the name of a host is empty in ''"),
        ("a,,b", "the name of a host is empty in 'a,,b'"),
        ("a,", "the name of a host is empty in 'a,'"),
        (":99", "not the name of a host: ':99'"),
        ("a b", "not the name of a host: 'a b'"),
        ("a\tb", "not the name of a host"),
        ("-v", "not the name of a host: '-v'"),
        ("#web", "not the name of a host: '#web'"),
        ("a/b", "not the name of a host: 'a/b'"),
        ("web*", "not the name of a host: 'web*'"),
        ("a:", "invalid port number in 'a:'"),
        ("a:0", "invalid port number in 'a:0'"),
        ("a:65536", "invalid port number in 'a:65536'"),
        ("a:remctl", "invalid port number in 'a:remctl'"),
        ("a:¹", "invalid port number in 'a:¹'"),
        ("[::1]4373", "invalid port number in '[::1]4373'"),
        ("1:2:3", "invalid port number in '1:2:3'"),
        ("[::1", "missing bracket"),
        ("[nonsense]", "bad range"),
        ("web[1-", "missing bracket"),
        ("web[3-1]", "bad range"),
        ("web[1-5]!", "missing nodeset operand"),
        ("!web[1-5]", "missing nodeset operand"),
        ("a&&b", "missing nodeset operand"),
        ("n[1-99999999999]", "stands for more than 1,000,000 hosts"),
        ("n[1000000000000000000-1000000000000000000]", "stands for more than 1,000,000 hosts"),
        ("n[0-1000000]", "stands for more than 1,000,000 hosts"),
        ("r[1-2000]n[1-2000]", "stands for more than 1,000,000 hosts"),
        ("a[1-900000],b[1-200000]!c", "stands for more than 1,000,000 hosts"),
        ("@nosuch:group", "unknown group"),
    ],
)
def test_what_does_not_is_one_line_with_status_2(text: str, words: str) -> None:
    with pytest.raises(Misuse) as caught:
        parsed(text)
    assert str(caught.value).startswith("-H: ")
    assert words in str(caught.value)
    done = run(PYREMCTL, "-H", text, "test")
    assert done.stderr.decode() == f"pyremctl: {caught.value}\n"
    assert done.returncode == 2


@pytest.mark.parametrize("operator", ["!h1", "&h1", "^h1"])
def test_set_arithmetic_takes_linear_time(operator: str) -> None:
    names = [f"h{n % 97}-{n % 89}-{n}" for n in range(2000)]
    begin = time.process_time()
    list(parse_hosts(",".join(names) + operator * 2000, "-H"))
    assert time.process_time() - begin < 1  # about 20 ms; quadratic time is 13 s


def test_a_set_of_no_hosts_is_named() -> None:
    done = run(PYREMCTL, "-H", "web1!web1", "test")
    assert done.stderr == b"pyremctl: -H: 'web1!web1' stands for no hosts\n"
    assert done.returncode == 2


def without_clustershell(code: str) -> str:
    """What a program prints that has no ClusterShell."""
    done = subprocess.run(
        [sys.executable, "-c", NO_CLUSTERSHELL + code], capture_output=True, text=True, timeout=30
    )
    assert done.stderr == ""
    return done.stdout


class TestWithoutClusterShell:
    @pytest.mark.parametrize("text", ["web[1-3]", "@all", "a!b", "a&b", "a^b", "a,b]"])
    def test_a_node_set_names_the_extra_and_looks_nothing_up(self, text: str) -> None:
        code = f"from remctl._cli import main; sys.exit(main(['-H', {text!r}, 'x']))"
        done = subprocess.run(
            ["strace", "-f", "-e", "trace=connect", sys.executable, "-c", NO_CLUSTERSHELL + code],
            capture_output=True,
            text=True,
            timeout=60,
        )
        said = [line for line in done.stderr.splitlines() if line.startswith("pyremctl")]
        assert said == [
            f"pyremctl: -H: {text!r} is a node set, which takes: pip install 'pyremctl[fleet]'"
        ]
        assert done.returncode == 2
        assert "connect(" not in done.stderr

    def test_plain_names_and_addresses_do(self) -> None:
        code = (
            "from remctl._cli.hosts import *; from remctl._cli.nodesets import fold; "
            "print(list(parse_hosts('b,a:1,[::1]:2,10.0.0.1', '-H')), fold(['a10', 'a9', 'b']))"
        )
        assert without_clustershell(code) == (
            "[('b', None), ('a', 1), ('::1', 2), ('10.0.0.1', None)] a9,a10,b\n"
        )


class TestGroups:
    """ClusterShell's files of groups, which are read only for who writes a group."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Path:
        (tmp_path / "groups.conf").write_text(
            "[Main]\ndefault: local\n[local]\nmap: echo web[1-2]\nlist: echo all\n"
        )
        return tmp_path

    def hosts(self, config: Path, text: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from remctl._cli.hosts import *; print(*parse_hosts(sys.argv[1], ''))"
        return subprocess.run(
            ["strace", "-f", "-o", str(config / "trace"), sys.executable, "-c", code, text],
            env={"CLUSTERSHELL_CFGDIR": str(config), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def test_a_group_is_its_hosts(self, config: Path) -> None:
        assert self.hosts(config, "@all").stdout == "('web1', None) ('web2', None)\n"
        assert "groups.conf" in (config / "trace").read_text()

    def test_without_one_they_are_not_read(self, config: Path) -> None:
        assert self.hosts(config, "a[1-2]").stdout == "('a1', None) ('a2', None)\n"
        assert "groups.conf" not in (config / "trace").read_text()
        # Which ClusterShell would look for among all hosts of all groups.
        assert self.hosts(config, "w*[1-2]").returncode == 1
        assert "groups.conf" not in (config / "trace").read_text()

    @pytest.mark.parametrize(
        "words",
        [
            ("-H", "@wbe"),
            ("-H", "canary,@wbe"),
            ("-H", "@web!@wbe"),
            ("-H", "@web", "-x", "@wbe"),
            ("-H", "@web", "-x", "web1,@wbe"),
        ],
    )
    def test_one_that_is_mistyped_is_an_error(self, tmp_path: Path, words: tuple[str]) -> None:
        """Also beside others: with --exclude too many hosts would be left."""
        config = "[Main]\ndefault: mine\n[mine]\nmap: test $GROUP != web || echo web[1-2]\n"
        done = self.listed(tmp_path, config, *words)
        where = "option --exclude" if "-x" in words else "-H"
        assert done.stderr.decode() == f"pyremctl: {where}: '@wbe' stands for no hosts\n"
        assert (done.stdout, done.returncode) == (b"", 2)

    @pytest.mark.parametrize(
        ("config", "words"),
        [
            ("[mine]\nmap: false\n", "'@web': unknown group, or its source failed: false"),
            ("[other]\nmap: false\n", 'Default group source not found: "mine"'),
            ("[mine]\nmap: echo a\n[x,mine]\nmap: echo a\n", "name collision"),
            ("[mine]\n", "No option 'map'"),
        ],
    )
    def test_what_is_wrong_is_told_as_it_is(self, tmp_path: Path, config: str, words: str) -> None:
        done = self.listed(tmp_path, "[Main]\ndefault: mine\n" + config, "-H", "@web")
        assert words in done.stderr.decode()
        assert ("unknown group" in done.stderr.decode()) == ("unknown group" in words)
        assert (done.stderr.count(b"\n"), done.returncode) == (1, 2)

    def listed(self, folder: Path, config: str, *words: str) -> Done:
        """Run --list with a configuration of groups."""
        (folder / "groups.conf").write_text(config)
        return pyremctl(*words, "--list", env=os.environ | {"CLUSTERSHELL_CFGDIR": str(folder)})


class TestFold:
    @pytest.mark.parametrize(
        ("labels", "text"),
        [
            (["web2", "web1", "web10"], "web[1-2,10]"),
            (["b", "a"], "a,b"),
            (["a1:99", "a2:99"], "a[1-2]:99"),
            (["a1:99", "a2:98", "a3:99", "a4", "a5"], "a[4-5],a[1,3]:99,a2:98"),
            ([f"127.0.1.{n}:29442" for n in range(1, 21)], "127.0.1.[1-20]:29442"),
            ([f"n{n}:9" for n in range(1000)], "n[0-999]:9"),
            (["::1", "a1", "[::1]:3", "a2"], "a[1-2],::1,[::1]:3"),
            (["127.0.0.2", "127.0.0.3", "10.0.0.1"], "127.0.0.[2-3],10.0.0.1"),
            (["a"], "a"),
            ([], ""),
        ],
    )
    def test_is_short_and_sorted(self, labels: list[str], text: str) -> None:
        assert fold(labels) == text

    def test_can_be_read_again(self) -> None:
        labels = ["a1", "a2", "::1", "[::1]:3", "b:5", "10.0.0.1", "c08", "c09"]
        labels += ["b:6", "c1:5", "c2:5"]
        read = {f"[{h}]:{p}" if p and ":" in h else f"{h}:{p}" if p else h
                for h, p in parse_hosts(fold(labels), "")}  # fmt: skip
        assert read == set(labels)


def test_numbers_sort_as_numbers() -> None:
    names = ["web10", "web9", "web", "db", "9", "web9a", "²"]
    assert sorted(names, key=natural) == ["9", "db", "web", "web9", "web9a", "web10", "²"]


class TestFiles:
    def hosts(self, tmp_path: Path, text: str | bytes) -> "subprocess.CompletedProcess[bytes]":
        path = tmp_path / "hosts"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return pyremctl("-p", "1", "--hosts", str(path), "--json", "x")

    def test_a_line_is_a_host_its_port_and_its_principal(
        self, tmp_path: Path, realm: Realm
    ) -> None:
        text = (
            "\ufeff# A comment.\n\n127.0.0.1\r\n  127.0.0.2:2 # two\n127.0.0.3\thost/x\n[::1]:5\n"
        )
        done = self.hosts(tmp_path, text)
        targets = sorted(line.split(b'"status"')[0] for line in done.stdout.splitlines())
        assert targets == [
            b'{"host": "127.0.0.1", "port": 1, ',
            b'{"host": "127.0.0.2", "port": 2, ',
            b'{"host": "127.0.0.3", "port": 1, ',
            b'{"host": "::1", "port": 5, ',
        ]
        assert done.returncode == 3

    def test_a_host_that_is_named_twice_is_taken_once(self, tmp_path: Path) -> None:
        done = self.hosts(tmp_path, "127.0.0.1\n127.0.0.1\n127.0.0.1,127.0.0.1\n")
        assert len(done.stdout.splitlines()) == 1

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("a\nb c d\n", "line 2: more than a host and a principal: 'b c d'"),
            ("\n#\na:x\n", "line 3: invalid port number in 'a:x'"),
            ("a\nb[1-\n", 'line 2: missing bracket: "b[1-"'),
            (b"a\n\0\n", "line 2: not the name of a host: '\\x00'"),
            ("a\n,\n", "line 2: the name of a host is empty in ','"),
        ],
    )
    def test_what_is_wrong_is_told_with_file_and_line(
        self, tmp_path: Path, text: str | bytes, words: str
    ) -> None:
        done = self.hosts(tmp_path, text)
        assert done.stderr.decode() == f"pyremctl: {tmp_path}/hosts, {words}\n"
        assert (done.returncode, done.stdout) == (2, b"")

    def test_no_host_at_all_is_an_error(self, tmp_path: Path) -> None:
        done = self.hosts(tmp_path, "# nobody\n")
        assert (done.stderr, done.returncode) == (b"pyremctl: no hosts\n", 2)

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        done = run(PYREMCTL, "--hosts", str(tmp_path / "none"), "x")
        assert done.stderr.decode() == (
            f"pyremctl: option --hosts: cannot read {tmp_path}/none: No such file or directory\n"
        )
        assert done.returncode == 2
        done = run(PYREMCTL, "--hosts", str(tmp_path), "x")
        assert done.stderr.decode().endswith(": Is a directory\n")

    def test_standard_input_is_a_file_too(self) -> None:
        done = pyremctl("--hosts", "-", "x", input=b"127.0.0.1:1\n127.0.0.2:y\n")
        assert done.stderr == (
            b"pyremctl: standard input, line 2: invalid port number in '127.0.0.2:y'\n"
        )


def test_many_scattered_addresses_are_folded_without_a_quadratic_search() -> None:
    names = {f"10.{a}.{b}.{a * b % 250}" for a in range(40) for b in range(1, 40)}
    folded = fold(names)
    assert {host for host, _ in parse_hosts(folded, "-H")} == names
    # In their last number alone, so that equal beginnings are together.
    assert len(folded.split(",10.")) <= len({name.rpartition(".")[0] for name in names})
