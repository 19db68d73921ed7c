"""Trees of other Debian releases and machines, and programs run in them.

A tree is made once, by debootstrap, and kept in the cache. Those of another machine run under
qemu's user mode emulation (Debian: qemu-user-static), which the kernel is told to use for them.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import CACHE, fetch

DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}
BINFMT = Path("/proc/sys/fs/binfmt_misc")
SCRIPTS = Path("/usr/share/debootstrap/scripts")
# Where apt is set up with none, as on Ubuntu.
MIRROR = "http://deb.debian.org/debian"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# In a mount namespace of its own, all of which ends with the command.
PRIVATE = ["unshare", "--mount", "--propagation", "private"]


def need_root() -> None:
    """Stop unless this may make a chroot."""
    if os.geteuid() != 0:
        raise SystemExit("only root can make a chroot")


def emulate(machine: str) -> None:
    """Have the kernel run programs for another machine, as Debian sets it up at boot."""
    name = f"qemu-{machine}"
    rule = Path(f"/usr/lib/binfmt.d/{name}.conf")
    if machine == platform.machine():
        return
    if not rule.exists():
        raise SystemExit(f"programs for {machine} need Debian's package qemu-user-static")
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
    if not (BINFMT / name).exists():
        (BINFMT / "register").write_text(rule.read_text())


def path(suite: str, machine: str, names: list[str]) -> Path:
    """Where a tree is kept."""
    return CACHE / "chroot" / "-".join([suite, DEBIAN[machine], *names])


def tree(suite: str, machine: str, packages: list[str], mirror: str | None = None) -> Path:
    """The release with some packages, as debootstrap makes it; made once."""
    base = path(suite, machine, packages)
    emulate(machine)
    if base.exists():
        return base
    mirrors = [mirror] if mirror else [*fetch.apt_mirrors("debian"), MIRROR]
    command = [*PRIVATE, "debootstrap", "--variant=minbase", f"--arch={DEBIAN[machine]}"]
    if packages:
        command.append(f"--include={','.join(packages)}")
    partial = base.with_name(f"{base.name}.{os.getpid()}.part")
    partial.parent.mkdir(parents=True, exist_ok=True)
    command += [suite, str(partial), mirrors[0]]
    if not (SCRIPTS / suite).exists():
        # Newer than this machine's debootstrap.
        command.append(str(SCRIPTS / "sid"))
    log = partial.with_name(f"{partial.name}.log")
    started = time.monotonic()
    try:
        with log.open("wb") as out:
            done = subprocess.run(command, stdout=out, stderr=out, check=False)
        if done.returncode:
            raise SystemExit(log.read_text(errors="replace")[-2000:])
        shutil.rmtree(partial / "var" / "cache" / "apt", ignore_errors=True)
        partial.rename(base)
    finally:
        log.unlink(missing_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
    print(f"debootstrap {base.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return base
