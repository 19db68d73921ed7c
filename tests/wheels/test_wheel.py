"""What is in the wheel, and what is not."""

from __future__ import annotations

import email
import json
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import remctl
from devkit.wheel import finish, gates, pins, toolchain, wheelfile
from remctl import _remctl

from tests.wheels.conftest import ROOT, Bundled, need

PAGE = (ROOT / "docs" / "howto" / "wheels.md").read_text()


def metadata(wheel: Path) -> tuple[set[str], dict[str, bytes]]:
    """The names of all files, and the contents of dist-info without its folder."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = {
            name.split(".dist-info/")[1]: archive.read(name)
            for name in names
            if ".dist-info/" in name
        }
    return names, info


def test_exports_one_symbol(bundled: Bundled) -> None:
    need("nm")
    command = ["nm", "-D", "--defined-only", str(bundled.extension)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["PyInit__remctl"]


def test_the_page_has_the_sizes_of_this_wheel(wheel: Path, bundled: Bundled) -> None:
    """By 5 %; scripts/dev wheel build --record writes them."""
    rows = re.findall(r"^\| cp3\d+t? \(.*\) \| ([\d,]+) \| ([\d,]+) \|", PAGE, re.MULTILINE)
    sizes = [[int(size.replace(",", "")) for size in row] for row in rows]
    assert sizes
    measured = (wheel.stat().st_size, bundled.extension.stat().st_size)
    for size, told in zip(measured, zip(*sizes, strict=True), strict=True):
        assert min(told) * 0.95 < size < max(told) * 1.05, (size, told)


def test_the_page_says_what_is_in_it() -> None:
    (contents,) = re.findall(r"<!-- contents: .*?-->(.*?)<!-- end -->", PAGE, re.DOTALL)
    for origin in ("krb5", "libremctl"):
        assert origin in contents


def test_passes_every_gate(bundled: Bundled) -> None:
    need("nm", "readelf")
    assert [finding for finding in gates.check(bundled.extension) if not finding.passed] == []


def test_gates_refuse_the_system_build() -> None:
    need("nm", "readelf")
    failed = {found.gate for found in gates.check(Path(_remctl.__file__)) if not found.passed}
    assert "needs only the C library" in failed
    if platform.machine() == "x86_64":
        assert "lets the processor do AES" in failed
    # Either flavour keeps its symbols to itself.
    assert "exports only its init function" not in failed


def test_gates_refuse_build_folders() -> None:
    assert gates.build_paths(b"\0/home/builder/src/a.cpp\0") == {b"/home/builder/src/a.cpp"}
    assert gates.build_paths(b"\0/tmp/krb5cc_%{uid}\0/etc/krb5.conf\0") == set()


def test_names_of_another_platform(wheel: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copy(wheel, tmp_path))
    renamed = wheelfile.retarget(copied, "linux_aarch64", "cpython-313-aarch64-linux-musl")
    assert renamed.name.endswith("-linux_aarch64.whl")
    names, info = metadata(renamed)
    tags = email.message_from_bytes(info["WHEEL"]).get_all("Tag", [])
    assert tags
    assert all(tag.endswith("-linux_aarch64") for tag in tags)
    extensions = [name for name in names if name.endswith(".so")]
    assert extensions == ["remctl/_remctl.cpython-313-aarch64-linux-musl.so"]


def test_a_name_for_another_platform_does_not_go_out() -> None:
    members = {"remctl/_remctl.cpython-313-x86_64-linux-gnu.so": b""}
    assert finish.check_name(members, "manylinux_2_17_x86_64").passed
    assert not finish.check_name(members, "manylinux_2_17_aarch64").passed
    assert not finish.check_name(members, "musllinux_1_2_x86_64").passed


def test_the_assembler_is_the_pinned_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="needs the assembler yasm"):
        toolchain.find_yasm()
    yasm = tmp_path / "yasm"
    yasm.write_text("#!/bin/sh\necho yasm 0.9\n")
    yasm.chmod(0o755)
    with pytest.raises(SystemExit, match=r"yasm 0\.9, pinned is"):
        toolchain.find_yasm()


def test_auditwheel_agrees(wheel: Path) -> None:
    command = [sys.executable, "-m", "auditwheel", "show", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    text = " ".join(done.stdout.split())
    assert re.search(r'platform tag: "manylinux_2_17_\w+"', text), text
    assert "manylinux_2_17" in wheel.name


def test_says_what_is_inside(bundled: Bundled) -> None:
    versions = {pin.name: pin.version for pin in pins.bundled()}
    info = json.loads(
        bundled.output("import json, remctl;print(json.dumps(remctl.build_info()._asdict()))")
    )
    assert info["flavour"] == "bundled"
    assert info["version"] == remctl.__version__
    assert info["libremctl"] == versions["remctl"]
    assert info["krb5"] == versions["krb5"]
    assert info["keyutils"] == versions["keyutils"]


def test_version_option(bundled: Bundled) -> None:
    done = subprocess.run(
        bundled.command("-m", "remctl", "--version"),
        env=bundled.env(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"pyremctl {remctl.__version__} (bundled)" in done.stdout
    assert f"krb5 {pins.load()['krb5'].version} (inside this package)" in done.stdout


def test_system_build_says_so() -> None:
    info = remctl.build_info()
    assert info.flavour == "system"
    assert info.keyutils is None
    assert info.libremctl
    script = shutil.which("pyremctl", path=str(Path(sys.executable).parent))
    assert script is not None
    for command in ([sys.executable, "-m", "remctl"], [script]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert f"pyremctl {remctl.__version__} (system)" in done.stdout


def test_licences_travel(wheel: Path) -> None:
    _, info = metadata(wheel)
    head = email.message_from_bytes(info["METADATA"])
    listed = head.get_all("License-File", [])
    assert {f"licenses/{name}" for name in listed} == {n for n in info if n.startswith("licenses/")}
    texts = {text for pin in pins.bundled() for text in pin.license_files.values()}
    assert texts < set(listed)
    assert "LGPL-2.1-or-later" in head["License-Expression"]


def test_sbom_lists_what_is_pinned(wheel: Path) -> None:
    _, info = metadata(wheel)
    bom = json.loads(info["sboms/pyremctl.cdx.json"])
    assert bom["bomFormat"] == "CycloneDX"
    parts = {part["name"]: part for part in bom["components"]}
    for pin in pins.bundled():
        part = parts[pin.name]
        assert part["version"] == pin.version
        assert part["hashes"] == [{"alg": "SHA-256", "content": pin.sha256}]
        assert pin.version in part["cpe"]
    answered = {one["id"]: one["analysis"]["state"] for one in bom["vulnerabilities"]}
    assert answered["CVE-2026-40355"] == "resolved_with_pedigree"
    assert answered["CVE-2026-11850"] == "not_affected"
    references = {part["bom-ref"] for part in bom["components"]}
    for entry in bom["dependencies"]:
        assert set(entry["dependsOn"]) <= references


def test_pinned_files_exist() -> None:
    for pin in pins.load().values():
        assert re.fullmatch(r"[0-9a-f]{64}", pin.sha256)
        assert pin.version in pin.url or not (pin.url or pin.bundled)
        assert pin.version in pin.pool
        assert all(path.is_file() for path in pin.patch_files)


@pytest.mark.parametrize("name", ["_remctl", "remctl._remctl"])
def test_low_level_module(bundled: Bundled, name: str) -> None:
    assert bundled.output(f"import {name} as m; print(m.build_info()['flavour'])") == "bundled"
