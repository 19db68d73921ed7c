"""The compilers that libraries and extension are built with: the system's, or zig.

zig links against the oldest glibc that a target names (x86_64-linux-gnu.2.17), or
musl, from any machine, and brings a static libc++ that knows coroutines.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from . import CACHE

ZIG_VERSION = "0.17.1"
# krb5's AES code for x86_64 is in this assembler's dialect (nasm does not take it). It is the
# last release there is, and the one that every distribution has.
YASM_VERSION = "1.3.0"
SYSTEM = "system"


def default_target() -> str:
    """The target of wheels for this machine: glibc 2.17, or musl where Python itself uses it."""
    musl = "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or "")
    return f"{platform.machine()}-linux-{'musl' if musl else 'gnu.2.17'}"


@dataclass(frozen=True)
class Toolchain:
    """How to call one compiler for one target."""

    target: str
    cc: str
    cxx: str
    ar: str
    ranlib: str
    version: str

    @property
    def env(self) -> dict[str, str]:
        """The variables that configure, make and CMake look at."""
        return {"CC": self.cc, "CXX": self.cxx, "AR": self.ar, "RANLIB": self.ranlib}

    @property
    def machine(self) -> str:
        """x86_64 or aarch64."""
        return platform.machine() if self.target == SYSTEM else self.target.split("-")[0]

    @property
    def libc(self) -> str:
        """glibc or musl."""
        return "musl" if "musl" in self.target else "glibc"

    @property
    def cross(self) -> bool:
        """Whether what it builds cannot run here."""
        return self.machine != platform.machine()

    @property
    def host(self) -> str:
        """The name of the target in configure's words."""
        return f"{self.machine}-linux-{'musl' if self.libc == 'musl' else 'gnu'}"


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0].strip()


def _system() -> Toolchain:
    cc, cxx = os.environ.get("CC", "gcc"), os.environ.get("CXX", "g++")
    ar, ranlib = os.environ.get("AR", "ar"), os.environ.get("RANLIB", "ranlib")
    return Toolchain(SYSTEM, cc, cxx, ar, ranlib, _first_line([*cc.split(), "--version"]))


def find_zig() -> Path:
    """The pinned zig: this interpreter's `ziglang`, or a copy fetched once by pip."""
    spec = importlib.util.find_spec("ziglang")
    if spec is not None and spec.origin and importlib.metadata.version("ziglang") == ZIG_VERSION:
        return Path(spec.origin).parent / "zig"
    folder = CACHE / f"ziglang-{ZIG_VERSION}"
    zig = folder / "ziglang" / "zig"
    if not zig.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
        subprocess.run([*pip, str(folder), f"ziglang=={ZIG_VERSION}"], check=True)
    return zig


def find_yasm() -> Path:
    """The pinned assembler; a wheel without it would do all AES in plain C."""
    found = shutil.which("yasm")
    if found is None:
        raise SystemExit("krb5's AES code needs the assembler yasm (a package of that name)")
    version = _first_line([found, "--version"])
    if version != f"yasm {YASM_VERSION}":
        raise SystemExit(f"{found} is {version}, pinned is {YASM_VERSION}")
    return Path(found)


def _wrapper(path: Path, zig: Path, command: str) -> str:
    cache = CACHE / "zig"
    text = (
        "#!/bin/sh\n"
        f"export ZIG_GLOBAL_CACHE_DIR='{cache}' ZIG_LOCAL_CACHE_DIR='{cache}'\n"
        f"exec '{zig}' {command} \"$@\"\n"
    )
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return str(path)


def _zig(target: str) -> Toolchain:
    zig = find_zig()
    folder = CACHE / "toolchains" / target
    # zig's C compiler puts undefined-behaviour traps into unoptimized code; never here.
    flags = f"-target {target} -fno-sanitize=undefined"
    return Toolchain(
        target=target,
        cc=_wrapper(folder / "cc", zig, f"cc {flags}"),
        cxx=_wrapper(folder / "c++", zig, f"c++ {flags}"),
        ar=_wrapper(folder / "ar", zig, "ar"),
        ranlib=_wrapper(folder / "ranlib", zig, "ranlib"),
        version=f"zig {ZIG_VERSION}",
    )


def get(compiler: str, target: str | None = None) -> Toolchain:
    """The toolchain of that name: "system", or "zig" for one of its targets."""
    if compiler == SYSTEM:
        if target not in (None, SYSTEM):
            raise SystemExit("the system's compiler has one target; --target needs zig")
        return _system()
    return _zig(target or default_target())
