"""Unpack tar archives with the library of any Python, also of one before security releases."""

from __future__ import annotations

import tarfile
from pathlib import Path


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack all of an archive; nothing outside the folder where the library can see to that.

    Filters came with 3.12, and with 3.10.12 and 3.11.4. Archives are pinned or our own.
    """
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
    else:
        archive.extractall(folder)
