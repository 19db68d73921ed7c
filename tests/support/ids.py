"""Names for the values of parametrized tests that are the same in every run."""

import re


def shown(value: object) -> str:
    """A value's repr without addresses, and with the members of sets in order.

    Runs side by side must agree on the names of their tests.
    """
    if isinstance(value, (set, frozenset)):
        members = ", ".join(sorted(map(repr, value)))
        return f"{type(value).__name__}({{{members}}})"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
