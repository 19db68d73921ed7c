"""Numbers for callers that are not threads: tasks and greenlets."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from remctl import _remctl


class Callers:
    """Gives each caller a number, which, unlike an object's id, is never reused."""

    def __init__(self) -> None:
        self._numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._nobody = _remctl.new_caller()

    def number(self, caller: Any) -> int:
        """The number of a caller; None stands for a callback of the loop."""
        if caller is None:
            return self._nobody
        number = self._numbers.get(caller)
        if number is None:
            number = self._numbers[caller] = _remctl.new_caller()
        return number
