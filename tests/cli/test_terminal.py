"""What a server sends, on a terminal and off it."""

import fcntl
import os
import subprocess
import sys
import termios
import unicodedata
from array import array
from collections.abc import Iterator

import pytest
from remctl._cli.terminal import Harmless, harmless
from remctl.testing import Command, Realm, Server

from tests.support.programs import PYREMCTL
from tests.support.terminal import terminal

# A title, colours, going back over a line, an answer typed in the user's name.
ATTACK = b"\x1b]0;owned\x07\x1b[31mred\x1b[0m\rover\x08\x9b31m\xc2\x9b5n\x1b[6n \xe2\x80\xaeevil\n"


class TestHarmless:
    def shown(self, *pieces: bytes) -> bytes:
        one = Harmless()
        return b"".join([*map(one.feed, pieces), one.feed(b"", final=True)])

    @pytest.mark.parametrize(
        ("data", "shown"),
        [
            (b"plain text\n\ttab\n", b"plain text\n\ttab\n"),
            ("ünïcode ✓\n".encode(), "ünïcode ✓\n".encode()),
            (b"\x1b[31m", b"^[[31m"),
            (b"\x00\x07\x08\x7f", b"^@^G^H^?"),
            (b"one\rtwo", b"one^Mtwo"),
            (b"dos\r\n", b"dos\n"),
            (b"\x9b31m", b"\\x9b31m"),
            (b"\xc2\x9b31m", b"\\x9b31m"),
            ("\u202eevil\u2066".encode(), b"\\u202eevil\\u2066"),
            (b"\xff\xc3", b"\\xff\\xc3"),
            (b"end\r", b"end^M"),
        ],
    )
    def test_shows_what_a_terminal_would_obey(self, data: bytes, shown: bytes) -> None:
        assert self.shown(data) == shown

    @pytest.mark.parametrize("data", [ATTACK, "ünï\r\ncode ✓ \U0001f600\r\n".encode(), b"\r\r\n"])
    def test_it_does_not_matter_where_the_bytes_are_cut(self, data: bytes) -> None:
        whole = self.shown(data)
        assert self.shown(*(data[i : i + 1] for i in range(len(data)))) == whole
        for cut in range(len(data)):
            assert self.shown(data[:cut], data[cut:]) == whole

    def test_no_character_of_control_or_direction_is_left(self) -> None:
        for code in range(sys.maxunicode + 1):
            character = chr(code)
            direction = unicodedata.bidirectional(character)
            if unicodedata.category(character) in ("Cc", "Zl", "Zp") or direction in (
                *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"),
            ):
                expected = character in "\t\n"
                assert (character in harmless(character)) == expected, hex(code)


@pytest.fixture(scope="module")
def evil(realm: Realm) -> Iterator[Server]:
    """A server whose command prints what a terminal should not obey."""
    octal = "".join(f"\\{byte:03o}" for byte in ATTACK)
    script = f"#!/bin/sh\nprintf '{octal}'\nprintf '{octal}' >&2\n"
    with realm.server({"test": {"evil": Command(script)}}) as server:
        yield server


def test_on_a_terminal_nothing_of_it_is_obeyed(evil: Server) -> None:
    with terminal("-p", str(evil.port), "localhost", "test", "evil") as screen:
        assert screen.end() == 0
        assert not set(screen.bytes.replace(b"\r\n", b"\n")) & {0x1B, 0x07, 0x08, 0x0D, 0x9B}
        assert (
            screen.lines == [r"^[]0;owned^G^[[31mred^[[0m^Mover^H\x9b31m\x9b5n^[[6n \u202eevil"] * 2
        )


def test_off_a_terminal_it_is_as_it_is(evil: Server) -> None:
    command = [*PYREMCTL, "-p", str(evil.port), "localhost", "test", "evil"]
    done = subprocess.run(command, capture_output=True, timeout=30)
    assert (done.stdout, done.stderr) == (ATTACK, ATTACK)


def test_what_is_cut_in_the_middle_of_a_character_is_shown_at_the_end(server: Server) -> None:
    with terminal("-p", str(server.port), "localhost", "test", "octets") as screen:
        assert screen.end() == 0
        assert b"\\xfe\\xff" in screen.bytes


def test_messages_name_hosts_harmlessly() -> None:
    with terminal("a\x1b[31mb", "x") as screen:
        assert screen.end() == 1
        assert screen.lines[0].startswith("pyremctl: cannot resolve host a^[[31mb: ")


def test_output_arrives_while_the_command_runs(server: Server) -> None:
    command = [*PYREMCTL, "-p", str(server.port), "localhost", "test", "stream", "3", "0.3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 100) == b"line 1\n"
        assert process.poll() is None


def test_a_descriptor_that_does_not_block_gets_it_all(server: Server) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    command = [*PYREMCTL, "-p", str(server.port), "localhost", "test", "bytes", "500000"]
    with subprocess.Popen(command, stdout=writer) as process:
        os.close(writer)
        # It is full, and the next write would block.
        waiting = array("i", [0])
        while waiting[0] < 65536 and process.poll() is None:
            fcntl.ioctl(reader, termios.FIONREAD, waiting)
        with open(reader, "rb") as file:
            assert len(file.read()) == 500000
        assert process.wait(30) == 0


def test_closed_descriptors_are_not_those_of_a_connection(server: Server) -> None:
    command = [*PYREMCTL, "-p", str(server.port), "localhost", "test", "hello"]
    script = 'exec "$@" <&- >&-'
    done = subprocess.run(["sh", "-c", script, "sh", *command], stderr=subprocess.PIPE, timeout=30)
    assert done.stderr == (b"pyremctl: local write of command output failed: Bad file descriptor\n")
    assert done.returncode == 1
