"""`batch=` and `max_failures=`, as numbers of hosts."""

from __future__ import annotations

import re
from typing import SupportsIndex

from remctl._arguments import count

#: A number of hosts, or a percentage of all of them, such as "10%".
Portion = SupportsIndex | str


class Limits:
    """The size of a batch, and how many hosts may fail before no more are started.

    None means no limit. Raises TypeError or ValueError that names an invalid argument.
    """

    def __init__(self, hosts: object, batch: Portion | None, max_failures: Portion | None) -> None:
        self.batch: int | None = None if batch is None else _number(batch, "batch", 1, hosts)
        self.max_failures: int | None = None
        if max_failures is not None:
            self.max_failures = _number(max_failures, "max_failures", 0, hosts)


def _number(value: Portion, name: str, least: int, hosts: object) -> int:
    if not isinstance(value, str):
        return count(value, name, least)
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", value)
    if found is None or not 0 <= float(found[1]) <= 100:
        raise ValueError(f"{name} must be an int or a percentage such as '10%', not {value!r}")
    try:
        total = len(hosts)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"{name}={value!r} needs hosts with a length, such as a list, "
            f"not {type(hosts).__name__}"
        ) from None
    return max(least, int(total * float(found[1]) / 100))
