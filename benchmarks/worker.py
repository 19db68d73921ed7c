"""A client in Python, of either binding or of the program `remctl`.

    worker.py HOST PORT PRINCIPAL SCENARIO [ARGUMENT]

The statements are the same for this package and for the old binding: which one it is depends
on the interpreter alone. Scenarios that begin with `program-` run the C program through
`subprocess`, as many scripts do. It prints a line when it is ready; for each number on standard
input it runs the scenario so many times and prints the nanoseconds that each took, in one line
of JSON. c_client.c does the same in C.
"""

import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable

HOST, PORT, PRINCIPAL, SCENARIO, ARGUMENT = (*sys.argv[1:], "hello")[:5]

if not SCENARIO.startswith("program-"):
    import remctl

    wanted = ["Remctl", "remctl", *(["run_many"] if SCENARIO == "many" else [])]
    for name in wanted:  # loaded now, and not where something is measured
        getattr(remctl, name)


def timed(call: Callable[[], object]) -> int:
    """The nanoseconds that a call takes."""
    start = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - start


def in_threads(call: Callable[[], object]) -> int:
    """The nanoseconds that ARGUMENT threads take, each with one call."""
    threads = [threading.Thread(target=call) for _ in range(int(ARGUMENT))]
    start = time.perf_counter_ns()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter_ns() - start


def program(*words: str) -> None:
    """The simple call, by way of the program."""
    command = ["remctl", "-p", PORT, "-s", PRINCIPAL, HOST, "bench", *words]
    subprocess.run(command, capture_output=True, check=True)


def simple(*words: str) -> None:
    """The simple call."""
    result = remctl.remctl(HOST, PORT, PRINCIPAL, ["bench", *words])
    if result.status != 0:
        raise AssertionError(result)


def connect() -> "remctl.Remctl":
    """Open a connection."""
    return remctl.Remctl(HOST, PORT, PRINCIPAL)


def read_answer() -> None:
    """Read the answer to a command, to its end."""
    output = session.output
    while output()[0] != "done":
        pass


def roundtrip(*words: "str | bytes") -> None:
    """A command and its answer on the open connection."""
    session.command(["bench", *words])
    read_answer()


def opening() -> int:
    """Only the opening counts."""
    start = time.perf_counter_ns()
    connection = connect()
    taken = time.perf_counter_ns() - start
    connection.close()
    return taken


def drained() -> int:
    """Reading ARGUMENT lines, a token each, that have all come already."""
    session.command(["bench", "lines", ARGUMENT])
    time.sleep(0.02 + 0.0002 * int(ARGUMENT))
    return timed(read_answer)


def many_arguments() -> int:
    """A command with ARGUMENT arguments."""
    words = ["nothing", *["x"] * int(ARGUMENT)]
    return timed(lambda: roundtrip(*words))


def addresses() -> "list[str]":
    """ARGUMENT hosts, which are all the same server."""
    return [f"127.{i // 62500 + 1}.{i // 250 % 250}.{i % 250 + 1}" for i in range(int(ARGUMENT))]


def on_hosts() -> None:
    """A command on each of them, 64 at a time."""
    hosts, command = addresses(), ["bench", "hello"]
    for outcome in remctl.run_many(hosts, command, limit=64, port=PORT, principal=PRINCIPAL):
        outcome.check()


def by_threads(call: Callable[[int], object]) -> int:
    """The nanoseconds that ARGUMENT calls take, 64 at a time."""
    from concurrent.futures import ThreadPoolExecutor

    start = time.perf_counter_ns()
    with ThreadPoolExecutor(64) as pool:
        for _ in pool.map(call, range(int(ARGUMENT))):
            pass
    return time.perf_counter_ns() - start


def crowd() -> int:
    """ARGUMENT connections: they are opened the first time, and run a command each the second."""
    if kept:
        return by_threads(lambda number: kept[number].run(["bench", "sleep", "1"]))
    return by_threads(lambda _: kept.append(connect()))


def streamed() -> None:
    """ARGUMENT bytes of output, as they arrive."""
    with session.stream(["bench", "bytes", ARGUMENT]) as tokens:
        for _ in tokens:
            pass


def program_on_hosts() -> None:
    """The same by xargs and the program."""
    words = ["-I{}", "remctl", "-p", PORT, "-s", PRINCIPAL, "{}", "bench", "hello"]
    hosts = "\n".join(addresses()).encode()
    subprocess.run(["xargs", "-P", "64", *words], input=hosts, capture_output=True, check=True)


session: "remctl.Remctl"
kept: "list[remctl.Remctl]" = []
data = b"x" * (int(ARGUMENT) if SCENARIO == "input" else 0)

SCENARIOS: "dict[str, Callable[[], int]]" = {
    "oneshot": lambda: timed(lambda: simple(ARGUMENT)),
    "kept": lambda: timed(lambda: simple("bytes", ARGUMENT)),
    "open": opening,
    "held": lambda: timed(lambda: kept.append(connect())),
    "roundtrip": lambda: timed(lambda: roundtrip(ARGUMENT)),
    "noop": lambda: timed(session.noop),
    "bulk": lambda: timed(lambda: roundtrip("bytes", ARGUMENT)),
    "lines": drained,
    "input": lambda: timed(lambda: roundtrip("stdin", data)),
    "arguments": many_arguments,
    "threads": lambda: in_threads(lambda: simple("sleep", "0.2")),
    "many": lambda: timed(on_hosts),
    "shots": lambda: by_threads(lambda _: simple("nothing")),
    "crowd": crowd,
    "stream": lambda: timed(streamed),
    "run": lambda: timed(lambda: session.run(["bench", ARGUMENT])),
    "program-many": lambda: timed(program_on_hosts),
    "program-oneshot": lambda: timed(lambda: program(ARGUMENT)),
    "program-threads": lambda: in_threads(lambda: program("sleep", "0.2")),
}

SESSIONS = ("roundtrip", "noop", "bulk", "lines", "input", "arguments", "stream", "run")

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
if SCENARIO.startswith("program-"):
    program("hello")
else:
    connect().close()  # so that every first time is over
    if SCENARIO in SESSIONS:
        session = connect()
print("[]", flush=True)
run = SCENARIOS[SCENARIO]
for line in sys.stdin:
    print(json.dumps([run() for _ in range(int(line))]), flush=True)
