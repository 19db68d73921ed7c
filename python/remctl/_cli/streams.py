"""Standard output and standard error, by their descriptors: unbuffered, and with bytes."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._cli.terminal import Harmless


class ClosedPipe(Exception):
    """Nobody reads our output any more."""


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, also to a descriptor that does not block.

    Raises ClosedPipe when nobody reads it, OSError for other failures.
    """
    view = memoryview(data)
    while view:
        written = write_some(descriptor, view)
        view = view[written:]
        if not written:
            wait_to_write(descriptor)


def write_some(descriptor: int, data: memoryview) -> int:
    """Write what can be written; how many bytes that was, also 0. Raises as `write_all()` does."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise ClosedPipe from None
        raise


def wait_to_write(descriptor: int) -> None:
    """Wait until something can be written."""
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll()


class Stream:
    """One of the two, for bytes of a server: harmless on a terminal, else as they are."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._filter: Harmless | None = None
        if os.isatty(descriptor):
            from remctl._cli.terminal import Harmless

            self._filter = Harmless()

    def write(self, data: bytes) -> None:
        """Write all of it. Raises as `write_all()` does."""
        if self._filter is not None:
            data = self._filter.feed(data)
        write_all(self.descriptor, data)

    def end(self) -> None:
        """Write what was held back of a character that never was completed."""
        if self._filter is not None:
            write_all(self.descriptor, self._filter.feed(b"", final=True))


def say(text: str, prefix: str = "pyremctl: ") -> None:
    """Write a line to standard error; without one, or where nobody reads it, do nothing."""
    try:
        data = os.fsencode(prefix + text + "\n")
    except UnicodeEncodeError:
        data = (prefix + text + "\n").encode("utf-8", "backslashreplace")
    try:
        if os.isatty(2):
            from remctl._cli.terminal import harmless_bytes

            data = harmless_bytes(data)
        write_all(2, data)
    except (OSError, ClosedPipe):
        pass


def occupy_standard_descriptors() -> None:
    """Open 0, 1 and 2 if they are closed: a connection must not get one of these numbers.

    What was closed is opened so that using it fails as it would have failed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if descriptor == 0 else os.O_RDONLY)
