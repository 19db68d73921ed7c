"""Brings an exception of the caller's code from a worker to the run."""

from __future__ import annotations

import pickle
import sys
from contextlib import suppress
from typing import Any


class Raised:
    """An exception; if it cannot be sent to another process, a RuntimeError with its text is.

    Otherwise an exception that cannot be unpickled would break the whole process pool.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __reduce__(self) -> tuple[type[Raised], tuple[Exception]]:
        return Raised, (_portable(self.error),)


def _portable(error: Exception) -> Exception:
    picklers: list[Any] = [pickle, sys.modules.get("cloudpickle")]
    for pickler in picklers:
        if pickler is not None:
            with suppress(Exception):
                pickle.loads(pickler.dumps(error))
                return error
    return RuntimeError(f"{type(error).__name__}: {error}")
