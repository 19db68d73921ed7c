"""Expands `%h`, `%p` and `%n` in the words of the command, for each host."""

from __future__ import annotations

import os
import re

from remctl._cli.values import Misuse
from remctl._errors import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remctl import Target

#: `%p` for a host without a port if there is no -p: the first port that is tried.
DEFAULT_PORT = 4373


class Expander:
    """Expands words; knows the number of each host."""

    def __init__(self, hosts: Sequence[Target], port: int | None) -> None:
        self._numbers = {target: number for number, target in enumerate(hosts, 1)}
        self._port = port

    def words_for(self, words: list[str]) -> Callable[[Target], list[bytes]]:
        """A function that returns the words for a host. Raises Misuse for any other letter."""
        for word in words:
            for found in re.findall(r"%(.?)", word, re.DOTALL):
                if found not in ("h", "p", "n", "%"):
                    raise Misuse(
                        f"option --expand: %{printable(found)} in {word!r} is not %h, %p, %n or %% "
                        "(a per cent sign)"
                    )
        return lambda target: [self._expanded(word, target) for word in words]

    def _expanded(self, word: str, target: Target) -> bytes:
        values = {
            "%": "%",
            "h": target.host,
            "p": str(target.port or self._port or DEFAULT_PORT),
            "n": str(self._numbers[target]),
        }
        return os.fsencode(re.sub("%(.)", lambda found: values[found[1]], word))
