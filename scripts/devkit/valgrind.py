"""Run the tests under valgrind's memcheck: any report is a failure.

    scripts/dev valgrind [ARGUMENT OF PYTEST...]

The C++ tests run, and without arguments those of the interface in Python, as many at once as there
are processors. Unlike under AddressSanitizer (`scripts/dev sanitized`) libremctl and libkrb5 are
looked at too, and memory that nobody has given a value; what is never freed is left to it.
"""

import os
import subprocess
import sys
from pathlib import Path

from devkit import PACKAGES, ROOT, prepare, say, usage
from devkit.reports import complain

# Not those that have a tenth of a second to end a call.
TESTS = [
    "tests/interface",
    "tests/asynchronous",
    "--ignore",
    "tests/asynchronous/test_cancelling.py",
]
FOLDER = ROOT / "build" / "valgrind"
# Threads take turns: else one that waits for another keeps the processor that this one needs.
# Of an ioctl that it does not know (TIOCGPTPEER) it takes what the kernel says.
LOOK = [
    *["valgrind", "-q", "--fair-sched=yes", "--sim-hints=lax-ioctls", "--num-callers=30"],
    *["--error-exitcode=66", f"--suppressions={ROOT}/scripts/devkit/valgrind-suppressions"],
]
# Each worker of pytest's, and not the servers that it starts.
WORKER = """#!/bin/sh
PYTHONMALLOC=malloc exec {look} --log-file={folder}/report.%p {python} "$@"
"""


def main() -> None:
    """Run the C++ tests, see that a fault is reported, and run pytest."""
    usage(__doc__)
    here = prepare(
        "valgrind",
        "test",
        packages=[*PACKAGES, "doctest-dev", "valgrind", "iproute2"],
        install=[
            *["-C", "build-dir=build/valgrind-extension", "-C", "install.strip=false"],
            *["-C", "cmake.build-type=RelWithDebInfo"],
        ],
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    for report in FOLDER.glob("report.*"):
        report.unlink()
    say("C++ tests under valgrind")
    native = ROOT / "build" / "native"
    here.run("cmake", "-S", "tests/native", "-B", native, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug")
    here.run("cmake", "--build", native)
    here.run(*LOOK, native / "native")
    probe: list[str | Path] = [*LOOK, native / "probe", "heap-use-after-free"]
    probed = subprocess.run(probe, env=here.env, check=False, capture_output=True, text=True).stderr
    if "Invalid read" not in probed:
        sys.exit(f"valgrind reports nothing where it has to: {probed}")

    python = FOLDER / "python"
    interpreter = here.output("sh", "-c", "command -v python")
    python.write_text(WORKER.format(look=" ".join(LOOK), folder=FOLDER, python=interpreter))
    python.chmod(0o755)
    say("Python tests under valgrind")
    pytest = [
        *["python", "-m", "pytest", "-p", "no:cacheprovider", "--timeout", "900"],
        *["-m", "not measures and not forks_in_a_crowd", "--dist", "loadfile"],
        *["--tx", f"{os.cpu_count()}*popen//python={python}", *(sys.argv[1:] or TESTS)],
    ]
    status = subprocess.run(pytest, cwd=ROOT, env=here.env, check=False).returncode
    if not any(FOLDER.glob("report.*")):
        sys.exit("no worker ran under valgrind")
    complain(FOLDER.glob("report.*"), status, "valgrind")
