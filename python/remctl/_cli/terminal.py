"""Bytes of a server on their way to a terminal, without the power to command it.

A terminal obeys what is written to it: colours, but also titles, colours that hide, cursors
that go back over what was written, answers that are typed in the user's name. So control
characters are shown there and not sent: ESC as ^[, and those beyond ASCII, the ones that turn
the direction of writing, and bytes that are no UTF-8 as \\x9b or \\u202e. Line feeds and
tabulators stay, and carriage returns before a line feed.
"""

from __future__ import annotations

import codecs
import os
import sys

_SHOWN = {code: f"^{chr(code ^ 0x40)}" for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n"}
_SHOWN |= {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}
# Marks, embeddings, overrides and isolates of direction; separators of lines and paragraphs.
_SHOWN |= {
    code: f"\\u{code:04x}"
    for code in (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}


class Harmless:
    """What to write to a terminal instead of a stream of bytes that comes in pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""

    def feed(self, data: bytes, final: bool = False) -> bytes:
        """What can be written when this piece has come; with `final` all that is left."""
        text = self._held + self._decoder.decode(data, final)
        self._held = ""
        if text.endswith("\r") and not final:
            text, self._held = text[:-1], "\r"
        return _encode(text)


def harmless(text: str) -> str:
    """A text as it may stand on a terminal or in a message."""
    return text.replace("\r\n", "\n").translate(_SHOWN)


def harmless_bytes(data: bytes) -> bytes:
    """Whole lines as they may be written to a terminal."""
    return _encode(data.decode("utf-8", "backslashreplace"))


def _encode(text: str) -> bytes:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return harmless(text).encode(encoding, "backslashreplace")


def coloured(descriptor: int) -> bool:
    """Whether colours may be used there: on a terminal, unless NO_COLOR says no."""
    return capable(descriptor) and not os.environ.get("NO_COLOR")


def capable(descriptor: int) -> bool:
    """Whether it is a terminal on which a line can be rewritten."""
    return os.isatty(descriptor) and os.environ.get("TERM", "dumb") != "dumb"
