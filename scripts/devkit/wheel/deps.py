"""Build the static libraries of a bundled wheel, once for every Python.

    scripts/dev wheel deps --prefix .cache/deps/here
    scripts/dev wheel deps --compiler zig --target x86_64-linux-gnu.2.17
    scripts/dev wheel deps --download-only sources/      # then, offline:
    scripts/dev wheel deps --sources sources/ --prefix /opt/pyremctl-deps

Prints the prefix, which CMake takes as -DPYREMCTL_DEPS=<prefix>. Nothing is done
when the prefix already holds what would be built.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import CACHE, fetch, pins, recipes, sbom, toolchain

STAMP = "share/pyremctl-deps.json"
SBOM = "share/pyremctl.cdx.json.in"


@dataclass(frozen=True)
class Origin:
    """Where the tarballs come from, if not from their homes: see `fetch.obtain`."""

    sources: Path | None = None
    mirror: str | None = None

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        """The options for it."""
        parser.add_argument("--sources", type=Path, help="folder of tarballs; download nothing")
        parser.add_argument("--mirror", help="base address of a Debian mirror to fetch from")

    def obtain(self, pin: pins.Pin) -> Path:
        """The path of the pinned tarball."""
        return fetch.obtain(pin, self.sources, self.mirror)


def fingerprint(tools: toolchain.Toolchain) -> str:
    """A name for all that the result depends on."""
    digest = hashlib.sha256(f"{tools.target} {tools.version} {toolchain.YASM_VERSION}".encode())
    for pin in pins.bundled():
        digest.update(repr(pin).encode())
        for patch in pin.patch_files:
            digest.update(patch.read_bytes())
    for module in (recipes, sbom):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]


def is_current(prefix: Path, name: str) -> bool:
    """Whether the prefix holds the result of that name."""
    stamp = prefix / STAMP
    return stamp.is_file() and json.loads(stamp.read_text())["fingerprint"] == name


def build(prefix: Path, tools: toolchain.Toolchain, name: str, origin: Origin, jobs: int) -> None:
    """Build into a folder beside the prefix and move it there when it is whole."""
    tarballs = {pin.name: origin.obtain(pin) for pin in pins.bundled()}
    prefix.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f"{prefix.name}.", dir=prefix.parent))
    work = Path(tempfile.mkdtemp(prefix="pyremctl-deps."))
    try:
        for folder in ("include", "lib", "share"):
            (staging / folder).mkdir()
        shop = recipes.Workshop(work, staging, tools, jobs)
        for pin in pins.bundled():
            started = time.monotonic()
            recipes.RECIPES[pin.name](shop, pin, tarballs[pin.name])
            seconds = time.monotonic() - started
            print(f"{pin.name} {pin.version}: {seconds:.0f} s", file=sys.stderr)
        versions = {pin.name: pin.version for pin in pins.bundled()}
        facts = {
            "fingerprint": name,
            "target": tools.target,
            "compiler": tools.version,
            "libraries": versions,
        }
        (staging / STAMP).write_text(json.dumps(facts, indent=2) + "\n")
        (staging / SBOM).write_text(sbom.template(tools))
        staging.chmod(0o755)
        if prefix.exists():
            shutil.rmtree(prefix)
        staging.rename(prefix)
        shutil.rmtree(work)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def prefix_of(
    tools: toolchain.Toolchain, origin: Origin, prefix: Path | None = None, jobs: int = 0
) -> Path:
    """Where the libraries are; they are built if they are not there."""
    name = fingerprint(tools)
    prefix = (prefix or CACHE / "deps" / f"{tools.target}-{name}").resolve()
    if not is_current(prefix, name):
        if prefix.exists() and any(prefix.iterdir()) and not (prefix / STAMP).exists():
            raise SystemExit(f"{prefix} holds something else; not touching it")
        build(prefix, tools, name, origin, jobs or os.cpu_count() or 1)
    return prefix


def main() -> None:
    """Parse the arguments and build what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prefix", type=Path, help="where to (default: below .cache/deps)")
    parser.add_argument("--compiler", choices=["system", "zig"], default="system")
    parser.add_argument("--target", help="zig's target (default: this machine, glibc 2.17)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--download-only", type=Path, metavar="DIR", help="fetch to DIR and stop")
    Origin.add_arguments(parser)
    args = parser.parse_args()
    origin = Origin(args.sources, args.mirror)
    if args.download_only:
        args.download_only.mkdir(parents=True, exist_ok=True)
        for pin in pins.bundled():
            print(shutil.copy(origin.obtain(pin), args.download_only))
        return
    tools = toolchain.get(args.compiler, args.target)
    print(prefix_of(tools, origin, args.prefix, args.jobs))
