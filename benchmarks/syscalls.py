"""Count the system calls of a bulk transfer: this package, the old binding, the C client.

Run by `scripts/dev syscalls`. Without `remctl-client` or `python3-pyremctl` its column is left out.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from remctl.testing import Realm

BYTES = Path(__file__).resolve().parents[1] / "tests" / "data" / "commands" / "bytes"
IN_PYTHON = """
import sys, remctl
r = remctl.Remctl("localhost", int(sys.argv[1]))
r.command(["test", "bytes", sys.argv[2]])
total = 0
while True:
    token = r.output()
    if token[0] == "output":
        total += len(token[1])
    else:
        break
assert total == int(sys.argv[2]), total
"""
NOTHING = "import sys, remctl"


def count(command: list[str]) -> tuple[dict[str, int], int]:
    """The calls of a command by name, and all of them."""
    with tempfile.NamedTemporaryFile("r") as file:
        args = ["strace", "-f", "-c", "-U", "calls,name", "-o", file.name, *command]
        subprocess.run(args, stdout=subprocess.DEVNULL, check=True)
        found = re.findall(r"^\s*(\d+)\s+(\w+)$", file.read(), re.MULTILINE)
    calls = {name: int(number) for number, name in found if name != "total"}
    return calls, sum(calls.values())


def works(command: list[str]) -> bool:
    """Whether a command can be run."""
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def main() -> None:
    """Measure, and write a page."""
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    size = str(mebibytes * 1024 * 1024)
    results: dict[str, dict[str, int]] = {}
    with Realm() as realm, realm.environ(), realm.server({"test": {"bytes": BYTES}}) as server:
        port = str(server.port)
        for name, python in {"pyremctl": sys.executable, "old": "/usr/bin/python3"}.items():
            if not works([python, "-c", NOTHING]):
                continue
            idle, _ = count([python, "-c", NOTHING])
            calls, _ = count([python, "-c", IN_PYTHON, port, size])
            # What the start of the interpreter takes is not the transfer's.
            results[name] = {k: max(0, v - idle.get(k, 0)) for k, v in calls.items()}
        client = ["remctl", "-p", port, "localhost", "test", "bytes"]
        if works([*client, "1"]):
            idle, _ = count([*client, "1"])
            calls, _ = count([*client, size])
            results["C client"] = {k: max(0, v - idle.get(k, 0)) for k, v in calls.items()}
    write(mebibytes, results)


def write(mebibytes: int, results: dict[str, dict[str, int]]) -> None:
    """The page, in Markdown."""
    titles = {"old": "upstream's binding", "C client": "`remctl` of C"}
    print(
        "# System calls of a bulk transfer\n\n"
        "This page is for maintainers who work on speed: it counts the system calls of a bulk "
        "transfer.\n\n"
        f"Made by `scripts/dev syscalls {mebibytes}`: a command whose output is "
        f"{mebibytes} MiB, read token by token on loopback, under `strace -f -c`. What the start "
        "of the interpreter takes (for the C client: a command with one byte of output) is "
        "taken off. How many tokens the output comes in is up to `remctld`, which sends what it "
        "reads from the command: it varies from run to run, and all columns with it.\n"
    )
    names = list(results)
    print("| call | " + " | ".join(titles.get(name, name) for name in names) + " |")
    print("|---|" + "---:|" * len(names))
    calls = {call for result in results.values() for call in result}
    ordered = sorted(
        calls, key=lambda call: -max(result.get(call, 0) for result in results.values())
    )
    for call in ordered[:10]:
        print(f"| `{call}` | " + " | ".join(f"{results[n].get(call, 0):,}" for n in names) + " |")
    print("| all | " + " | ".join(f"{sum(results[name].values()):,}" for name in names) + " |")
    print(
        "\nThe old binding and the C client read each token's header and data with calls of "
        "their own, each after a wait when a timeout is set. This package receives up to 256 KiB "
        "at once from the network, and hands it to libremctl through a local socket pair: the "
        "library's two reads a token are made there, where they never wait, and one `sendto` "
        "for each large receive is added."
    )


if __name__ == "__main__":
    main()
