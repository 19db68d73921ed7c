"""The type of files for `run(..., stdout=FILE)`."""

from __future__ import annotations

from typing import Any, Protocol


class BinaryFile(Protocol):
    """An object with a `write()` for bytes that returns how many it wrote.

    In asynchronous calls it may return an awaitable.
    """

    def write(self, data: bytes, /) -> Any:
        """Write some or all of the bytes, and return their number."""
