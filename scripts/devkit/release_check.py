"""Say what is missing for a release of the version that pyproject.toml names.

    scripts/dev release-check [--switch]

The exit status is 1 where anything is. --switch changes the README's words on how to install, from
those of a package that is not on the index yet to those of one that is; once more, and they are
changed back.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator

from devkit import ROOT
from devkit.index_page import project

README = ROOT / "README.md"
# The two texts stand in the README one after another, the one that does not hold in a comment.
BEFORE = re.compile(r"<!-- before the release -->\n(.*?)<!-- after it:\n(.*?)-->\n", re.DOTALL)
AFTER = re.compile(
    r"<!-- before it:\n(.*?)-->\n<!-- after the release -->\n(.*?)<!-- end -->\n", re.DOTALL
)


def switched(text: str) -> str:
    """The README with the other text in force."""
    if BEFORE.search(text):
        after = "<!-- before it:\n{}-->\n<!-- after the release -->\n{}<!-- end -->\n"
        return BEFORE.sub(lambda found: after.format(*found.groups()), text)
    before = "<!-- before the release -->\n{}<!-- after it:\n{}-->\n"
    return AFTER.sub(lambda found: before.format(*found.groups()), text)


def missing() -> Iterator[str]:
    """What is to be done, a sentence each."""
    repository, documentation, version = project()
    if not repository:
        yield "pyproject.toml, [tool.pyremctl]: repository is empty: where the sources lie"
    if not documentation:
        yield "pyproject.toml, [tool.pyremctl]: documentation is empty: where the built manual lies"
    if BEFORE.search(README.read_text()):
        yield "README.md says that it is not on the index: scripts/dev release-check --switch"
    if not re.search(
        rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$",
        (ROOT / "CHANGELOG.md").read_text(),
        re.MULTILINE,
    ):
        yield f"CHANGELOG.md has no heading '## {version} (YYYY-MM-DD)'"
    citation = (ROOT / "CITATION.cff").read_text()
    if f"\nversion: {version}\n" not in citation:
        yield f"CITATION.cff is of another version than {version}"
    if "\ndate-released:" not in citation:
        yield "CITATION.cff has no date-released"
    if repository and f'repository-code: "{repository}"' not in citation:
        yield "CITATION.cff has no repository-code, or another one"
    status = ["git", "-C", str(ROOT), "status", "--porcelain"]
    if subprocess.run(status, check=True, stdout=subprocess.PIPE).stdout:
        yield "the working copy has changes that are not committed"


def main() -> None:
    """Check, or switch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--switch", action="store_true")
    if parser.parse_args().switch:
        README.write_text(switched(README.read_text()))
        return
    found = list(missing())
    for line in found:
        print(line)
    if found:
        sys.exit(1)
    print(f"{project()[2]} can be released")
