"""What must be true of the extension and the program inside a bundled wheel."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

INIT = re.compile(r"Py(Init|ModExport)__remctl")
# The C library and its parts; nothing else of the system's may be needed.
NEEDED = {
    "libc.so.6", "libm.so.6", "libresolv.so.2", "libdl.so.2", "libpthread.so.0",
    "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
    "libc.so", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1",
}  # fmt: skip
LOADERS = {"dlopen", "dlmopen"}
# Folders that a build may happen in; krb5's own defaults below them are no trace of it.
BUILD_PATH = re.compile(
    rb"/(?:tmp|var/tmp|root|home|work|project|github|__w|host|opt|io|Users|build|private)/[!-~]+"
)
DEFAULTS = {b"/tmp/krb5cc_%{uid}", b"/tmp/tkt"}
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """What one gate saw, and whether that is right."""

    gate: str
    passed: bool
    seen: str


def _lines(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _symbols(library: Path, which: str) -> set[str]:
    """The dynamic symbols, `--defined-only` or `--undefined-only`, without versions."""
    return {
        line.split()[-1].split("@")[0]
        for line in _lines("nm", "-D", "--extern-only", which, str(library))
    }


def _dynamic(library: Path) -> list[tuple[str, str]]:
    pattern = re.compile(r"\((\w+)\)\s+(.*)")
    lines = _lines("readelf", "--dynamic", "--wide", str(library))
    return [found.groups() for line in lines if (found := pattern.search(line))]  # type: ignore[misc]


def needed(library: Path) -> set[str]:
    """The names of the shared libraries that it asks for."""
    entries = (value for name, value in _dynamic(library) if name == "NEEDED")
    return {value.split("[")[1].rstrip("]") for value in entries}


def build_paths(data: bytes) -> set[bytes]:
    """Strings that look like a folder of the machine that built it."""
    return {found for found in BUILD_PATH.findall(data) if found not in DEFAULTS}


def aes(library: Path) -> str:
    """What there is of the processor's AES instructions; krb5 has code for x86_64 alone."""
    headers = "\n".join(_lines("readelf", "--file-header", "--wide", str(library)))
    if "X86-64" not in headers:
        return "not on this kind of machine"
    code = _lines("objdump", "--disassemble", "--no-show-raw-insn", str(library))
    counted = [sum(name in line for line in code) for name in ("aesenc ", "aesdec ")]
    return "none" if 0 in counted else f"{counted[0]} aesenc, {counted[1]} aesdec"


def check(library: Path) -> Iterator[Finding]:
    """Let the extension go through all gates."""
    exported = _symbols(library, "--defined-only")
    one = len(exported) == 1 and INIT.fullmatch(next(iter(exported))) is not None
    yield Finding("exports only its init function", one, ", ".join(sorted(exported)))

    yield from check_program(library)

    loaders = _symbols(library, "--undefined-only") & LOADERS
    yield Finding("cannot load plugins", not loaders, ", ".join(loaders) or "no dlopen")

    seen = aes(library)
    yield Finding("lets the processor do AES", not seen.startswith("none"), seen)

    size = library.stat().st_size
    yield Finding("is small", size <= MAX_BYTES, f"{size:,} bytes")


def check_program(file: Path) -> Iterator[Finding]:
    """Let the program, or the extension, go through the gates for all code."""
    dynamic = _dynamic(file)
    libraries = needed(file)
    yield Finding("needs only the C library", libraries <= NEEDED, ", ".join(sorted(libraries)))

    tags = dict(dynamic)
    paths = [name for name in ("RPATH", "RUNPATH") if name in tags]
    yield Finding("has no library path", not paths, ", ".join(paths) or "no RPATH")

    headers = "\n".join(_lines("readelf", "--program-headers", "--wide", str(file)))
    hard = "NOW" in tags.get("FLAGS", "") + tags.get("FLAGS_1", "") and "GNU_RELRO" in headers
    stack = re.search(r"GNU_STACK.*\bRWE\b", headers) is None
    yield Finding("is hardened", hard and stack, "BIND_NOW, RELRO, no executable stack")

    sections = "\n".join(_lines("readelf", "--sections", "--wide", str(file)))
    debug = re.findall(r"\.(?:symtab|debug_\w+)", sections)
    yield Finding("is stripped", not debug, ", ".join(debug) or "no symbols, no debug sections")

    found = sorted(build_paths(file.read_bytes()))
    seen = ", ".join(path.decode() for path in found[:5]) or "none"
    yield Finding("names no build folder", not found, seen)
