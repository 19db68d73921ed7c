"""The code in documents: what is shown runs, page by page, each page in one go.

    python -m tests.docs.snippets FILE...

prints an object in JSON: for each file what went wrong, "" where nothing did.

A block marked `python` is a piece of a program, or of a session at the prompt with its output.
The blocks of a page follow one another in one namespace. What only prepares them stands in a
comment, which readers do not see:

    <!-- prepare
    code
    -->
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

_BLOCK = re.compile(
    r"""
    ^(?P<indent>\ *)
    (?:
        ```(?:python|pycon)\n (?P<shown>.*?) ^\ *```
    |
        <!--\ prepare\n (?P<hidden>.*?) ^-->
    )
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """The blocks of a page in their order, each with the number of its first line."""
    for found in _BLOCK.finditer(text):
        name = "hidden" if found["shown"] is None else "shown"
        indent = found["indent"]
        code = re.sub(rf"^{indent}", "", found[name], flags=re.MULTILINE)
        yield text.count("\n", 0, found.start(name)) + 1, code


@mock.patch.dict(os.environ)
def run(file: Path) -> str:
    """Run the blocks of a page; the first failure as a text. The environment stays as it was."""
    # Not "__main__": what a program does when it is run is not for the middle of a page.
    names: dict[str, Any] = {"__name__": "page"}
    for line, code in blocks(file.read_text()):
        try:
            if code.lstrip().startswith(">>>"):
                if failures := run_session(code, names, f"{file}:{line}"):
                    return failures
            else:
                with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
                    exec(compile("\n" * (line - 1) + code, str(file), "exec"), names)
        except SystemExit as end:
            if end.code:
                return f"{file}:{line}: it ended with {end.code}"
        except BaseException:
            return traceback.format_exc()
    return ""


def run_session(code: str, names: dict[str, Any], where: str) -> str:
    """Run a session at the prompt; what did not come out as it is written."""
    test = doctest.DocTestParser().get_doctest(code, names, where, where, 0)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    said = io.StringIO()
    doctest.DocTestRunner(verbose=False, optionflags=flags).run(
        test, out=said.write, clear_globs=False
    )
    names.update(test.globs)
    return said.getvalue()


if __name__ == "__main__":
    print(json.dumps({name: run(Path(name)) for name in sys.argv[1:]}))
