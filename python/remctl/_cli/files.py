"""--outdir: writes the output into files, two for each target."""

from __future__ import annotations

import json
import os
from functools import partial
from io import FileIO

from remctl._cli.hints import printable
from remctl._cli.records import record_of
from remctl._cli.replacing import naming, replace
from remctl._cli.report import Writers, each
from remctl._cli.values import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from remctl import Outcome, Target

#: The list of targets with equal names: file name, target, principal.
LIST = "targets"

#: The file with the outcome of each host.
SUMMARY = "summary.json"


def make_folder(folder: str) -> None:
    """Make the directory if it does not exist. Raises Misuse if it cannot be used.

    To be called when all other options are known to be right.
    """
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise Misuse(f"option --outdir: cannot make {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Misuse(f"option --outdir: cannot write in {folder}")


class Files(Writers):
    """The report of --outdir; see `remctl._cli.report.Report`.

    A file is created, or truncated, when its host starts; without `at_once` it is written from
    the kept output when the host is done. Each target has its own files, with its name. Targets
    with equal names get a number, and a list says which is which.
    """

    def __init__(self, folder: str, port: int | None, at_once: bool) -> None:
        super().__init__()
        self._folder, self._port = folder, port
        self.stdout = self._stdout if at_once else None
        self.stderr = self._stderr if at_once else None
        self._names: dict[Target, str] = {}
        self._taken: set[str] = set()
        self._records: list[dict[str, object]] = []

    def ended(self, outcome: Outcome) -> None:
        """Close or write the files of the host."""
        try:
            super().ended(outcome)
            if self.stdout is None and outcome.tries:
                each(partial(self._write, outcome, stream) for stream in ("stdout", "stderr"))
        finally:
            self._note(outcome)

    def _note(self, outcome: Outcome) -> None:
        """Keep the host's object for the summary."""
        target, record = outcome.target, record_of(outcome, self._port)
        name = self._names.get(target)
        for stream in ("stdout", "stderr"):
            record[stream] = None if name is None else printable(f"{name}.{stream}")
        principal = target.principal
        self._records.append(record | {"principal": principal and printable(principal)})

    def end(self) -> None:
        """Close all files, and write the outcomes and the list of numbered targets."""
        each((super().end, self._write_summary, self._write_list))

    def _write_summary(self) -> None:
        text = ",\n".join(map(json.dumps, self._records))
        replace(os.path.join(self._folder, SUMMARY), f"[\n{text}\n]\n".encode())

    def _write_list(self) -> None:
        numbered = [target for target, name in self._names.items() if name != str(target)]
        path = os.path.join(self._folder, LIST)
        if not numbered:
            _remove_list(path)
            return
        shared = {str(target) for target in numbered}
        lines = [
            f"{name}\t{target}\t{target.principal or ''}\n"
            for target, name in self._names.items()
            if str(target) in shared
        ]
        data = "".join(lines).encode(errors="surrogateescape")
        replace(path, data)

    def _stdout(self, target: Target) -> FileIO:
        return self._file(target, "stdout")

    def _stderr(self, target: Target) -> FileIO:
        return self._file(target, "stderr")

    def _file(self, target: Target, stream: str) -> FileIO:
        file = _File(self._path(target, stream))
        self.keep(target, file)
        return file

    def _write(self, outcome: Outcome, stream: str) -> None:
        """Write the file of a stream from the kept output."""
        result = outcome.result if outcome.error is None else outcome.error.partial
        path = self._path(outcome.target, stream)
        with naming(path), open(path, "wb") as file:
            file.write(getattr(result, stream, None) or b"")

    def _path(self, target: Target, stream: str) -> str:
        return os.path.join(self._folder, f"{self._name(target)}.{stream}")

    def _name(self, target: Target) -> str:
        """The name of the target's files, without the stream."""
        name = self._names.get(target)
        if name is None:
            number, name = 1, str(target)
            while name in self._taken:
                number += 1
                name = f"{target}.{number}"
            self._taken.add(name)
            self._names[target] = name
        return name


def _remove_list(path: str) -> None:
    """Remove the list of an earlier run. A file of the user with that name stays."""
    if not os.path.isfile(path):
        return
    with naming(path):
        with open(path, "rb") as file:
            ours = all(line.count(b"\t") == 2 for line in file)
        if ours:
            os.unlink(path)


class _File(FileIO):
    """A file whose errors name it."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "w")
        self._path = path

    def write(self, data: Any, /) -> int:
        with naming(self._path):
            return super().write(data)
