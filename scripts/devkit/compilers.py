"""Check every C++ file of the repository with compilers that are named, warnings as errors.

    python -m devkit.compilers g++-13 clang++-19 clang++-19/libc++
    python -m devkit.compilers --crowded g++

Files are checked, not linked. --crowded includes every header of the standard library before the
file's own: a call must mean the same whatever headers happen to be included. An unqualified call
with an argument of a type of the standard library finds functions of std:: as well.

Run by a Python that has pybind11, with scripts/ in PYTHONPATH and the headers of libremctl,
Kerberos and doctest installed; `scripts/dev compile` makes such an environment.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pybind11

from devkit import ROOT

FOLDERS = ["src", "tests/native", "tests/fuzz"]
FLAGS = ["-std=c++20", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
# Of the package itself, not of its tests (as in their CMakeLists.txt).
STRICT = ["-Wconversion"]
# Without what is deprecated (codecvt, strstream), and execution, which may need Intel's TBB.
HEADERS = """
algorithm any array atomic barrier bit bitset cctype cerrno cfenv cfloat charconv chrono cinttypes
climits clocale cmath compare complex concepts condition_variable coroutine csetjmp csignal
cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception
expected filesystem flat_map flat_set format forward_list fstream functional future generator
initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map mdspan
memory memory_resource mutex new numbers numeric optional ostream print queue random ranges ratio
regex scoped_allocator semaphore set shared_mutex source_location span spanstream sstream stack
stacktrace stdexcept stdfloat stop_token streambuf string string_view syncstream
system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility
valarray variant vector version
"""


def sources() -> list[Path]:
    """Every C++ file that is compiled by itself."""
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.cpp"))


def includes(generated: Path) -> list[str]:
    """Where the files find what they include."""
    template = (ROOT / "src/build_info.hpp.in").read_text()
    (generated / "build_info.hpp").write_text(re.sub(r"@\w+@", "", template))
    ours = [ROOT / "src", ROOT / "tests/native", generated]
    others = [sysconfig.get_path("include"), pybind11.get_include()]
    pkg_config = ["pkg-config", "--cflags", "libremctl", "krb5-gssapi"]
    done = subprocess.run(pkg_config, stdout=subprocess.PIPE, text=True, check=True)
    flags = [f"-I{folder}" for folder in ours]
    for folder in others:
        flags += ["-isystem", folder]
    return flags + shlex.split(done.stdout)


def crowd(folder: Path, compiler: list[str]) -> list[str]:
    """What includes all that this compiler's library has; compiled once."""
    header = folder / "crowd.hpp"
    names = HEADERS.split()
    lines = [f"#if __has_include(<{name}>)\n#include <{name}>\n#endif\n" for name in names]
    header.write_text("".join(lines))
    compiled = [*compiler, "-x", "c++-header", str(header), "-o", f"{header}.gch"]
    subprocess.run(compiled, check=True)
    return ["-include", str(header)]


def check(name: str, crowded: bool, files: list[Path]) -> bool:
    """Whether one compiler takes all files; what it says of the others is printed."""
    program, _, library = name.partition("/")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pyremctl-compile.") as temporary:
        folder = Path(temporary)
        compiler = [program, *FLAGS, *([f"-stdlib={library}"] if library else [])]
        first = crowd(folder, compiler) if crowded else []
        rest = ["-fsyntax-only", '-DPYREMCTL_VERSION=""', *includes(folder)]

        def passes(path: Path) -> bool:
            strict = STRICT if ROOT / "src" in path.parents else []
            command = [*compiler, *first, *strict, *rest, str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{name}: {path}", done.stderr, sep="\n", flush=True)
            return done.returncode == 0

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            passed = list(pool.map(passes, files))
    version = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True)
    what = f"{version.stdout.splitlines()[0]}{' with ' + library if library else ''}"
    count = f"{sum(passed)} of {len(files)} files"
    print(f"{what}: {count}, {time.monotonic() - started:.0f} s", flush=True)
    return all(passed)


def main() -> None:
    """Ask all compilers, also after one that refuses a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--crowded", action="store_true", help="include all standard headers first")
    parser.add_argument("--file", type=Path, action="append", help="this one in place of all")
    parser.add_argument("compilers", nargs="+", metavar="compiler", help="clang++-19/libc++ too")
    args = parser.parse_args()
    files = [path.resolve() for path in args.file] if args.file else sources()
    passed = [check(name, args.crowded, files) for name in args.compilers]
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()
