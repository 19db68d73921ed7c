"""Build a self-contained wheel for every CPython on this machine.

    scripts/dev wheel build                       # all of them, to wheelhouse/
    scripts/dev wheel build --python python3.13   # one
    scripts/dev wheel build --twice               # and show that the bytes are the same again
    scripts/dev wheel build --target aarch64-linux-gnu.2.17     # for another machine
    scripts/dev wheel build --target x86_64-linux-musl          # for another C library

The libraries are built first if they are not in the cache (scripts/dev wheel deps). Every wheel
then goes through auditwheel and the gates (scripts/dev wheel finish). With --compiler zig, the
default, wheels run on glibc 2.17 and newer. The report, a Markdown table of sizes and
import times, goes to <out>/REPORT.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from devkit import ROOT

from . import deps, fetch, finish, importtime, interpreters, toolchain, wheelfile

DOCUMENT = ROOT / "docs" / "howto" / "wheels.md"
MARK = "<!-- sizes: written by scripts/dev wheel build --record -->"
CONSTRAINTS = ROOT / "cmake" / "build-constraints.txt"


@dataclass(frozen=True)
class Plan:
    """How wheels are built; the same for each interpreter."""

    tools: toolchain.Toolchain
    deps: Path
    plat: str | None
    isolated: bool


@dataclass(frozen=True)
class Built:
    """One finished wheel and what is known of it."""

    interpreter: interpreters.Interpreter
    wheel: Path
    seconds: float
    extension: int
    import_ms: float | None
    reproducible: bool | None = None


def is_foreign(one: interpreters.Interpreter, tools: toolchain.Toolchain) -> bool:
    """Whether the compiler's target is not what the interpreter itself runs on."""
    return tools.target != toolchain.SYSTEM and not one.soabi.endswith(tools.host)


def lend_headers(one: interpreters.Interpreter, folder: Path) -> str:
    """The flag for headers that lie by machine: zig looks at none of this machine's folders."""
    if one.machine_headers is None:
        return ""
    for machine in ("x86_64", "aarch64"):
        place = folder / "headers" / f"{machine}-linux-gnu"
        place.mkdir(parents=True)
        (place / one.headers.name).symlink_to(one.machine_headers)
    return f"-isystem {folder / 'headers'}"


def compile_wheel(one: interpreters.Interpreter, plan: Plan, folder: Path, *settings: str) -> Path:
    """An unfinished wheel, from a build folder of its own; settings are scikit-build-core's."""
    env = {
        **os.environ,
        **plan.tools.env,
        "PYREMCTL_DEPS": str(plan.deps),
        "CXXFLAGS": f"{os.environ.get('CXXFLAGS', '')} {lend_headers(one, folder)}".strip(),
        "PIP_CONSTRAINT": str(CONSTRAINTS),
        "PIP_BUILD_CONSTRAINT": str(CONSTRAINTS),
        # zig builds its C++ library for each kind of program that is linked: link none
        # to try the compiler. The linker strips; the strip of this machine may not know another's.
        "CMAKE_ARGS": "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY -DCMAKE_STRIP="
        " -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF",
    }
    command = [sys.executable, "-m", "pip", "--python", str(one.path), "wheel", "--quiet"]
    command += ["--no-deps", "--no-cache-dir", "--wheel-dir", str(folder / "dist")]
    settings += (f"build-dir={folder / 'build'}",)
    command += [*(f"--config-settings={setting}" for setting in settings), str(ROOT)]
    if not plan.isolated:
        # The build's tools are Python without extensions, so that another one can use them.
        env["PYTHONPATH"] = sysconfig.get_path("purelib")
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        del env["PIP_CONSTRAINT"], env["PIP_BUILD_CONSTRAINT"]
        command.append("--no-build-isolation")
    subprocess.run(command, env=env, stdin=subprocess.DEVNULL, check=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    if is_foreign(one, plan.tools):
        # It was compiled with this interpreter's headers: those of CPython are the same on all
        # 64-bit Linux systems but for pyconfig.h, and what differs there no header asks for.
        soabi = f"cpython-{one.tag.removeprefix('cp')}-{plan.tools.host}"
        return wheelfile.retarget(wheel, f"linux_{plan.tools.machine}", soabi)
    return wheel


def make(one: interpreters.Interpreter, plan: Plan, out: Path) -> Built:
    """Build and finish a wheel."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pyremctl-wheel.") as temporary:
        wheel = finish.let_out(compile_wheel(one, plan, Path(temporary)), out, plan.plat)
    seconds = time.monotonic() - started
    foreign = is_foreign(one, plan.tools)
    milliseconds = None if foreign else importtime.measure(one.path, wheel)
    members = wheelfile.read(wheel)
    size = len(members[wheelfile.find(members, ".so")])
    return Built(one, wheel, seconds, size, milliseconds)


def is_reproducible(built: Built, plan: Plan) -> bool:
    """Whether the wheel comes out the same when it is built once more, somewhere else."""
    with tempfile.TemporaryDirectory(prefix="pyremctl-again.") as folder:
        again = make(built.interpreter, plan, Path(folder))
        return fetch.sha256(again.wheel) == fetch.sha256(built.wheel)


def table(built: list[Built], tools: toolchain.Toolchain) -> str:
    """The report."""
    lines = [
        f"Built with {tools.version} for {tools.target}.",
        "",
        "| CPython | wheel | extension | import | same bytes twice |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for one in built:
        same = {None: "not tried", True: "yes", False: "**no**"}[one.reproducible]
        took = "not here" if one.import_ms is None else f"{one.import_ms:.0f} ms"
        size = one.wheel.stat().st_size
        lines.append(f"| {one.interpreter} | {size:,} | {one.extension:,} | {took} | {same} |")
    return "\n".join(lines) + "\n"


def record(report: str, mark: str = MARK) -> None:
    """Put a report into the documentation, in place of the last one."""
    text = DOCUMENT.read_text()
    before, start, rest = text.partition(f"{mark}\n")
    _, end, after = rest.partition("<!-- end -->\n")
    if not (start and end):
        raise SystemExit(f"{DOCUMENT} has no place for it: {mark}")
    DOCUMENT.write_text(f"{before}{start}\n{report}\n{end}{after}")


def chosen(names: list[str] | None) -> list[interpreters.Interpreter]:
    """The interpreters asked for, or all that there are."""
    if not names:
        return interpreters.find()
    found = []
    for name in names:
        path = shutil.which(name)
        one = interpreters.ask(Path(path)) if path else None
        if one is None:
            raise SystemExit(f"{name} is not a CPython of 3.10 or newer with its headers")
        found.append(one)
    return found


def source_date() -> int:
    """The time of the last commit, or of the pin file where there is no history."""
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return int(done.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return int((ROOT / "cmake" / "deps.toml").stat().st_mtime)


def main() -> None:
    """Build what was asked for; fail if any wheel is not fit to go out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", action="append", help="an interpreter; may be repeated")
    parser.add_argument("--out", type=Path, default=ROOT / "wheelhouse")
    parser.add_argument("--compiler", choices=["system", "zig"], default="zig")
    parser.add_argument("--target", help="zig's target (default: this machine, glibc 2.17)")
    parser.add_argument("--plat", help="platform tag, if not that of scripts/dev wheel finish")
    parser.add_argument("--deps", type=Path, help="a prefix of scripts/dev wheel deps to use")
    parser.add_argument(
        "--no-isolation",
        action="store_true",
        help="build with the scikit-build-core and pybind11 of the Python that runs this",
    )
    parser.add_argument("--twice", action="store_true", help="check that builds are reproducible")
    parser.add_argument(
        "--record", action="store_true", help=f"put the report into {DOCUMENT.relative_to(ROOT)}"
    )
    deps.Origin.add_arguments(parser)
    args = parser.parse_args()
    finish.require_tools()
    os.environ.setdefault("SOURCE_DATE_EPOCH", str(source_date()))

    wanted = chosen(args.python)
    if not wanted:
        raise SystemExit("no CPython of 3.10 or newer found")
    tools = toolchain.get(args.compiler, args.target)
    prefix = args.deps or deps.prefix_of(tools, deps.Origin(args.sources, args.mirror))
    plan = Plan(tools, prefix.resolve(), args.plat, not args.no_isolation)
    built = []
    for one in wanted:
        print(f"== {one}: {one.path}", flush=True)
        made = make(one, plan, args.out)
        print(f"== {one}: {made.seconds:.0f} s", flush=True)
        if args.twice:
            made = replace(made, reproducible=is_reproducible(made, plan))
        built.append(made)
    report = table(built, tools)
    (args.out / "REPORT.md").write_text(report)
    print(report)
    if args.record:
        record(report)
    if any(one.reproducible is False for one in built):
        raise SystemExit("a wheel came out differently the second time")
