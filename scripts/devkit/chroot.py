"""Try the working copy on other releases of Debian, in chroots.

    scripts/dev chroot all                         # everything below, on all releases
    scripts/dev chroot link                        # build the package on Debian 13
    scripts/dev chroot compile [RELEASE...]        # every C++ file, with every compiler
    scripts/dev chroot readme [RELEASE...]         # the README's commands as typed, from bare
    scripts/dev chroot test forky --python python3.15 -- types native pytest

`test` runs scripts/test with the arguments after `--`. A release is made by debootstrap and kept
in the cache; `readme` begins with nothing else in it, the others keep what they install and build.
Needs root and debootstrap.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable

from devkit import ROOT, guest
from devkit.wheel import chroot

# The compilers that people build with: those of the release, and of others that are like it.
COMPILERS = {
    "bookworm": ["g++-11", "g++-12", "clang++-14"],
    "trixie": ["g++-13", "g++-14", "clang++-19", "clang++-19/libc++"],
    "forky": ["g++", "clang++"],
}
README = re.compile(r"^# (bash scripts/\S+)$", re.MULTILINE)
COMPILE = ["python3", "scripts/dev", "compile"]
STEPS = ["--ci", "types", "native", "pytest"]


def developing(args: argparse.Namespace) -> guest.Guest:
    """The release, with a Python to run scripts/dev."""
    here = guest.kept(args.release, args.mirror)
    if not (here.root / "usr/bin/python3").exists():
        here.install(["python3"])
    return here


def link(args: argparse.Namespace) -> bool:
    """Compile and link the extension with the release's own compiler, and import it."""
    here = developing(args)
    return here.run([*COMPILE, "--link"]) == 0


def compile_all(args: argparse.Namespace) -> bool:
    """Check every C++ file, as it is, and after all headers of the standard library."""
    compilers = COMPILERS[args.release]
    here = developing(args)
    plain = here.run([*COMPILE, *compilers]) == 0
    return here.run([*COMPILE, "--crowded", *compilers]) == 0 and plain


def readme(args: argparse.Namespace) -> bool:
    """What a newcomer types, on a machine with nothing but the release and the sources."""
    commands = [line.split() for line in README.findall((ROOT / "README.md").read_text())]
    with guest.fresh(args.release, args.mirror) as here:
        for command in commands:
            steps = args.arguments if command[-1] == "scripts/test" else []
            if here.run([*command, *steps]):
                return False
    return bool(commands)


def run_tests(args: argparse.Namespace) -> bool:
    """The project's tests, with a CPython of that release."""
    here = guest.kept(args.release, args.mirror)
    python = args.python
    here.install([python, f"{python}-dev", f"{python}-venv"])
    test = ["bash", "scripts/test", *(args.arguments or STEPS)]
    return here.run(test, PYTHON=python, CI="true") == 0


VERBS: dict[str, list[Callable[[argparse.Namespace], bool]]] = {
    "all": [compile_all, readme],
    "link": [link],
    "compile": [compile_all],
    "readme": [readme],
    "test": [run_tests],
}


def main() -> None:
    """Run what is asked for on each release, also after one that failed."""
    parser = argparse.ArgumentParser(
        prog=sys.argv[0], description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    own, arguments = sys.argv[1:], []
    if "--" in own:
        own, arguments = own[: own.index("--")], own[own.index("--") + 1 :]
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("releases", nargs="*", metavar="RELEASE", help=", ".join(COMPILERS))
    parser.add_argument("--python", default="python3", help="for `test`, such as python3.15")
    parser.add_argument("--mirror", help="the Debian mirror (default: the one apt is set up with)")
    args = parser.parse_args(own)
    chroot.need_root()
    failed = []
    for release in args.releases or (["trixie"] if args.verb == "link" else list(COMPILERS)):
        for act in VERBS[args.verb]:
            started = time.monotonic()
            one = argparse.Namespace(**vars(args), release=release, arguments=arguments)
            passed = act(one)
            what = f"{act.__name__} on {release}: {'passed' if passed else 'FAILED'}"
            print(f"== {what}, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            if not passed:
                failed.append(what)
    sys.exit("\n".join(failed) or 0)
