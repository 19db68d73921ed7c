"""Run the tests with the extension built under a sanitizer: any report is a failure.

    scripts/dev sanitized asan|tsan [ARGUMENT OF PYTEST...]

asan is AddressSanitizer with UndefinedBehaviorSanitizer, tsan is ThreadSanitizer. The C++ tests
run, and without arguments those of the engine in Python. Python, libkrb5 and libremctl are as they
are: only our code is looked at, and what it hands to them.
"""

import re
import subprocess
import sys
from dataclasses import dataclass

from devkit import PACKAGES, ROOT, Prepared, prepare, say, usage
from devkit.reports import complain

TESTS = ["tests/faults", "tests/concurrency"]


@dataclass(frozen=True)
class Sanitizer:
    """One of them, or two that go together."""

    flags: str
    libraries: tuple[str, ...]
    options: dict[str, str]  # its variables
    marks: str  # the tests that it can run


SANITIZERS = {
    "asan": Sanitizer(
        flags="address,undefined",
        libraries=("libasan.so", "libubsan.so"),
        options={
            # CPython and libkrb5 keep memory until the end on purpose.
            "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1:exitcode=66",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        },
        # A fork leaves locks of its own as they are, its allocator's and that of its list of
        # threads: a child waits for ever for one that a thread of the parent's has held.
        marks="not measures and not forks_in_a_crowd",
    ),
    "tsan": Sanitizer(
        flags="thread",
        libraries=("libtsan.so",),
        # Threads that are left behind at the end of a process are no mistake.
        options={
            "TSAN_OPTIONS": f"suppressions={ROOT}/scripts/devkit/tsan-suppressions:exitcode=66"
            ":history_size=7:second_deadlock_stack=1:die_after_fork=0:report_thread_leaks=0"
        },
        # In the child of a fork it follows no threads, and considers mutexes locked that the child
        # has reset.
        marks="not measures and not forks",
    ),
}


def run_native(here: Prepared, kind: str, flags: str) -> None:
    """The C++ tests; the probes among them must be reported."""
    folder = f"build/native-{kind}"
    options = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", f"-DSANITIZE={flags}"]
    here.run("cmake", "-S", "tests/native", "-B", folder, *options)
    here.run("cmake", "--build", folder)
    here.run("ctest", "--test-dir", folder, "--output-on-failure")


def built_with(here: Prepared) -> None:
    """Refuse an extension in which the sanitizer is not."""
    find = "import importlib.util as u; print(u.find_spec('remctl').submodule_search_locations[0])"
    module = next((ROOT / here.output("python", "-c", find)).glob("_remctl*.so"))
    if not re.search(r"__(asan|tsan)_", here.output("nm", "-D", module)):
        sys.exit(f"{module} is built without the sanitizer")


def main() -> None:
    """Run the C++ tests, and pytest with the extension."""
    usage(__doc__)
    if sys.argv[1:2] not in [[kind] for kind in SANITIZERS]:
        sys.exit(f"{sys.argv[0]}: it takes {' or '.join(SANITIZERS)}")
    kind, tests = sys.argv[1], sys.argv[2:] or TESTS
    sanitizer = SANITIZERS[kind]
    # What an object's type is (vptr) is left to the C++ tests: where descriptors have run out the
    # sanitizer cannot look, and takes every object for none.
    flags = (
        f"-fsanitize={sanitizer.flags} -fno-sanitize=vptr -fno-sanitize-recover=undefined"
        " -fno-omit-frame-pointer -g1 -O1"
    )
    install = [
        *["-C", f"build-dir=build/{kind}", "-C", "install.strip=false"],
        *["-C", f"'cmake.define.CMAKE_CXX_FLAGS={flags}'"],
        "-C cmake.build-type=RelWithDebInfo",  # pybind11 takes the names away in any other
    ]
    packages = [*PACKAGES, "doctest-dev", "iproute2"]
    here = prepare(kind, "test", packages=packages, install=install)
    say(f"C++ tests under {sanitizer.flags}")
    run_native(here, kind, sanitizer.flags)
    built_with(here)

    say(f"Python tests under {sanitizer.flags}")
    folder = ROOT / "build" / kind
    for report in folder.glob("report.*"):
        report.unlink()
    env = here.env | {
        name: f"{sanitizer.options.get(name, '')}:log_path={folder}/report"
        for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")
    }
    env |= {name: value for name, value in sanitizer.options.items() if name not in env}
    libraries = [*sanitizer.libraries, "libstdc++.so"]
    preloaded = [here.output("g++", f"-print-file-name={library}") for library in libraries]
    pytest = ["python", "-m", "pytest", "-p", "no:cacheprovider", "-m", sanitizer.marks, *tests]
    # For the process of the tests alone.
    command = ["env", f"LD_PRELOAD={' '.join(preloaded)}", *pytest]
    status = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
    complain(folder.glob("report.*"), status, sanitizer.flags)
