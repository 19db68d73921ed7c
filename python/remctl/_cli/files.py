"""Output in files, two for each target."""

from __future__ import annotations

import os
from io import FileIO

from remctl._cli.report import Writers
from remctl._cli.values import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Target

#: The list of the targets that share a name: the name of their files, the target, its principal.
LIST = "targets"


class Files(Writers):
    """The report that writes files; see `remctl._cli.report.Report`.

    A file is made, or emptied, when its host is started. Each target has its own, named for it;
    those whose names would be the same have a number in them, and a list of their own says which
    is whose. Raises Misuse where the directory cannot be made.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder
        self._names: dict[Target, str] = {}
        self._taken: set[str] = set()
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
        path = os.path.join(self._folder, f"{self._name(target)}.{stream}")
        file = FileIO(path, "w")
        self.keep(target, file)
        return file

    def _name(self, target: Target) -> str:
        """What the target's files are called, without the stream."""
        name = self._names.get(target)
        if name is None:
            number, name = 1, str(target)
            while name in self._taken:
                number += 1
                name = f"{target}.{number}"
            self._taken.add(name)
            self._names[target] = name
        return name

    def end(self) -> None:
        """Close all, and write the list of the targets whose files have a number."""
        super().end()
        numbered = [target for target, name in self._names.items() if name != str(target)]
        if not numbered:
            return
        shared = {str(target) for target in numbered}
        lines = [
            f"{name}\t{target}\t{target.principal or ''}\n"
            for target, name in self._names.items()
            if str(target) in shared
        ]
        with open(os.path.join(self._folder, LIST), "wb") as file:
            file.write("".join(lines).encode(errors="surrogateescape"))
