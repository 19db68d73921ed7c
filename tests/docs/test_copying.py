"""The copy buttons: what they copy is what a shell or Python accepts."""

from __future__ import annotations

import ast
import code
import subprocess
import sys
import types

import pytest

from tests.docs.browser import Browser
from tests.docs.test_manual import PAGES

# Presses every button of the page. The page's own function makes the text; the clipboard, which
# a page may only use when a person has clicked, is taken away from it.
PRESS = """
const copied = [];
document.execCommand = () => {
  copied.push(document.querySelector("body > textarea:last-of-type").value);
  return true;
};
for (const button of document.querySelectorAll("button.copybtn")) {
  const block = document.querySelector(button.dataset.clipboardTarget);
  const language = block.closest("[class*=highlight-]").className.match(/highlight-(\\w+)/)[1];
  button.click();
  copied.push([language, block.textContent, copied.pop()]);
}
return copied;
"""


class Prompt(code.InteractiveConsole):
    """Python's prompt, which takes lines as they are pasted, and runs nothing."""

    wrong = ""

    def runcode(self, code: types.CodeType) -> None:
        """Run nothing."""

    def showsyntaxerror(self, *arguments: object, **keywords: object) -> None:
        """Keep the error."""
        self.wrong = str(sys.exc_info()[1])


def typed(text: str) -> str:
    """What Python's prompt says against a text that is pasted into it."""
    prompt = Prompt()
    for line in [*text.splitlines(), ""]:
        prompt.push(line)
    return prompt.wrong


def fault(language: str, shown: str, copied: str) -> str:
    """What is wrong with a copied text, or nothing."""
    session, wrong = shown.startswith(">>> "), "prompts"
    if language == "console":
        checked = subprocess.run(["bash", "-n"], input=copied, text=True, capture_output=True)
        if checked.returncode or not copied.strip():
            return f"{copied!r} is not for a shell: {checked.stderr}"
        lines = [line for line in copied.splitlines() if line]
        commands = [line for line in shown.splitlines() if line.startswith(("$ ", "# "))]
        continued = [line for line in lines if line.endswith("\\")]
        if [line for line in lines if line.startswith(("$", "#"))]:
            return f"{copied!r} has prompts"
        if len(lines) != len(commands) + len(continued):
            return f"{copied!r} has other lines than {shown!r}"
    if language in ("python", "pycon", "default"):
        try:
            compile(copied, "copied", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
        except SyntaxError as error:
            return f"{copied!r} is not Python: {error}"
        if not session and copied.strip("\n") != shown.strip("\n"):
            return f"{copied!r} is not all of it"
        if session and (">>>" in copied or (wrong := typed(copied))):
            return f"{copied!r} cannot be typed: {wrong}"
    return ""


@pytest.mark.parametrize("page", PAGES)
def test_what_is_copied_can_be_typed(address: str, browser: Browser, page: str) -> None:
    browser.look(1280, "light")
    browser.open(f"{address}/{page}")
    browser.wait_until("return window.ClipboardJS !== undefined")
    blocks = browser.run("return document.querySelectorAll('div.highlight pre').length")
    copied = browser.run(PRESS)
    assert len(copied) == blocks
    assert [text for block in copied if (text := fault(*block))] == []


def test_a_wrong_copy_is_seen() -> None:
    assert fault("console", "$ a\nb\n", "$ a")
    assert fault("console", "$ a\nb\n", "a\nb")
    assert fault("console", "$ a \\\n  b\n", "a \\")
    assert fault("console", "# apt install x  (Debian)\n", "apt install x  (Debian)")
    assert fault("python", "# why\na = 1\n", "why")
    assert fault("python", "# why\na = 1\n", "a = 1")
    assert fault("python", ">>> a\n1\n", ">>> a")
    assert fault("python", ">>> if a:\n...     b\n>>> c\n", "if a:\n    b\nc\n")
    assert not fault("python", ">>> a\nTraceback\n", "a\n")
    assert not fault("console", "$ a \\\n  b\nc\n", "a \\\n  b\n")
