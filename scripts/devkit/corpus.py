"""The inputs of the fuzz targets that are kept: an archive a target, the same bytes for the same.

scripts/dev corpus pack TARGET FOLDER
scripts/dev corpus unpack TARGET FOLDER
"""

import sys
import tarfile
from pathlib import Path

from devkit import ROOT, usage

ARCHIVES = ROOT / "tests" / "fuzz" / "corpus"


def archive(target: str) -> Path:
    """Where a target's inputs are kept."""
    return ARCHIVES / f"{target}.tar.xz"


def unpack(target: str, folder: Path) -> None:
    """Write a target's inputs into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    if not archive(target).exists():
        return  # a new target
    with tarfile.open(archive(target)) as packed:
        for member in packed:
            data = packed.extractfile(member)
            assert data is not None, member.name
            (folder / Path(member.name).name).write_bytes(data.read())


def pack(target: str, folder: Path) -> None:
    """Keep the inputs in a folder as the target's."""
    ARCHIVES.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive(target), "w:xz", format=tarfile.USTAR_FORMAT) as packed:
        for path in sorted(folder.iterdir()):
            member = tarfile.TarInfo(path.name)
            member.size = path.stat().st_size
            with path.open("rb") as file:
                packed.addfile(member, file)


def main() -> None:
    """Do the one or the other."""
    usage(__doc__)
    match sys.argv[1:]:
        case ["pack" | "unpack" as action, target, folder]:
            {"pack": pack, "unpack": unpack}[action](target, Path(folder))
        case _:
            sys.exit(f"{sys.argv[0]}: it takes pack or unpack, a target and a folder")
