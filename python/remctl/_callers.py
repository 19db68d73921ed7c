"""Numbers that tell callers apart which are no threads: tasks, greenlets."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from remctl import _remctl


class Callers:
    """A number for each caller. It is not used again, as an object's id is."""

    def __init__(self) -> None:
        self._numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._nobody = _remctl.new_caller()

    def number(self, caller: Any) -> int:
        """The number of a caller; None is a callback of the loop's."""
        if caller is None:
            return self._nobody
        number = self._numbers.get(caller)
        if number is None:
            number = self._numbers[caller] = _remctl.new_caller()
        return number
