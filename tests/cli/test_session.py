"""`pyremctl host` on a terminal."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from remctl.testing import Command, Realm, Server

from tests.support.terminal import END, INTERRUPT, Terminal, terminal

COMMANDS = {
    "demo": {
        "hello": "#!/bin/sh\necho hello ${2:-world}\n",
        "args": '#!/bin/sh\nshift\nprintf "[%s]" "$@"\necho\n',
        "bare": "#!/bin/sh\nprintf 'no newline'\n",
        "fail": "#!/bin/sh\nexit 7\n",
        "wait": "#!/bin/sh\necho waiting\nexec sleep 60\n",
        "flood": "#!/bin/sh\nexec yes\n",
        "where": '#!/bin/sh\necho "by $PPID"\n',
    }
}


@pytest.fixture
def demo(realm: Realm) -> Iterator[Server]:
    """A server for one test."""
    with realm.server(COMMANDS) as server:
        yield server


@pytest.fixture
def session(demo: Server) -> Iterator[Terminal]:
    """A session at its first prompt."""
    with terminal("-p", str(demo.port), "localhost") as screen:
        screen.wait_for("localhost> ")
        yield screen


def answer(session: Terminal, line: str) -> list[str]:
    """What a line typed is answered with."""
    before = len(session.lines)
    session.type(line + "\n")
    while not (len(session.lines) > before and re.match(r"localhost.*>$", session.lines[-1])):
        assert session.read()
    return session.lines[before:-1]


def test_commands_are_run_one_after_another_on_one_connection(session: Terminal) -> None:
    assert answer(session, "demo hello") == ["hello world"]
    assert answer(session, "demo hello you") == ["hello you"]
    (first,), (second,) = answer(session, "demo where"), answer(session, "demo where")
    assert first == second  # the process of the server that has the connection


def test_the_prompt_has_a_line_of_its_own_whatever_the_command_has_written(
    session: Terminal,
) -> None:
    assert answer(session, "demo bare") == ["no newline"]


def test_words_are_split_as_a_shell_does(session: Terminal) -> None:
    assert answer(session, r"""demo args 'two words' "a\"b" c\ d '' e#f""") == [
        '[two words][a"b][c d][][e#f]'
    ]
    assert answer(session, "demo args 'open") == ["pyremctl: no closing quotation"]
    assert answer(session, "   ") == []


def test_a_status_is_in_the_prompt_and_the_last_one_is_the_exit_status(
    session: Terminal,
) -> None:
    assert answer(session, "demo fail") == []
    assert session.lines[-1] == "localhost [7]>"
    session.type(END)
    assert session.end() == 7


def test_ctrl_d_leaves(session: Terminal) -> None:
    answer(session, "demo hello")
    session.type(END)
    assert session.end() == 0
    assert session.bytes.endswith(b"\r\n")


def test_errors_keep_the_session(session: Terminal) -> None:
    assert answer(session, "nosuch") == ["Unknown command"]
    assert session.lines[-1] == "localhost [255]>"
    assert answer(session, "demo hello") == ["hello world"]
    assert session.lines[-1] == "localhost>"


def test_help_asks_the_server(session: Terminal) -> None:
    assert answer(session, "help") == ["Unknown command"]  # this one has no summaries


def test_help_shows_what_the_server_has(realm: Realm) -> None:
    script = '#!/bin/sh\necho "what $1 says of $2"\n'
    options = {"summary": "--summary", "help": "--help"}
    commands = {"demo": {"hello": Command(script, options=options)}}
    with (
        realm.server(commands) as server,
        terminal("-p", str(server.port), "localhost") as session,
    ):
        session.wait_for("localhost> ")
        assert answer(session, "help") == ["what --summary says of hello"]
        assert answer(session, "help demo hello") == ["what --help says of hello"]


def test_ctrl_c_ends_the_command_and_keeps_the_session(session: Terminal) -> None:
    session.type("demo wait\n")
    session.wait_for("waiting")
    session.type(INTERRUPT)
    session.wait_for("localhost [130]>")
    assert answer(session, "demo hello") == ["hello world"]


def test_ctrl_c_ends_a_command_whose_output_waits_for_the_terminal(session: Terminal) -> None:
    session.type("demo flood\n")
    session.wait_for("y")
    # Nobody reads the terminal now: the session waits to write, and not for the server.
    session.wait_until_blocked()
    session.type(INTERRUPT)
    while not session.lines[-1].endswith("localhost [130]>"):
        assert session.read()
    session.screen.reset()
    assert answer(session, "demo hello") == ["hello world"]


# CPython's input() sees a signal that comes just before it waits with the next key only.
@pytest.mark.alone
def test_ctrl_c_at_the_prompt_takes_the_line_back(session: Terminal) -> None:
    session.type("demo fail")
    session.wait_for("demo fail")
    session.type(INTERRUPT)
    while session.lines != ["localhost> demo fail", "localhost>"]:
        assert session.read()
    assert answer(session, "demo hello") == ["hello world"]
    session.type(END)
    assert session.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_the_prompt_ends_it_and_the_terminal_echoes_again(
    session: Terminal, number: signal.Signals
) -> None:
    # The echo is turned off after the prompt is shown, and then it waits for a key.
    state = Path(f"/proc/{session.child.pid}/syscall")
    while session.child.getecho() or state.read_text().startswith("running"):
        os.sched_yield()
    session.child.kill(number)
    assert session.end() == -number
    assert session.child.getecho()
    assert b"Traceback" not in session.bytes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_while_a_command_runs(session: Terminal, number: signal.Signals) -> None:
    session.type("demo wait\n")
    session.wait_for("waiting")
    session.child.kill(number)
    assert session.end() == -number
    assert session.child.getecho()


def test_lines_can_be_edited_and_come_back(session: Terminal) -> None:
    assert answer(session, "demo hellx\x7fo") == ["hello world"]
    assert answer(session, "\x1b[A") == ["hello world"]


def test_a_server_that_comes_back_is_connected_to_again(session: Terminal, demo: Server) -> None:
    answer(session, "demo hello")
    demo.restart()
    assert answer(session, "demo hello") == ["hello world"]
    demo.stop()
    assert answer(session, "demo hello")[0].startswith("pyremctl: cannot connect to localhost")
    demo.start()
    assert answer(session, "demo hello") == ["hello world"]


def test_nothing_goes_to_disk(demo: Server, tmp_path: Path, realm: Realm) -> None:
    env = {"HOME": str(tmp_path)}
    with terminal("-p", str(demo.port), "localhost", env=os.environ | env) as screen:
        screen.wait_for("localhost> ")
        answer(screen, "demo hello")
        screen.type(END)
        assert screen.end() == 0
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_cannot_be_reached_has_no_session() -> None:
    with terminal("-p", "1", "localhost") as screen:
        assert screen.end() == 1
        assert screen.lines == [
            "pyremctl: cannot connect to localhost (port 1): Connection refused"
        ]


def test_arguments_from_elsewhere_go_with_a_command() -> None:
    with terminal("-p", "1", "--stdin", "localhost") as screen:
        assert screen.end() == 1
        assert screen.lines[0].startswith("pyremctl: an argument from elsewhere")
