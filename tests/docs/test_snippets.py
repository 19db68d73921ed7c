"""The code that the documents show runs on a real realm, with the hosts that it names."""

from __future__ import annotations

import json
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


def test_code_that_fails_is_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text("<!-- prepare\na = 1\n-->\n```python\n>>> a\n2\n```\n")
    done = example_com.run_python("-m", "tests.docs.snippets", str(wrong))
    assert "Expected:\n    2\nGot:\n    1" in json.loads(done.stdout)[str(wrong)]
