"""Commands of the test server that are Python functions."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import remctl
from remctl.testing import Answer, Call, Command, Realm, Server

from tests.support.ids import shown


def run(server: Server, *command: str | bytes) -> remctl.RemctlSimpleResult:
    return remctl.remctl(server.host, server.port, command=["test", *command])


def serve(realm: Realm, function: Callable[[Call], Answer]) -> Server:
    return realm.server({"test": {"it": function}})


def test_is_told_what_is_asked(realm: Realm) -> None:
    calls: list[Call] = []
    with serve(realm, calls.append) as server:
        assert run(server, "it", "a b", "", "ü", b"\xff") == remctl.RemctlSimpleResult(status=0)
        (call,) = calls
        assert call.command == ("test", "it", "a b", "", "ü", "\udcff")
        assert call.args == ("a b", "", "ü", "\udcff")
        assert call.stdin == b""
        assert call.user == realm.user
        assert call.env["REMOTE_ADDR"] == "127.0.0.1"
        assert (call.host, call.port) == (server.host, server.port)


def test_is_given_standard_input(realm: Realm) -> None:
    def both(call: Call) -> Answer:
        return (call.stdin, " ".join(call.args), 0)

    data = bytes(range(256)) * 1000
    with realm.server({"test": {"it": Command(both, stdin="last")}}) as server:
        assert run(server, "it", "x", "y", data) == remctl.RemctlSimpleResult(data, b"x y", 0)


def test_without_a_subcommand(realm: Realm) -> None:
    with realm.server({"test": {"EMPTY": lambda call: repr(call.command)}}) as server:
        assert run(server).stdout == b"('test',)"


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (b"\xff\x00", (b"\xff\x00", None, 0)),
        ("ü", ("ü".encode(), None, 0)),
        ("\udcff", (b"\xff", None, 0)),
        ("", (None, None, 0)),
        (None, (None, None, 0)),
        (7, (None, None, 7)),
        (255, (None, None, 255)),
        (("out", b"err", 3), (b"out", b"err", 3)),
        ((None, "err", 0), (None, b"err", 0)),
        (b"x" * 1000000, (b"x" * 1000000, None, 0)),
    ],
    ids=lambda value: shown(value)[:20],
)
def test_answers(realm: Realm, answer: Answer, result: tuple[bytes, bytes, int]) -> None:
    with serve(realm, lambda _: answer) as server:
        assert run(server, "it") == remctl.RemctlSimpleResult(*result)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (256, "ValueError: a status is from 0 to 255, not 256"),
        (-1, "ValueError: a status is from 0 to 255, not -1"),
        (True, "TypeError: a status is an int, not True"),
        (("a", "b"), r"TypeError: an answer is (stdout, stderr, status), not ('a', 'b')"),
        (("a", "b", None), "TypeError: a status is an int, not None"),
        (1.5, "TypeError: an answer is bytes, a str, an int, None or three of them, not 1.5"),
    ],
)
def test_what_is_no_answer(realm: Realm, answer: Answer, error: str) -> None:
    with serve(realm, lambda _: answer) as server:
        result = run(server, "it")
        assert (result.stdout, result.status) == (None, 255)
        assert (result.stderr or b"").decode() == error + "\n"


def test_an_exception_is_status_255_and_a_traceback(realm: Realm) -> None:
    def fails(call: Call) -> Answer:
        raise LookupError(call.args[0])

    with serve(realm, fails) as server:
        result = run(server, "it", "this")
        assert (result.stdout, result.status) == (None, 255)
        first, place, *_, last = (result.stderr or b"").decode().splitlines()
        assert first.startswith("Traceback")
        assert __file__ in place
        assert place.endswith("in fails")
        assert last == "LookupError: this"
        (error,) = server.exceptions
        assert isinstance(error, LookupError)
        assert error.args == ("this",)


def test_a_failed_assertion_of_pytest_is_an_exception(realm: Realm) -> None:
    with serve(realm, lambda _: pytest.fail("no")) as server:
        assert run(server, "it").status == 255
        assert "no" in str(server.exceptions[0])


@pytest.mark.parametrize(
    ("code", "result"),
    [(None, (None, None, 0)), (3, (None, None, 3)), ("usage", (None, b"usage\n", 1))],
)
def test_sys_exit_is_as_in_a_script(
    realm: Realm, code: int | str | None, result: tuple[bytes, bytes, int]
) -> None:
    with serve(realm, lambda _: sys.exit(code)) as server:
        assert run(server, "it") == remctl.RemctlSimpleResult(*result)
        assert server.exceptions == []


def test_calls_are_side_by_side(realm: Realm) -> None:
    barrier = threading.Barrier(4, timeout=10)

    def meets(_: Call) -> Answer:
        return str(barrier.wait())

    with serve(realm, meets) as server:
        results: list[bytes | None] = []
        threads = [
            threading.Thread(target=lambda: results.append(run(server, "it").stdout))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [b"0", b"1", b"2", b"3"]  # type: ignore[type-var]


def test_works_after_a_restart(realm: Realm) -> None:
    with serve(realm, lambda _: "here") as server:
        for _ in range(2):
            server.restart()
            assert run(server, "it").stdout == b"here"


def test_stopping_the_server_does_not_wait_for_a_call(realm: Realm) -> None:
    called, go_on = threading.Event(), threading.Event()

    def waits(_: Call) -> Answer:
        called.set()
        go_on.wait(60)
        return None

    with serve(realm, waits) as server:
        with remctl.Remctl(server.host, server.port) as connection:
            connection.command(["test", "it"])
            assert called.wait(10)
            server.stop()
            with pytest.raises(remctl.RemctlError):
                connection.output()
        go_on.set()


def test_leaves_no_thread_and_no_descriptor(realm: Realm) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    with serve(realm, lambda _: None) as server:
        run(server, "it")
    for thread in threading.enumerate():
        if thread.daemon:
            thread.join(10)
    assert descriptors() == before
    assert list(server.folder.glob("calls")) == []


def test_a_server_without_functions_has_no_thread(realm: Realm) -> None:
    before = threading.active_count()
    with realm.server({"test": {"it": "/bin/true"}}):
        assert threading.active_count() == before


def test_in_a_folder_with_a_long_name(tmp_path: Path) -> None:
    """Sockets have paths of 107 bytes at most."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    code = (
        "import subprocess\n"
        "from remctl.testing import Realm\n"
        "with Realm() as realm, realm.environ():\n"
        "    with realm.server({'test': {'it': lambda call: 'hello'}}) as server:\n"
        "        command = ['remctl', '-p', str(server.port), 'localhost', 'test', 'it']\n"
        "        assert subprocess.check_output(command) == b'hello'\n"
    )
    env = os.environ | {"TMPDIR": str(folder)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
