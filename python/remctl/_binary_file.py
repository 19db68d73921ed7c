"""What `run(..., stdout=FILE)` writes to."""

from __future__ import annotations

from typing import Any, Protocol


class BinaryFile(Protocol):
    """An object to write bytes to; it says how many it took.

    In the asynchronous world it may say so by an awaitable.
    """

    def write(self, data: bytes, /) -> Any:
        """Take some bytes, or all, and return their number."""
