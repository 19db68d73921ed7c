"""What the command line loads, and what it costs."""

import os
import subprocess
import sys

import pytest
from remctl.testing import Server

from tests.support.programs import pyremctl

#: What of the command line is loaded for one host; more than that needs a reason.
LOADED = {
    *("remctl._cli", "remctl._cli.connect", "remctl._cli.one", "remctl._cli.option"),
    *("remctl._cli.options", "remctl._cli.options_many", "remctl._cli.parse"),
    *("remctl._cli.streams", "remctl._cli.values", "remctl._cli.words"),
}
HEAVY = {
    *("argparse", "asyncio", "dataclasses", "enum", "inspect", "json", "logging", "re"),
    *("readline", "shlex", "signal", "socket", "subprocess", "tempfile", "typing"),
}
PRINT = "; sys.stderr.write('\\n'.join(set(sys.modules) - before))"
COMMAND_LINE = "from remctl._cli import main; main()"
CALL = "import remctl; remctl.Remctl('localhost', sys.argv[2]).run(['test', 'hello'])"


def loaded(*arguments: str, code: str = COMMAND_LINE) -> set[str]:
    """The modules that a command line loads, or other code."""
    code = f"import sys; before = set(sys.modules); {code}{PRINT}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return set(done.stderr.split())


def test_one_host_loads_what_it_needs_and_no_more(server: Server) -> None:
    words = ("-p", str(server.port), "localhost", "test", "hello")
    found = loaded(*words)
    assert {name for name in found if name.split(".")[:2] == ["remctl", "_cli"]} == LOADED
    assert found & HEAVY == set()
    # For the rest, what the call loads and the look-up of the host's name.
    assert found - LOADED - loaded(*words, code=CALL) <= {"_socket", "errno"}


def test_help_and_errors_load_no_kerberos() -> None:
    assert "remctl._remctl" not in loaded("-h")
    assert "remctl._remctl" not in loaded(code=COMMAND_LINE.replace("main()", "main(['-x'])"))


def test_nothing_of_the_package_loads_the_command_line() -> None:
    code = (
        "import sys, remctl; [getattr(remctl, name) for name in remctl.__all__]; "
        "print([name for name in sys.modules if name.split('.')[:2] == ['remctl', '_cli']])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout == "[]\n"


@pytest.mark.measures
def test_it_costs_little_more_than_python_and_the_call(server: Server) -> None:
    """At most 15 ms of processor time: the elapsed time is that of the machine's other work."""
    port = str(server.port)
    call = f"import remctl; remctl.remctl('localhost', {port}, None, ['test', 'status', '0'])"
    commands = {
        "python": ["-c", "pass"],
        "call": ["-c", call],
        "pyremctl": ["-m", "remctl", "-p", port, "localhost", "test", "status", "0"],
    }
    least = dict.fromkeys(commands, float("inf"))
    for _ in range(15):
        for name, arguments in commands.items():
            command = [sys.executable, *arguments]
            usage = os.wait4(os.posix_spawn(command[0], command, os.environ), 0)[2]
            least[name] = min(least[name], usage.ru_utime + usage.ru_stime)
    assert least["pyremctl"] - least["python"] < 0.015 + (least["call"] - least["python"])


def test_debugging_prints_what_the_package_logs(server: Server) -> None:
    done = pyremctl("-d", "-p", str(server.port), "localhost", "test", "hello", "nonce")
    assert done.stdout == b"hello nonce\n"
    where = f"pyremctl: localhost (port {server.port}): "
    said = done.stderr.decode().splitlines()
    assert all(line.startswith(where) for line in said)
    for beginning in ("connected to ", "authenticated, ", 'command "test hello": ', "status 0 "):
        assert any(line.startswith(where + beginning) for line in said), beginning
    assert "nonce" not in done.stderr.decode()
    assert said[-1] == f"{where}closed"


def test_a_word_that_is_read_is_not_logged(server: Server) -> None:
    port = str(server.port)
    done = pyremctl("-d", "-p", port, "--stdin", "localhost", "test", input=b"nonce")
    assert b'command "test ***": 2 arguments, 9 bytes' in done.stderr
    assert b"nonce" not in done.stderr


def test_the_module_is_the_command() -> None:
    assert pyremctl("-v").stdout.startswith(b"pyremctl ")
