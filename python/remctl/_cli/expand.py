"""`%h`, `%p` and `%n` in the words of the command, for each host."""

from __future__ import annotations

import os
import re

from remctl._cli.values import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remctl import Target

#: The port of a host that has none of its own and no -p: the first that is tried.
DEFAULT_PORT = 4373


def expander(
    words: Sequence[str], hosts: Sequence[Target], port: int | None
) -> Callable[[Target], list[bytes]]:
    """What gives the words for a host. Raises Misuse for anything else after a per cent sign."""
    for word in words:
        for found in re.findall(r"%(.?)", word, re.DOTALL):
            if found not in ("h", "p", "n", "%"):
                raise Misuse(
                    f"option --expand: %{found} in {word!r} is not %h, %p, %n or %% "
                    "(a per cent sign)"
                )
    numbers = {target: number for number, target in enumerate(hosts, 1)}

    def expanded(target: Target) -> list[bytes]:
        values = {
            "%": "%",
            "h": target.host,
            "p": str(target.port or port or DEFAULT_PORT),
            "n": str(numbers[target]),
        }
        return [os.fsencode(re.sub("%(.)", lambda found: values[found[1]], word)) for word in words]

    return expanded
