"""What a release needs, and what the package index shows."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from devkit import index_page, release_check

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://code.example.org/pyremctl"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NOW = (ROOT / "README.md").read_text()
README = NOW if release_check.BEFORE.search(NOW) else release_check.switched(NOW)


def test_every_link_of_the_index_page_is_whole() -> None:
    page = index_page.readme(README, REPOSITORY, "4.0.0")
    targets = re.findall(r"\]\(([^)]*)\)", page)
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    assert f"![pyremctl on a fleet of ten]({REPOSITORY}/raw/v4.0.0/docs/pictures/" in page
    assert f"[Changes]({REPOSITORY}/blob/v4.0.0/CHANGELOG.md)" in page


def test_the_index_page_is_the_readme_while_the_repository_is_not_known() -> None:
    assert index_page.readme(README, "", "4.0.0") == README
    assert list(index_page.urls("", "")) == ["remctl (protocol and server)"]


def test_the_repository_is_named_once_for_all_addresses() -> None:
    urls = index_page.urls(REPOSITORY, "https://manual.example.org")
    assert urls == {
        "Documentation": "https://manual.example.org",
        "Source": REPOSITORY,
        "Issues": f"{REPOSITORY}/issues",
        "Changes": f"{REPOSITORY}/blob/main/CHANGELOG.md",
        "remctl (protocol and server)": "https://www.eyrie.org/~eagle/software/remctl/",
    }


def test_a_release_is_refused_while_anything_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("README.md", "CHANGELOG.md", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "README.md").write_text(README)
    changes = (tmp_path / "CHANGELOG.md").read_text()
    changes = re.sub(r"^## 4\.0\.0 \(.*\)$", "## 4.0.0 (unreleased)", changes, flags=re.MULTILINE)
    (tmp_path / "CHANGELOG.md").write_text(changes)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.setattr(release_check, "ROOT", tmp_path)
    monkeypatch.setattr(release_check, "README", tmp_path / "README.md")
    monkeypatch.setattr(release_check, "project", lambda: ("", "", "4.0.0"))
    wanted = ["repository is empty", "documentation is empty", "README.md says", "CHANGELOG.md has"]
    found = list(release_check.missing())
    for words in wanted:
        assert any(words in line for line in found), found

    known = (REPOSITORY, "https://manual.example.org", "4.0.0")
    monkeypatch.setattr(release_check, "project", lambda: known)
    (tmp_path / "README.md").write_text(release_check.switched(README))
    changes = changes.replace("(unreleased)", "(2027-01-31)")
    (tmp_path / "CHANGELOG.md").write_text(changes)
    more = f'date-released: 2027-01-31\nrepository-code: "{REPOSITORY}"\n'
    with (tmp_path / "CITATION.cff").open("a") as citation:
        citation.write(more)
    (tmp_path / ".gitignore").write_text("*\n")
    assert list(release_check.missing()) == []


def test_one_switch_makes_the_readme_true_on_the_day_of_release() -> None:
    after = release_check.switched(README)
    shown = re.sub(r"<!--.*?-->", "", after, flags=re.DOTALL)
    assert "pip install pyremctl" in shown
    assert "not yet on the Python package index" not in shown
    assert "pip install ." not in shown
    assert release_check.switched(after) == README


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_commits(workflow: Path) -> None:
    for used in re.findall(r"uses: (.*)", workflow.read_text()):
        assert re.fullmatch(r"\./\S+|[\w./-]+@[0-9a-f]{40} # v[\d.]+", used), used


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_verb_and_program_that_a_workflow_names_is_there(workflow: Path) -> None:
    text = workflow.read_text()
    verbs = {name.replace("-", "_") for name in re.findall(r"scripts/dev ([a-z-]+)", text)}
    modules = {path.stem for path in (ROOT / "scripts/devkit").glob("[!_]*")}
    assert verbs <= modules
    _, _, matrix = text.partition("        program:\n")
    for program in re.findall(r"^ {10}- (\w+)", matrix, re.MULTILINE):
        assert (ROOT / "tests" / "programs" / f"{program}.py").exists(), program


def test_what_is_published_has_passed_ci() -> None:
    text = (ROOT / ".github" / "workflows" / "publish.yml").read_text()
    assert "uses: ./.github/workflows/ci.yml" in text
    assert "needs: [ci, build]" in text


def test_every_python_of_the_classifiers_has_a_job() -> None:
    claimed = re.findall(
        r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text()
    )
    jobs = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert claimed
    assert [version for version in claimed if f'"{version}"' not in jobs] == []
