"""Find words that readers of plain English do not expect, in code, messages and pages.

    scripts/dev words

Prints each place, and fails if there is any. CONTRIBUTING.md names the rule.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

from devkit import ROOT, usage

WORDS = re.compile(
    r"\b([Aa]new|[Ll]est|in vain|[Ww]hoever|(?<!there )(?<!There )is none|of no use|makes? no sense"
    r"|sign of life|to be had|what (?:comes|came) of it|as far as that goes|for want of"
    r"|how manieth)\b"
)
# The rule itself, and what is not ours to change.
LEFT_OUT = re.compile(
    r"scripts/devkit/words\.py|CONTRIBUTING\.md|docs/python\.inv|tests/(fuzz/corpus|data)/"
)
# What marks a comment at the start of a line that goes on with a sentence.
MARK = re.compile(r"^[ \t]*(?://[/!]?|#:?|\|)?[ \t]*")


def places(name: str, text: str) -> Iterator[str]:
    """Where a file has such words, also where a line ends within them."""
    lines = text.splitlines()
    bare = [MARK.sub("", line) for line in lines]
    for number, line in enumerate(bare):
        following = bare[number + 1] if number + 1 < len(bare) else ""
        for found in WORDS.finditer(f"{line} {following}"):
            if found.start() <= len(line):
                yield f"{name}:{number + 1}: {found[0]}"


def main() -> None:
    """Look through every file of the repository."""
    usage(__doc__)
    listed = [
        "git",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    names = subprocess.run(listed, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
    found: list[str] = []
    for name in filter(None, names):
        path = ROOT / name
        if LEFT_OUT.match(name) or not path.is_file():
            continue
        try:
            found += places(name, path.read_text())
        except UnicodeDecodeError:
            continue
    print("\n".join(found))
    sys.exit(1 if found else 0)
