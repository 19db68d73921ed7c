"""Files of the hosts that did not succeed, to be run again."""

from __future__ import annotations

import os

from remctl._cli.summary import MAY_HAVE_RUN, reason_of
from remctl._cli.terminal import harmless
from remctl._cli.values import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Outcome, Target
    from remctl._cli.parse import Options


class FailedHosts:
    """What is written for --failed and --failed-safe: a file for --hosts.

    In its block the files are being made; what is not whole at its end is taken away.
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
        """Keep it if it did not succeed."""
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

    def __enter__(self) -> FailedHosts:
        return self

    def __exit__(self, *_: object) -> None:
        for file, _lines in self._files:
            file.drop()

    def _written(self, target: Target) -> str:
        return as_line(target, self._port, self._principal)


def as_line(target: Target, port: int | None, principal: str | None) -> str:
    """A host as a line for --hosts, with the port and the principal that it is asked by."""
    from remctl import Target

    used = Target(target.host, target.port or port)
    principal = target.principal or principal
    return f"{used} {principal}" if principal else str(used)


def _one_line(text: str) -> str:
    """A text with nothing in it that could end the line."""
    return harmless(" ".join(text.split()))


class _Replaced:
    """A file that is replaced as a whole: by one beside it, which is there from the beginning.

    What is not a regular file, /dev/stderr say, is written as it is; - is standard output.
    """

    def __init__(self, path: str, option: str) -> None:
        path = "/dev/stdout" if path == "-" else path
        self._path = os.path.realpath(path)
        self._beside: str | None = f"{self._path}.{os.getpid()}"
        try:
            if os.path.exists(path) and not os.path.isfile(path):
                self._beside, self._path = None, path
                self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            else:
                assert self._beside is not None
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                self._descriptor = os.open(self._beside, flags, 0o666)
        except (OSError, ValueError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or str(error)
            raise Misuse(f"option {option}: cannot write {path}: {reason}") from None

    def write(self, data: bytes) -> None:
        """Write it all, and take the file's place. Raises OSError with the name of the file."""
        from remctl._cli.streams import write_all

        try:
            write_all(self._descriptor, data)
            if self._beside is not None:
                os.fsync(self._descriptor)
                os.replace(self._beside, self._path)
                self._beside = None
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._path) from None
        finally:
            self.drop()

    def drop(self) -> None:
        """Close it; one that has not taken the file's place goes."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._beside is not None:
            os.unlink(self._beside)
            self._beside = None
