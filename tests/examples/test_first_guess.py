"""Programs as they are written at the first try work, or are told what to write."""

import subprocess
import sys
from pathlib import Path

import pytest
from remctl.testing import Server

PROGRAMS = sorted(Path(__file__).parent.joinpath("first_guess").glob("[a-z]*.py"))

PRINTED = {
    "tell_failures_apart": """
done
status 3
denied, never
unknown_command, never
run kinit
connect, later
""",
    "try_again": """
nobody listens: 3
unknown command: 1
it works: 1
""",
    "follow_output": """
1 b'hello world\\n'
log follow on localhost: Unknown command
hello world
""",
    "prefix_lines": """
localhost out: line 1
localhost out: line 2
status 0
""",
    "ask_many": """
127.0.0.1 connect None
localhost 0 b'hello world\\n' hello world
""",
    "host_and_port": """
resolve
for a host with a port write Target.parse("nohost.invalid:PORT")
""",
    "say_where": """
<remctl.Remctl closed> None
<remctl.Remctl localhost open> True host/localhost
test denied on localhost: Access denied
<remctl.Remctl localhost closed>
""",
    "look_at_result": """
ok: ['out 1', 'out 2']
4 ['err 1', 'err 2']
""",
    "write_commands": """
1
9:two words,

command must be a sequence or iterator, not one text: write ['test', 'hello']
command must be a sequence or iterator, not a set, which has no order
command argument 1 must be a str, bytes or one value, not list
command argument 1 must be a str, bytes or one value, not builtin_function_or_method
""",
    "do_not_wait": """
timeout True False
0
""",
}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_it_prints(server: Server, program: Path) -> None:
    command = [sys.executable, str(program), server.host, str(server.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    expected = PRINTED[program.stem].replace("PORT", str(server.port)).removeprefix("\n")
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)


def test_there_are_ten() -> None:
    assert {program.stem for program in PROGRAMS} == set(PRINTED)
    assert len(PROGRAMS) == 10
