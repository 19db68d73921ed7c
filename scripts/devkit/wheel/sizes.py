"""Say what takes the room in the extension of a self-contained wheel.

    scripts/dev wheel sizes                    # a table by origin, to standard output
    scripts/dev wheel sizes --symbols 40       # and the largest symbols
    scripts/dev wheel sizes --record           # the table, into the documentation

The extension is built once more, with its symbol table left in. A symbol belongs to the static
library that defines it; those of none are told apart by their C++ namespace. What is in no
symbol (strings, relocations, tables for unwinding) is listed by section. Needs binutils.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from . import build, deps, interpreters, toolchain, wheelfile

NAMESPACES = [
    ("pybind11", r"pybind11|PyInit_|PyModExport_"),
    ("pyremctl", r"\bremctl::|pyremctl::"),
    (
        "LLVM's C++ and unwinding libraries",
        r"std::|__cxa|__cxxabi|_?Unwind|unw_|libunwind|operator",
    ),
]
ELSEWHERE = "compiler's runtime, and what has no name"
MARK = "<!-- contents: written by scripts/dev wheel sizes --record -->"
LOADED = re.compile(r"^\s*\[\s*\d+\]\s+(\.\S+)\s+\S+\s+\S+\s+\S+\s+([0-9a-f]+)\s+\S+\s+(\w*A\w*)\s")


@dataclass(frozen=True)
class Symbol:
    """A function or an object, and the bytes that it takes in the file."""

    name: str
    size: int
    section: str


def _lines(*command: str | Path) -> list[str]:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def symbols(library: Path) -> list[Symbol]:
    """All that are in the file; .bss takes no room there."""
    found = {}
    for line in _lines("nm", "--print-size", "--defined-only", "--demangle", library):
        parts = line.split(maxsplit=3)
        if len(parts) == 4 and parts[2].lower() in "trdvw":
            # Several names of one place count once.
            found[parts[0]] = Symbol(parts[3], int(parts[1], 16), parts[2].lower())
    return list(found.values())


def owners(prefix: Path) -> dict[str, str]:
    """Which static library defines a symbol."""
    found: dict[str, str] = {}
    for archive in sorted((prefix / "lib").glob("lib*.a")):
        for line in _lines("nm", "--defined-only", archive):
            parts = line.split()
            if len(parts) == 3:
                found.setdefault(parts[2], archive.name)
    return found


def origin(name: str, libraries: dict[str, str]) -> str:
    """Where a symbol comes from."""
    if name in libraries:
        return libraries[name]
    return next((who for who, what in NAMESPACES if re.search(what, name)), ELSEWHERE)


def sections(library: Path) -> dict[str, int]:
    """The bytes of each section that is loaded."""
    lines = _lines("readelf", "--sections", "--wide", library)
    found = (LOADED.match(line) for line in lines)
    return {one[1]: int(one[2], 16) for one in found if one and one[1] not in (".bss", ".tbss")}


def unstripped(plan: build.Plan, one: interpreters.Interpreter, folder: Path) -> Path:
    """The extension with its symbol table."""
    wheel = build.compile_wheel(one, plan, folder, "cmake.define.PYREMCTL_SYMBOLS=ON")
    members = wheelfile.read(wheel)
    library = folder / "extension.so"
    library.write_bytes(members[wheelfile.find(members, ".so")])
    return library


def table(library: Path, prefix: Path) -> str:
    """By origin, then what belongs to no symbol, by section."""
    libraries = owners(prefix)
    by_origin: Counter[str] = Counter()
    for symbol in symbols(library):
        by_origin[origin(symbol.name, libraries)] += symbol.size
    loaded = sections(library)
    total = sum(loaded.values())
    kinds = {
        "tables for unwinding": [".eh_frame", ".eh_frame_hdr", ".gcc_except_table"],
        "relocations and dynamic symbols": [
            ".rela.dyn", ".rela.plt", ".dynsym", ".dynstr", ".gnu.hash", ".hash", ".plt",
        ],
    }  # fmt: skip
    rows = [(f"`{name}`" if name.endswith(".a") else name, n) for name, n in by_origin.items()]
    rows += [(kind, sum(loaded.get(name, 0) for name in names)) for kind, names in kinds.items()]
    rows.append(("strings and other constants", total - sum(size for _, size in rows)))
    rows.sort(key=lambda row: row[1], reverse=True)
    lines = ["| what | bytes | share |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {size:,} | {size / total:.1%} |" for name, size in rows]
    return "\n".join([*lines, f"| all that is loaded | {total:,} | |"]) + "\n"


def main() -> None:
    """Print the table; with --record, put it into the documentation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", help="the interpreter (default: the newest)")
    parser.add_argument("--target", help="zig's target (default: this machine, glibc 2.17)")
    parser.add_argument("--symbols", type=int, default=0, metavar="N", help="the N largest, too")
    parser.add_argument("--no-isolation", action="store_true", help="as for `wheel build`")
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    one = build.chosen([args.python] if args.python else None)[-1]
    tools = toolchain.get("zig", args.target)
    prefix = deps.prefix_of(tools, deps.Origin())
    plan = build.Plan(tools, prefix, None, not args.no_isolation)
    with tempfile.TemporaryDirectory(prefix="pyremctl-sizes.") as folder:
        library = unstripped(plan, one, Path(folder))
        report = f"The extension for {one.tag}, built for {tools.target}:\n\n"
        report += table(library, prefix)
        largest = sorted(symbols(library), key=lambda symbol: symbol.size)[::-1]
        libraries = owners(prefix)
        print(report)
        for symbol in largest[: args.symbols]:
            print(f"{symbol.size:8,} {origin(symbol.name, libraries):20} {symbol.name[:100]}")
    if args.record:
        build.record(report, MARK)
