"""Run the C++ tests of threads with random pauses at every lock, wake-up and wait.

    scripts/dev races [--seconds N] [--tsan] [--first N]

Each round of the tests has another sequence of pauses (tests/native/pauses.cpp), for a minute
unless told otherwise; `scripts/test native` runs a short round. --tsan: under ThreadSanitizer. A
test that fails or hangs ends it, and the number of the round is printed: `--first` starts with it.
"""

import argparse
import os
import subprocess
import sys
import time

from devkit import PACKAGES, ROOT, prepare, say, usage

TESTS = "*test_races.cpp,*test_turns.cpp,*test_job.cpp,*test_ledger.cpp"
SPIN = "threads that end one session at once end it once"  # two that wait for each other, busily
LONGEST = 120  # seconds of a round


def main() -> None:
    """Build the C++ tests, and run them until the time is over."""
    usage(__doc__)
    parser = argparse.ArgumentParser(prog="scripts/dev races")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--tsan", action="store_true")
    parser.add_argument("--first", type=int, default=1)
    options = parser.parse_args()
    here = prepare("races", packages=[*PACKAGES, "doctest-dev"])
    sanitize = "thread" if options.tsan else ""
    folder = ROOT / "build" / ("native-thread" if options.tsan else "native")
    build = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", f"-DSANITIZE={sanitize}"]
    here.run("cmake", "-S", "tests/native", "-B", folder, *build)
    here.run("cmake", "--build", folder)

    say(f"threads with random pauses, for {options.seconds:g} seconds")
    end = time.monotonic() + options.seconds
    number = options.first
    while time.monotonic() < end or number == options.first:
        env = here.env | {"PAUSES": str(number)}
        command = [str(folder / "native"), f"--source-file={TESTS}", f"--test-case-exclude={SPIN}"]
        try:
            done = subprocess.run(
                command, env=env, timeout=LONGEST, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired as hung:
            sys.exit(f"{os.fsdecode(hung.stdout or b'')}\nround {number} hangs")
        if done.returncode:
            sys.exit(f"{done.stdout}{done.stderr}\nround {number} fails")
        number += 1
    print(f"{number - options.first} rounds, from {options.first} on: nothing was found")


if __name__ == "__main__":
    main()
