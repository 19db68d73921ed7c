"""Makes a server's output harmless for a terminal.

A terminal obeys control sequences: colours, but also titles, hidden text, cursor movements that
overwrite earlier output, and responses that appear as the user's input. So control characters
are shown and not sent: ESC as ^[; non-ASCII ones, characters that change the direction of
writing, and invalid UTF-8 as \\x9b or \\u202e. Line feeds, tabs, and carriage returns before a
line feed are kept.
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
    """Converts a stream of bytes, which arrives in pieces, for a terminal."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""

    def feed(self, data: bytes, final: bool = False) -> bytes:
        """The bytes to write after this piece; with `final` also the rest."""
        text = self._held + self._decoder.decode(data, final)
        self._held = ""
        if text.endswith("\r") and not final:
            text, self._held = text[:-1], "\r"
        return _encode(text)


def harmless(text: str) -> str:
    """A text that is harmless on a terminal or in a message."""
    return text.replace("\r\n", "\n").translate(_SHOWN)


def harmless_bytes(data: bytes) -> bytes:
    """Whole lines that are harmless on a terminal."""
    return _encode(data.decode("utf-8", "backslashreplace"))


def _encode(text: str) -> bytes:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return harmless(text).encode(encoding, "backslashreplace")


def coloured(descriptor: int) -> bool:
    """Whether to use colours: on a terminal, unless NO_COLOR is set."""
    return capable(descriptor) and not os.environ.get("NO_COLOR")


def capable(descriptor: int) -> bool:
    """Whether it is a terminal on which a line can be rewritten."""
    return os.isatty(descriptor) and os.environ.get("TERM", "dumb") != "dumb"
