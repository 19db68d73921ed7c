"""Output in files, two for each host."""

from __future__ import annotations

import os
from io import FileIO

from remctl._cli.parse import Misuse
from remctl._cli.report import Writers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Target


class Files(Writers):
    """The report that writes files; see `remctl._cli.report.Report`.

    A file is made, or emptied, when its host is begun. Raises Misuse where the directory
    cannot be made.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder
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
        path = os.path.join(self._folder, f"{target}.{stream}")
        file = FileIO(path, "w")
        self.keep(target, file)
        return file
