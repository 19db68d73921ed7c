"""--failed and --failed-safe: writes the hosts that did not succeed, to run the command again."""

from __future__ import annotations

import contextlib
import os

from remctl._cli.streams import write_all
from remctl._cli.summary import MAY_HAVE_RUN, reason_of
from remctl._cli.terminal import harmless
from remctl._cli.values import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Outcome, Target
    from remctl._cli.parse import Options


class FailedHosts:
    """Collects the hosts for --failed and --failed-safe; the files can be used with --hosts.

    Raises Misuse if a file cannot be made, before anything is sent.
    """

    def __init__(self, options: Options) -> None:
        self._port, self._principal = options.port, options.principal
        self._all: dict[Target, str] = {}
        self._safe: dict[Target, str] = {}
        self._files = [
            (_Replaced(path, option), lines)
            for path, option, lines in (
                (options.failed, "--failed", self._all),
                (options.failed_safe, "--failed-safe", self._safe),
            )
            if path is not None
        ]

    def ended(self, outcome: Outcome) -> None:
        """Note the host if it did not succeed."""
        if not self._files or (found := reason_of(outcome)) is None:
            return
        group, reason = found
        line = f"{self._written(outcome.target)}  # {group}: {_one_line(reason)}\n"
        self._all[outcome.target] = line
        if group is not MAY_HAVE_RUN:
            self._safe[outcome.target] = line

    def end(self) -> None:
        """Write the files. Raises OSError."""
        for file, lines in self._files:
            file.write("".join(lines.values()).encode(errors="surrogateescape"))

    def _written(self, target: Target) -> str:
        return as_line(target, self._port, self._principal)


def as_line(target: Target, port: int | None, principal: str | None) -> str:
    """A host as a line for --hosts, with the port and the principal that were used."""
    from remctl import Target

    used = Target(target.host, target.port or port)
    principal = target.principal or principal
    return f"{used} {principal}" if principal else str(used)


def _one_line(text: str) -> str:
    """A text without line breaks or control characters."""
    return harmless(" ".join(text.split()))


class _Replaced:
    """A file that is replaced as a whole, by one beside it.

    What is not a regular file is written as it is. - is standard output, and so is each name of
    the file that this goes to, or standard error: /dev/stdout has no file to be replaced.
    """

    def __init__(self, path: str, option: str) -> None:
        self._standard = 1 if path == "-" else _standard(path)
        self._path = os.path.realpath(path)
        self._whole = os.path.isfile(self._path) or not os.path.exists(self._path)
        if self._standard is not None:
            return
        folder = os.path.dirname(self._path)
        reason = ""
        if os.path.isdir(self._path):
            reason = "Is a directory"
        elif self._whole and not os.path.isdir(folder):
            reason = f"{folder} is not a directory"
        elif not os.access(folder if self._whole else self._path, os.W_OK):
            reason = "Permission denied"
        if reason:
            raise Misuse(f"option {option}: cannot write {path}: {reason}")

    def write(self, data: bytes) -> None:
        """Write it all, and take the file's place.

        Raises OSError with the name of the file, ClosedPipe.
        """
        if self._standard is not None:
            write_all(self._standard, data)
            return
        beside = f"{self._path}.{os.getpid()}" if self._whole else self._path
        try:
            with open(beside, "wb") as file:
                file.write(data)
                file.flush()
                if self._whole:
                    os.fsync(file.fileno())
            if self._whole:
                os.replace(beside, self._path)
        except OSError as error:
            if self._whole:
                with contextlib.suppress(OSError):
                    os.unlink(beside)
            raise OSError(error.errno, error.strerror, self._path) from None


def _standard(path: str) -> int | None:
    """Standard output or standard error, if that is where the path leads."""
    for number in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(path), os.fstat(number)):
                return number
    return None
