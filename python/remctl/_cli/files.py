"""Output in files, two for each host."""

from __future__ import annotations

import os
from io import FileIO

from remctl._cli.hosts import label
from remctl._cli.parse import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Outcome, Target


class Files:
    """The report that writes files; see `remctl._cli.interface.Report`.

    A file is made, or emptied, when its host is begun. Raises Misuse where the directory
    cannot be made.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._open: dict[Target, list[FileIO]] = {}
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise Misuse(f"option --outdir: cannot make {folder}: {error.strerror}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Misuse(f"option --outdir: cannot write in {folder}")

    def stdout(self, target: Target) -> FileIO:
        """The file of its standard output."""
        return self._file(target, "stdout")

    def stderr(self, target: Target) -> FileIO:
        """The file of its standard error."""
        return self._file(target, "stderr")

    def _file(self, target: Target, stream: str) -> FileIO:
        path = os.path.join(self._folder, f"{label(target)}.{stream}")
        file = FileIO(path, "w")
        self._open.setdefault(target, []).append(file)
        return file

    def ended(self, outcome: Outcome) -> None:
        """Close its files."""
        for file in self._open.pop(outcome.target, ()):
            file.close()

    def end(self) -> None:
        """Close the files of those that were given up."""
        for files in self._open.values():
            for file in files:
                file.close()
        self._open.clear()
