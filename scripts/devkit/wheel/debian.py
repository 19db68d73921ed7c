"""Read the changelogs of Debian's packages through apt, leaving the machine's set-up alone."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from . import fetch

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITES = ["sid", "forky", "trixie", "bookworm"]
SECURITY = ["trixie-security", "bookworm-security"]
CONFIGURATION = """
Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
"""


@dataclass(frozen=True)
class Changelog:
    """The changelog of one version of a package; old entries are left out of those."""

    version: str
    text: str


class Archive:
    """The binary packages of all suites that are looked after, for this machine."""

    def __init__(self, folder: Path, mirror: str | None = None) -> None:
        mirrors = [mirror] if mirror else fetch.apt_mirrors("debian")
        if not mirrors:
            raise SystemExit("name a Debian mirror with --mirror")
        lines = [(mirrors[0], suite) for suite in SUITES]
        for found in fetch.apt_mirrors("debian-security")[:1]:
            lines += [(found, suite) for suite in SECURITY]
        self._folder = folder
        for name in ("lists/partial", "cache/archives/partial", "packages"):
            (folder / name).mkdir(parents=True)
        (folder / "sources.list").write_text(
            "".join(f"deb [signed-by={KEYRING}] {site} {suite} main\n" for site, suite in lines)
        )
        (folder / "apt.conf").write_text(CONFIGURATION.format(folder=folder))
        self._run("apt-get", "-qq", "update")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self._folder / "packages",
            env={**os.environ, "APT_CONFIG": str(self._folder / "apt.conf"), "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    def _versions(self, package: str) -> list[str]:
        """Its versions in all suites, newest first."""
        rows = [line.split("|") for line in self._run("apt-cache", "madison", package).splitlines()]
        return list(dict.fromkeys(row[1].strip() for row in rows if "Packages" in row[2]))

    def changelogs(self, packages: list[str]) -> list[Changelog]:
        """That of every version of a library, which may have had several package names."""
        found = []
        for package in packages:
            for version in self._versions(package):
                self._run("apt-get", "-qq", "download", f"{package}={version}")
                (deb,) = (self._folder / "packages").glob("*.deb")
                found.append(Changelog(version, changelog(deb)))
                deb.unlink()
        return found


def changelog(deb: Path) -> str:
    """The text of the changelog inside a package."""
    files = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE, check=True)
    with tarfile.open(fileobj=io.BytesIO(files.stdout)) as archive:
        for member in archive.getmembers():
            if member.name.endswith("/changelog.Debian.gz") and (
                stream := archive.extractfile(member)
            ):
                return gzip.decompress(stream.read()).decode(errors="replace")
    raise SystemExit(f"{deb.name} has no changelog")
