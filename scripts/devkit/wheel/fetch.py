"""Get a pinned tarball: from a folder, the cache, a mirror or its home; always checked."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from . import CACHE
from .pins import Pin

MIRROR_VARIABLE = "PYREMCTL_DEPS_MIRROR"
SOURCES_VARIABLE = "PYREMCTL_DEPS_SOURCES"
TIMEOUT = 60


def sha256(path: Path) -> str:
    """The file's SHA256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def apt_mirrors(archive: str = "") -> list[str]:
    """The mirrors that this machine's apt is set up with, if it has apt.

    All but those of security updates, or those of one archive ("debian", "debian-security").
    """
    if shutil.which("apt-get") is None:
        return []
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = {line.rstrip("/") for line in done.stdout.split()}
    if archive:
        return sorted(address for address in found if address.rsplit("/", 1)[-1] == archive)
    return sorted(address for address in found if "security" not in address)


def _addresses(pin: Pin, mirror: str | None) -> Iterator[str]:
    if mirror:
        yield f"{mirror.rstrip('/')}/{pin.pool}"
        return
    if pin.url:
        yield pin.url
    for found in apt_mirrors():
        yield f"{found}/{pin.pool}"


def _download(address: str, target: Path) -> None:
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with (
            urllib.request.urlopen(address, timeout=TIMEOUT) as response,
            partial.open("wb") as out,
        ):
            shutil.copyfileobj(response, out)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def obtain(pin: Pin, sources: Path | None = None, mirror: str | None = None) -> Path:
    """The path of the pinned tarball, its SHA256 checked.

    `sources` (or $PYREMCTL_DEPS_SOURCES) is a folder that must hold it: nothing is
    downloaded then. `mirror` (or $PYREMCTL_DEPS_MIRROR) is the base address of a
    Debian mirror to use instead of the tarball's home.
    """
    sources = sources or (Path(found) if (found := os.environ.get(SOURCES_VARIABLE)) else None)
    mirror = mirror or os.environ.get(MIRROR_VARIABLE)
    folder = sources or CACHE / "sources"
    for name in pin.file_names:
        if (path := folder / name).is_file() and sha256(path) == pin.sha256:
            return path
    if sources is not None:
        names = " or ".join(pin.file_names)
        raise SystemExit(f"{folder} holds no {names} with SHA256 {pin.sha256}")

    folder.mkdir(parents=True, exist_ok=True)
    target = folder / pin.file_names[0]
    tried = []
    for address in _addresses(pin, mirror):
        try:
            _download(address, target)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            tried.append(f"  {address}: {error}")
            continue
        if (found_sum := sha256(target)) == pin.sha256:
            print(f"fetched {address}", file=sys.stderr)
            return target
        target.unlink()
        raise SystemExit(f"{address}: SHA256 is {found_sum}, pinned is {pin.sha256}")
    raise SystemExit("\n".join([f"cannot get {pin.name} {pin.version}:", *tried]))
