"""--failed and --failed-safe: writes the hosts that did not succeed, to run the command again."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from remctl._cli.replacing import naming, replace
from remctl._cli.streams import write_all
from remctl._cli.summary import MAY_HAVE_RUN, explained, reason_of
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
            (_Destination(path, option, options.outdir), lines)
            for path, option, lines in (
                (options.failed, "--failed", self._all),
                (options.failed_safe, "--failed-safe", self._safe),
            )
            if path is not None
        ]
        if self._files:
            check_principal(options, "--failed" if options.failed else "--failed-safe")
        replaced = [file.replaced for file, _ in self._files if file.replaced is not None]
        if len(set(replaced)) < len(replaced):
            raise Misuse("options --failed and --failed-safe: the two files are the same")

    def ended(self, outcome: Outcome) -> None:
        """Note the host if it did not succeed."""
        if not self._files or (found := reason_of(outcome)) is None:
            return
        group, reason = found
        line = f"{self._written(outcome.target)}  # {_one_line(explained(group, reason))}\n"
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


def check_principal(options: Options, option: str) -> None:
    """Raise Misuse if --hosts could not read the principal in the lines of this option."""
    principal = options.principal
    if principal and (principal.startswith("#") or principal.split() != [principal]):
        raise Misuse(
            f"option {option}: --hosts cannot read the principal {principal!r}: it must not have "
            "a blank or a line break, or start with #"
        )


def _one_line(text: str) -> str:
    """A text without line breaks or control characters."""
    return harmless(" ".join(text.split()))


class _Destination:
    """Where a list goes: a file is replaced as a whole; anything else is written as it is.

    - is standard output, and so is each name of the file that this goes to, or standard error:
    /dev/stdout has no file to be replaced. Raises Misuse that names the option if it cannot be
    written.

    Attributes:
        replaced: the path of the file, without symbolic links; None for anything else.
    """

    def __init__(self, path: str, option: str, outdir: str | None) -> None:
        self.replaced: str | None = None
        self._path = path
        self._standard = 1 if path == "-" else _standard(path)
        if self._standard is None:
            try:
                self._look(outdir)
            except OSError as error:
                raise Misuse(f"option {option}: cannot write {path}: {error.strerror}") from None

    def _look(self, outdir: str | None) -> None:
        """Find out what it is. Raises OSError if it cannot be written."""
        path = os.path.realpath(self._path)
        try:
            mode = os.stat(self._path).st_mode
        except FileNotFoundError:
            self.replaced = path
        else:
            if stat.S_ISDIR(mode):
                raise _error(errno.EISDIR)
            # A name in /dev/fd may lead to a pipe, or to a deleted file, which have no other name.
            if os.path.exists(path):
                self._path = path
                self.replaced = path if stat.S_ISREG(mode) else None
        folder = os.path.dirname(path)
        if _made_later(folder, outdir):
            return
        if self.replaced is not None and not os.path.isdir(folder):
            raise _error(errno.ENOTDIR, f"{folder} is not a directory")
        if not os.access(self._path if self.replaced is None else folder, os.W_OK):
            raise _error(errno.EACCES)

    def write(self, data: bytes) -> None:
        """Write it all. Raises OSError with the name of the file, ClosedPipe."""
        if self._standard is not None:
            write_all(self._standard, data)
        elif self.replaced is not None:
            replace(self.replaced, data)
        else:
            with naming(self._path), open(self._path, "wb") as file:
                file.write(data)


def _made_later(folder: str, outdir: str | None) -> bool:
    """Whether --outdir will make the folder, once all options are known to be right."""
    if outdir is None or os.path.exists(folder):
        return False
    return os.path.commonpath((os.path.realpath(outdir), folder)) == folder


def _error(number: int, text: str = "") -> OSError:
    return OSError(number, text or os.strerror(number))


def _standard(path: str) -> int | None:
    """Standard output or standard error, if that is where the path leads."""
    for number in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(path), os.fstat(number)):
                return number
    return None
