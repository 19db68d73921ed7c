"""The fuzz corpora: an archive a target."""

from pathlib import Path

import pytest
from devkit import corpus

TARGETS = sorted(
    path.stem.removeprefix("fuzz_") for path in (corpus.ARCHIVES.parent).glob("fuzz_*.cpp")
)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_unpacked_packs_to_the_same_bytes(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = corpus.archive(target).read_bytes()
    corpus.unpack(target, tmp_path / "inputs")
    assert any((tmp_path / "inputs").iterdir())
    monkeypatch.setattr(corpus, "ARCHIVES", tmp_path)
    corpus.pack(target, tmp_path / "inputs")
    assert corpus.archive(target).read_bytes() == kept


def test_each_archive_has_its_target() -> None:
    assert sorted(path.name for path in corpus.ARCHIVES.iterdir()) == [
        f"{target}.tar.xz" for target in TARGETS
    ]
