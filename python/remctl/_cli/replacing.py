"""Replaces files as a whole, so that a reader never finds half of one."""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    """Raise each OSError of the block with the name of the file, which write() leaves out."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def replace(path: str, data: bytes) -> None:
    """Write another file in the same folder, and rename it to this one. The mode is kept.

    Raises OSError with the name of the file, which is unchanged then.
    """
    with naming(path):
        try:
            mode = os.stat(path).st_mode & 0o7777
        except FileNotFoundError:
            mode = None
        # This name cannot be guessed, and is short even if the name of the file is as long as
        # names can be.
        beside = os.path.join(os.path.dirname(path), f".pyremctl-{os.urandom(8).hex()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(beside, flags, 0o666 if mode is None else mode & 0o700)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                if mode is not None:
                    os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise
