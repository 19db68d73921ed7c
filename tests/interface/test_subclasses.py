"""What an argument holds is sent, not what a subclass of its type shows of it."""

from enum import Enum
from pathlib import PurePosixPath

import pytest
from remctl import Remctl
from remctl.testing import Server

from tests.fix_realm import netstrings


class Colour(str, Enum):
    RED = "red"


class Masked(str):
    """A secret that is not to be seen in logs."""

    def __str__(self) -> str:
        return "*" * len(self)

    def __repr__(self) -> str:
        return "Masked('***')"

    def encode(self, *_: object, **__: object) -> bytes:
        return b"***"

    def __len__(self) -> int:
        return 3


class MaskedBytes(bytes):
    def __bytes__(self) -> bytes:
        return b"***"

    def __len__(self) -> int:
        return 3


class Folder(PurePosixPath):
    """As `os.fspath` has it."""

    def __fspath__(self) -> str:
        return "/really/here"


@pytest.mark.parametrize(
    ("argument", "sent"),
    [
        (Colour.RED, b"red"),
        (Masked("secret"), b"secret"),
        (MaskedBytes(b"secret"), b"secret"),
        (Folder("/shown/here"), b"/really/here"),
    ],
    ids=["enum", "str", "bytes", "path"],
)
def test_what_is_sent(server: Server, argument: object, sent: bytes) -> None:
    with Remctl("localhost", server.port) as remctl:
        answer = remctl.run(["test", "args", argument, "end"]).stdout or b""
    assert netstrings(answer) == [sent, b"end"]
