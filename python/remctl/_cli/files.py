"""--outdir: writes the output into files, two for each target."""

from __future__ import annotations

import json
import os
from io import FileIO

from remctl._cli.records import printable, record_of
from remctl._cli.report import Writers
from remctl._cli.values import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Outcome, Target

#: The list of targets with equal names: file name, target, principal.
LIST = "targets"

#: The file with the outcome of each host.
SUMMARY = "summary.json"


class Files(Writers):
    """The report of --outdir; see `remctl._cli.report.Report`.

    A file is created, or truncated, when its host starts; without `at_once` it is written from
    the kept output when the host is done. Each target has its own files, with its name. Targets
    with equal names get a number, and a list says which is which. Raises Misuse if the
    directory cannot be created.
    """

    def __init__(self, folder: str, port: int | None, at_once: bool) -> None:
        super().__init__()
        self._folder, self._port = folder, port
        self.stdout = self._stdout if at_once else None
        self.stderr = self._stderr if at_once else None
        self._names: dict[Target, str] = {}
        self._taken: set[str] = set()
        self._records: list[dict[str, object]] = []
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise Misuse(f"option --outdir: cannot make {folder}: {error.strerror}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Misuse(f"option --outdir: cannot write in {folder}")

    def ended(self, outcome: Outcome) -> None:
        """Close or write the files of the host."""
        target = outcome.target
        super().ended(outcome)
        if self.stdout is None and outcome.tries:
            result = outcome.result if outcome.error is None else outcome.error.partial
            for stream in ("stdout", "stderr"):
                data = result and getattr(result, stream)
                self._write(f"{self._name(target)}.{stream}", data or b"")
        record = record_of(outcome, self._port)
        name = self._names.get(target)
        for stream in ("stdout", "stderr"):
            record[stream] = None if name is None else printable(f"{name}.{stream}")
        principal = target.principal
        self._records.append(record | {"principal": principal and printable(principal)})

    def end(self) -> None:
        """Close all files, and write the outcomes and the list of numbered targets."""
        super().end()
        text = ",\n".join(map(json.dumps, self._records))
        self._write(SUMMARY, f"[\n{text}\n]\n".encode())
        numbered = [target for target, name in self._names.items() if name != str(target)]
        if not numbered:
            return
        shared = {str(target) for target in numbered}
        lines = [
            f"{name}\t{target}\t{target.principal or ''}\n"
            for target, name in self._names.items()
            if str(target) in shared
        ]
        self._write(LIST, "".join(lines).encode(errors="surrogateescape"))

    def _stdout(self, target: Target) -> FileIO:
        return self._file(target, "stdout")

    def _stderr(self, target: Target) -> FileIO:
        return self._file(target, "stderr")

    def _file(self, target: Target, stream: str) -> FileIO:
        path = os.path.join(self._folder, f"{self._name(target)}.{stream}")
        file = FileIO(path, "w")
        self.keep(target, file)
        return file

    def _write(self, name: str, data: bytes) -> None:
        path = os.path.join(self._folder, name)
        try:
            with open(path, "wb") as file:
                file.write(data)
        except OSError as error:  # an error of write() does not name the file
            raise OSError(error.errno, error.strerror, path) from None

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
