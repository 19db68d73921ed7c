"""Build a CPython to test wheels with, of a kind that the machine does not have.

    scripts/dev wheel python --free-threaded              # without the lock, below .cache
    scripts/dev wheel python --free-threaded --version 3.14
    scripts/dev wheel python --target x86_64-linux-gnu.2.17   # for an older release's chroot
    scripts/dev wheel python --target x86_64-linux-musl       # needs musl's loader to run
    scripts/dev wheel python --target aarch64-linux-musl      # for a chroot of such a machine

Prints the interpreter; nothing is done when it is there already. Without --target the
system's compiler is used, and headers of zlib and OpenSSL are needed (Debian: zlib1g-dev
libssl-dev). With it zig is, and the result has zlib and nothing else that is optional;
another machine's takes a CPython of the very same version here to build with, which is built
first where there is none.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from . import CACHE, fetch, interpreters, pins, tarball, toolchain

PREFIX = "cpython-"
# Optimizing takes longer than all tests that use the result.
QUICK = {"OPT": "-DNDEBUG -O1 -Wall"}
OPTIONS = ["--disable-test-modules", "--without-ensurepip", "--without-doc-strings"]
# Newer in zig's musl than in those of distributions that are still in use.
MUSL_ABSENT = ["ac_cv_func_pwritev2=no", "ac_cv_func_preadv2=no"]


def run(step: list[str], cwd: Path, env: Mapping[str, str]) -> None:
    """Run one step; its output goes to a log that is shown on failure."""
    log = cwd / "build.log"
    with log.open("ab") as out:
        done = subprocess.run(
            step,
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            check=False,
        )
    if done.returncode:
        tail = log.read_text(errors="replace").splitlines()[-40:]
        raise SystemExit("\n".join([*tail, f"failed: {' '.join(step)}"]))


def unpack(source: Path, work: Path) -> Path:
    """The source tree."""
    folder = work / source.name.split(".tar")[0]
    with tarfile.open(source) as archive:
        tarball.extract(archive, folder)
    (tree,) = folder.iterdir()
    return tree


def dynamic(tools: toolchain.Toolchain, folder: Path) -> dict[str, str]:
    """zig's tools as variables; for musl it makes static programs unless told not to."""
    env = tools.env
    for variable in ("CC", "CXX"):
        wrapper = folder / variable.lower()
        wrapper.write_text(f'#!/bin/sh\nexec {env[variable]} -dynamic -Wno-date-time "$@"\n')
        wrapper.chmod(0o755)
        env[variable] = str(wrapper)
    return env


def with_zlib(archive: Path, work: Path, env: Mapping[str, str], jobs: int) -> dict[str, str]:
    """zlib for the target; the variables that make CPython's configure find it."""
    source = unpack(archive, work)
    run(["./configure", "--static"], source, {**env, "CFLAGS": "-O2 -fPIC"})
    run(["make", f"-j{jobs}", "libz.a"], source, env)
    return {
        # Not the headers and libraries of the system, which are for its own libc.
        "PKG_CONFIG_LIBDIR": "/nonexistent",
        "ZLIB_CFLAGS": f"-I{source}",
        "ZLIB_LIBS": f"-L{source} -lz",
    }


def name_musl(makefile: Path, tools: toolchain.Toolchain) -> None:
    """Have extensions named as other CPythons on musl name them.

    configure knows musl by one of its headers, for which the compiler has its own.
    """
    lines = makefile.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"(SOABI|EXT_SUFFIX)=", line) and "musl" not in line:
            lines[number] = re.sub(r"(cpython-\w+)", rf"\1-{tools.host}", line)
    makefile.write_text("\n".join(lines) + "\n")


def helper(args: argparse.Namespace) -> Path:
    """A CPython for this machine that runs the other's library: one that is here, or a new one."""
    full = full_version(args)
    for one in interpreters.find():
        if ".".join(map(str, one.version)) == full and one.free_threaded == args.free_threaded:
            return one.path
    return made(argparse.Namespace(**{**vars(args), "target": None, "prefix": None}))


def cross_options(tools: toolchain.Toolchain, helper: Path) -> list[str]:
    """For another machine: who that is, who helps here, and what configure cannot try."""
    return [
        f"--host={tools.host}",
        f"--build={os.uname().machine}-linux-gnu",
        f"--with-build-python={helper}",
        "--enable-ipv6",  # else getaddrinfo is taken for a broken one
        "ac_cv_file__dev_ptmx=yes",
        "ac_cv_file__dev_ptc=no",
    ]


def build(args: argparse.Namespace, prefix: Path) -> None:
    """Configure, make, install."""
    known = pins.load()
    names = [PREFIX + args.version] + (["zlib"] if args.target else [])
    tarballs = [fetch.obtain(known[name], args.sources, args.mirror) for name in names]
    options = [f"--prefix={prefix}", *OPTIONS]
    if args.free_threaded:
        options.append("--disable-gil")
    with tempfile.TemporaryDirectory(prefix="pyremctl-python.") as temporary:
        work = Path(temporary)
        env: dict[str, str] = dict(QUICK)
        if args.target:
            tools = toolchain.get("zig", args.target)
            options += MUSL_ABSENT if tools.libc == "musl" else []
            options += cross_options(tools, helper(args)) if tools.cross else []
            env.update(dynamic(tools, work))
            env.update(with_zlib(tarballs[1], work, env, args.jobs))
        source = unpack(tarballs[0], work)
        run(["./configure", "--quiet", *options], source, env)
        if args.target and tools.libc == "musl":
            name_musl(source / "Makefile", tools)
        run(["make", "--silent", f"-j{args.jobs}"], source, env)
        run(["make", "--silent", "install"], source, env)


def full_version(args: argparse.Namespace) -> str:
    """The version that is pinned, with its last number."""
    return pins.load()[PREFIX + args.version].version


def made(args: argparse.Namespace) -> Path:
    """The interpreter, built if it is missing."""
    suffix = "t" if args.free_threaded else ""
    full = full_version(args)
    name = "-".join(filter(None, [f"python-{full}{suffix}", args.target]))
    prefix = (args.prefix or CACHE / name).resolve()
    python = prefix / "bin" / f"python{args.version}{suffix}"
    if not python.exists():
        started = time.monotonic()
        shutil.rmtree(prefix, ignore_errors=True)
        build(args, prefix)
        print(f"CPython {full}{suffix}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return python


def main() -> None:
    """Build what is missing, check that it runs, print where it is."""
    versions = sorted(name.removeprefix(PREFIX) for name in pins.load() if PREFIX in name)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", choices=versions, default=versions[0])
    parser.add_argument("--free-threaded", action="store_true", help="without the lock")
    parser.add_argument("--target", help="one of zig's, in place of the system's compiler")
    parser.add_argument("--prefix", type=Path, help="where to (default: below .cache)")
    parser.add_argument("--sources", type=Path, help="folder with the tarball; download nothing")
    parser.add_argument("--mirror", help="base address of a Debian mirror to fetch from")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()

    python = made(args)
    if args.target and toolchain.get("zig", args.target).cross:
        print(python)
        return
    question = "import sys, zlib; print(getattr(sys, '_is_gil_enabled', bool)())"
    done = subprocess.run([python, "-c", question], capture_output=True, text=True, check=True)
    if args.free_threaded and done.stdout.strip() != "False":
        raise SystemExit(f"{python} runs with the lock on")
    print(python)
