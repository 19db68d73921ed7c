"""The code that the documents show runs on a real realm, with the hosts that it names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.snippets import blocks
from tests.support import example_com, own_network

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    str(file.relative_to(ROOT))
    for file in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    if list(blocks(file.read_text()))
]

pytestmark = pytest.mark.skipif(
    not own_network.available(), reason="a network of one's own takes root"
)


@pytest.fixture(scope="module")
def failures() -> dict[str, str]:
    done = example_com.run_python("-m", "tests.docs.snippets", *DOCUMENTS)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_code_of_a_document_runs(document: str, failures: dict[str, str]) -> None:
    assert failures[document] == ""


def test_the_program_that_starts_processes_runs(tmp_path: Path) -> None:
    """Processes that are spawned import the program, which must not start again in them."""
    page = (ROOT / "docs/howto/many-hosts.md").read_text()
    (code,) = (code for _, code in blocks(page) if "ProcessPoolExecutor(" in code)
    program = tmp_path / "program.py"
    program.write_text(code)
    done = example_com.run_python(str(program))
    assert sorted(done.stdout.splitlines()) == ["web1.example.com True", "web2.example.com True"]
    assert (done.stderr, done.returncode) == ("", 0)


def test_the_code_of_documents_passes_a_type_checker(tmp_path: Path) -> None:
    """As strict as can be, but for functions without annotations, which the manual has."""
    for document in DOCUMENTS:
        lines: list[str] = []
        for number, code in blocks((ROOT / document).read_text()):
            if not code.lstrip().startswith(">>>"):
                lines += [""] * (number - 1 - len(lines)) + code.splitlines()
        name = document.removesuffix(".md").replace("/", "_").replace("-", "_")
        (tmp_path / f"{name}.py").write_text("\n".join(lines) + "\n")
    options = ["--strict", "--allow-untyped-defs", "--allow-untyped-calls"]
    options += ["--allow-incomplete-defs", "--check-untyped-defs"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--cache-dir", tmp_path / "cache", tmp_path],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_code_that_fails_is_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text("<!-- prepare\na = 1\n-->\n```python\n>>> a\n2\n```\n")
    done = example_com.run_python("-m", "tests.docs.snippets", str(wrong))
    assert "Expected:\n    2\nGot:\n    1" in json.loads(done.stdout)[str(wrong)]
