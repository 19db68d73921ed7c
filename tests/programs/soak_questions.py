"""The soak's commands, and the only right answer to each."""

from __future__ import annotations

import hashlib
import random
import secrets
from dataclasses import dataclass

from remctl import RemctlSimpleResult

LARGEST = 4 * 1024 * 1024
DATA = random.Random(8).randbytes(LARGEST)


@dataclass(frozen=True)
class Question:
    """A command that carries a nonce, and the only right answer."""

    nonce: str
    words: list[str | bytes]
    stdout: bytes
    status: int

    def fits(self, answer: RemctlSimpleResult) -> bool:
        """Whether it was answered as it must be."""
        return (answer.stdout, answer.stderr, answer.status) == (self.stdout, None, self.status)


def body(nonce: str, size: int) -> bytes:
    """What the command `note` answers: the nonce, and so many bytes made of it."""
    line = f"{nonce}\n".encode()
    return line + (line * (size // len(line) + 1))[:size]


def ask(name: str, rng: random.Random, *, small: bool) -> Question:
    """A command that nobody has asked before, of the client of this name."""
    nonce = f"{name}.{secrets.token_hex(8)}"
    status = rng.choice([0, 0, 0, 1, 128, 255])
    if not small and rng.random() < 0.04:
        size = int(LARGEST ** rng.uniform(0.5, 1))
        start = rng.randrange(LARGEST - size + 1)
        data = DATA[start : start + size]
        digest = hashlib.sha256(data).hexdigest()
        words: list[str | bytes] = ["soak", "take", nonce, str(status), data]
        return Question(nonce, words, f"{nonce} {size} {digest}\n".encode(), status)
    size = 0 if rng.random() < 0.7 else int(1_000_000 ** rng.random())
    words = ["soak", "note", nonce, str(size), str(status)]
    return Question(nonce, words, body(nonce, size), status)
