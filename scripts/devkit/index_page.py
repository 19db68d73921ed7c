"""What the package index shows: the README with whole addresses, and where else to go.

Called by scikit-build-core when it makes the metadata. Both come from `repository` in
`[tool.pyremctl]` of pyproject.toml. Where that is empty, as before the first release, the README is
left as it is and there is no address but upstream's; `scripts/dev release-check` refuses then.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

# Built with any Python that the package supports, unlike the rest here.
if sys.version_info >= (3, 11):  # noqa: UP036
    import tomllib
else:
    import tomli as tomllib

from devkit import ROOT

UPSTREAM = {"remctl (protocol and server)": "https://www.eyrie.org/~eagle/software/remctl/"}
# [text](target) and ![text](target) of Markdown, where the target is a file of the repository.
LINK = re.compile(r"(!?)\[((?:[^][]|\[[^][]*\])*)\]\((?![a-z]+:|#)([^)\s]+)\)")


def project() -> tuple[str, str, str]:
    """The repository, the manual's address, and the version."""
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    ours: dict[str, str] = settings["tool"]["pyremctl"]
    version: str = settings["project"]["version"]
    return ours["repository"].rstrip("/"), ours["documentation"].rstrip("/"), version


def readme(text: str, repository: str, version: str) -> str:
    """The README with links into the repository at this version."""
    if not repository:
        return text

    def whole(match: re.Match[str]) -> str:
        image, words, target = match.groups()
        kind = "raw" if image else "blob"
        return f"{image}[{words}]({repository}/{kind}/v{version}/{target})"

    return LINK.sub(whole, text)


def urls(repository: str, documentation: str) -> dict[str, str]:
    """`[project.urls]`."""
    if not repository:
        return UPSTREAM
    return {
        "Documentation": documentation or f"{repository}/blob/main/docs/index.md",
        "Source": repository,
        "Issues": f"{repository}/issues",
        "Changes": f"{repository}/blob/main/CHANGELOG.md",
        **UPSTREAM,
    }


def dynamic_metadata(field: str, _settings: Mapping[str, Any] | None = None) -> dict[str, str]:
    """One field of the metadata, for scikit-build-core."""
    repository, documentation, version = project()
    if field == "urls":
        return urls(repository, documentation)
    if field == "readme":
        text = readme((ROOT / "README.md").read_text("utf-8"), repository, version)
        return {"content-type": "text/markdown", "text": text}
    raise ValueError(f"{field} is not made here")
