"""The troubleshooting page, as a test reads it."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"


def _pattern(text: str) -> re.Pattern[str]:
    """A text with … for what differs."""
    return re.compile(".+".join(re.escape(part) for part in text.split("…")))


def _sections() -> list[tuple[list[re.Pattern[str]], list[re.Pattern[str]]]]:
    """The messages of each section, and the hints below them."""
    found = []
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        quotes = re.findall(r"(?:^> .*\n)+", body, re.M)
        hints = [quote.replace("\n> ", " ").removeprefix("> ").strip() for quote in quotes]
        messages = re.findall(r"`([^`]+)`", title)
        found.append(([_pattern(text) for text in messages], [_pattern(text) for text in hints]))
    return found


SECTIONS = _sections()


def is_described(message: str, hint: str | None) -> bool:
    """Whether there is a section for the message, with that hint in it."""
    return any(
        any(pattern.search(message) for pattern in messages)
        and (hint is None or any(pattern.fullmatch(hint) for pattern in hints))
        for messages, hints in SECTIONS
    )
