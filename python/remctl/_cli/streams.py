"""Unbuffered binary writing to standard output and standard error."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl._cli.terminal import Harmless


class ClosedPipe(Exception):
    """The reader of our output has gone away."""


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything, also to a non-blocking descriptor.

    Raises ClosedPipe if nobody reads it, OSError for other failures.
    """
    view = memoryview(data)
    while view:
        written = write_some(descriptor, view)
        view = view[written:]
        if not written:
            wait_to_write(descriptor)


def write_some(descriptor: int, data: memoryview) -> int:
    """Write what can be written; returns how many bytes, maybe 0. Raises like `write_all()`."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise ClosedPipe from None
        raise


def wait_to_write(descriptor: int) -> None:
    """Wait until the descriptor is writable."""
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll()


class Stream:
    """One of the two, for a server's bytes: escaped on a terminal, otherwise unchanged."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._filter: Harmless | None = None
        if os.isatty(descriptor):
            from remctl._cli.terminal import Harmless

            self._filter = Harmless()

    def write(self, data: bytes) -> None:
        """Write everything. Raises like `write_all()`."""
        if self._filter is not None:
            data = self._filter.feed(data)
        write_all(self.descriptor, data)

    def end(self) -> None:
        """Write the rest of an incomplete character."""
        if self._filter is not None:
            write_all(self.descriptor, self._filter.feed(b"", final=True))


def say(text: str, prefix: str = "pyremctl: ") -> None:
    """Write a line to standard error; do nothing if it is closed or nobody reads it."""
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
    """Open the descriptors 0, 1 and 2 if they are closed, so that no connection gets these numbers.

    They are opened so that using them fails just as if they were closed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if descriptor == 0 else os.O_RDONLY)
