"""cmake/deps.toml: which release tarballs a bundled wheel is made of."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from devkit import ROOT

PIN_FILE = ROOT / "cmake" / "deps.toml"
PATCHES = ROOT / "cmake" / "patches"


@dataclass(frozen=True)
class Pin:
    """One pinned release tarball."""

    name: str
    version: str
    url: str
    pool: str
    sha256: str
    license: str
    homepage: str
    bundled: bool
    cpe: str = ""
    patches: list[str] = field(default_factory=list)
    fixes: list[str] = field(default_factory=list)
    # Debian's packages of the library, past and present.
    debian: list[str] = field(default_factory=list)
    # CVE -> why the wheel does not have it, although the release does; and why it may go out
    # with it.
    not_affected: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    # File in the tarball -> the name it has in licenses/ and in the wheel.
    license_files: dict[str, str] = field(default_factory=dict)

    @property
    def file_names(self) -> list[str]:
        """The tarball's name upstream and in a Debian mirror's pool."""
        return [address.rsplit("/", 1)[1] for address in (self.url, self.pool) if address]

    @property
    def patch_files(self) -> list[Path]:
        """The patches to apply, in order."""
        return [PATCHES / name for name in self.patches]


def load(path: Path = PIN_FILE) -> dict[str, Pin]:
    """Read the pin file; keys it does not know are an error."""
    with path.open("rb") as stream:
        tables = tomllib.load(stream)
    return {
        name: Pin(name=name, **{key.replace("-", "_"): value for key, value in table.items()})
        for name, table in tables.items()
    }


def bundled() -> list[Pin]:
    """The libraries inside a bundled wheel, in the order they are built in."""
    pins = load()
    return [pins["keyutils"], pins["krb5"], pins["remctl"]]
