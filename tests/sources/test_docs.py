"""What the documents say: their examples run or compile, and their links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import remctl

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/*.md")])
each = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks in a language."""
    found = re.findall(
        rf"^```{language}\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE
    )
    return [str(block) for block in found]


@each
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if not link.startswith(("http://", "https://", "#")):
            path = link.partition("#")[0]
            assert (document.parent / path).exists(), link


@each
def test_python_compiles(document: Path) -> None:
    for block in blocks(document, "python"):
        compile(block, str(document), "exec")


def test_the_examples_of_the_throwaway_realm_run() -> None:
    script = "\n".join(blocks(ROOT / "docs" / "howto" / "test-your-own-scripts.md", "python"))
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_the_reference_has_every_name() -> None:
    text = (ROOT / "docs" / "reference" / "remctl.md").read_text()
    names = [*remctl.__all__, *(name for name in dir(remctl.Remctl) if name[0] != "_")]
    assert [name for name in names if name not in text] == []
    text = (ROOT / "docs" / "reference" / "_remctl.md").read_text()
    names = [name for name in dir(remctl._remctl) if name.startswith("remctl")]
    assert [name for name in names if f"`{name}(" not in text] == []
