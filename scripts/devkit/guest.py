"""The working copy in a Debian release of its own, and commands run there.

Programs in it use the machine's network, to install packages.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devkit import ROOT
from devkit.wheel import chroot

# In a guest of a guest they are the lent ones.
CERTIFICATES = Path(os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt")
LENT_CERTIFICATES = Path("/etc/ssl/lent.crt")
# The root must be a mount, for programs that make a mount namespace of their own.
ENTER = """
set -eu
root=$1
shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
exec chroot "$root" /bin/sh -c 'cd /src && exec "$@"' sh "$@"
"""


def _fetching() -> dict[str, str]:
    """Of the machine's environment, what says how packages are fetched."""
    lent = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name.lower().endswith("_proxy")
    }
    if CERTIFICATES.exists():
        names = ("PIP_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
        lent.update(dict.fromkeys(names, str(LENT_CERTIFICATES)))
    return lent


@dataclass(frozen=True)
class Guest:
    """A release's tree, with the sources in /src."""

    root: Path

    def run(self, command: list[str], **variables: str) -> int:
        """Run a command at the top of the sources; its exit status."""
        env = {"PATH": chroot.PATH, "HOME": "/root", **_fetching(), **variables}
        enter = [*chroot.PRIVATE, "--pid", "--fork", "--kill-child", "/bin/sh", "-c", ENTER]
        done = subprocess.run([*enter, "enter", str(self.root), *command], env=env, check=False)
        return done.returncode

    def install(self, packages: list[str]) -> None:
        """Install Debian packages."""
        install = ["apt-get", "install", "-qqy", "--no-install-recommends", *packages]
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        if self.run(["apt-get", "-qq", "update"]) or self.run(install, **quiet):
            raise SystemExit(f"cannot install {' '.join(packages)} in {self.root.name}")

    def update(self) -> None:
        """Lend it the machine's resolver and certificates, and copy the working copy again."""
        # A mirror need not be today's for a test.
        rule = 'Acquire::Check-Valid-Until "false";\n'
        (self.root / "etc/apt/apt.conf.d/90tests").write_text(rule)
        for name in ("etc/resolv.conf", "etc/hosts"):
            if Path("/", name).exists():
                shutil.copy(Path("/", name), self.root / name)
        if CERTIFICATES.exists():
            lent = self.root / str(LENT_CERTIFICATES).lstrip("/")
            lent.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CERTIFICATES, lent)
        _copy_sources(self.root / "src")


def _copy_sources(source: Path) -> None:
    """The working copy, with its history but without what is ignored; builds are left."""
    if not (source / ".git").exists():
        shutil.rmtree(source, ignore_errors=True)
        clone = ["git", "clone", "--quiet", "--no-local", str(ROOT), str(source)]
        subprocess.run(clone, check=True)
    git = ["git", "-C", str(source)]
    head = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    subprocess.run([*git, "fetch", "--quiet", str(ROOT), head], check=True)
    # Not checked out: a file that is the same keeps its time, and nothing is compiled again.
    subprocess.run([*git, "update-ref", "--no-deref", "HEAD", head], check=True)
    subprocess.run([*git, "read-tree", head], check=True)
    listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in _names([*git, *listing]) - _names(["git", "-C", str(ROOT), *listing]):
        (source / name).unlink(missing_ok=True)
    for name in _names(["git", "-C", str(ROOT), *listing]):
        ours, theirs = ROOT / name, source / name
        if not ours.exists():
            theirs.unlink(missing_ok=True)
        elif not theirs.exists() or ours.read_bytes() != theirs.read_bytes():
            theirs.parent.mkdir(parents=True, exist_ok=True)
            theirs.unlink(missing_ok=True)
            shutil.copy(ours, theirs, follow_symlinks=False)


def _names(command: list[str]) -> set[str]:
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return set(filter(None, done.stdout.decode().split("\0")))


def _copy_of_release(suite: str, mirror: str | None, target: Path) -> Guest:
    bare = chroot.tree(suite, platform.machine(), [], mirror)
    if not target.exists():
        partial = target.with_name(f"{target.name}.part")
        shutil.rmtree(partial, ignore_errors=True)
        copy = ["cp", "--archive", "--reflink=auto", str(bare), str(partial)]
        subprocess.run(copy, check=True)
        partial.rename(target)
    guest = Guest(target)
    guest.update()
    return guest


def kept(suite: str, mirror: str | None = None) -> Guest:
    """A release that stays in the cache with all that was installed, and with its builds."""
    return _copy_of_release(suite, mirror, chroot.path(suite, platform.machine(), ["test"]))


@contextmanager
def fresh(suite: str, mirror: str | None = None) -> Iterator[Guest]:
    """A release as it comes, thrown away at the end."""
    target = chroot.path(suite, platform.machine(), [f"fresh.{os.getpid()}"])
    try:
        yield _copy_of_release(suite, mirror, target)
    finally:
        shutil.rmtree(target, ignore_errors=True)
