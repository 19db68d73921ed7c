"""Check every C++ file with compilers that are named, which are installed where they are missing.

    scripts/dev compile g++-13 clang++-19 clang++-19/libc++
    scripts/dev compile --crowded g++
    scripts/dev compile --link

--crowded is explained in devkit/compilers.py. --link builds and imports the extension with the
default compiler instead. `scripts/dev chroot` does both on other releases of Debian.
"""

import sys
from collections.abc import Iterator

from devkit import prepare, usage


def packages(compiler: str) -> Iterator[str]:
    """The Debian packages of a compiler."""
    program, _, library = compiler.partition("/")
    version = program.removeprefix("clang++")
    if library == "libc++":
        yield from (f"clang{version}", f"libc++{version}-dev", f"libc++abi{version}-dev")
    elif program.startswith("clang++"):
        yield f"clang{version}"
    elif program.startswith("g++"):
        yield program


def main() -> None:
    """Install the compilers, and go on with the files."""
    usage(__doc__)
    compilers = [package for argument in sys.argv[1:] for package in packages(argument)]
    wanted = ["${BUILD_PACKAGES[@]}", "doctest-dev", *compilers]
    if "--link" in sys.argv[1:]:
        options = ["-C", "build-dir=build/compile", "-C", "cmake.define.PYREMCTL_WERROR=ON"]
        here = prepare("compile", packages=wanted, install=options)
        here.run("python", "-c", "import remctl; print(remctl.build_info())")
    else:
        prepare("compile", packages=wanted).go_on("devkit.compilers")
