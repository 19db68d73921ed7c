"""Rewrite a wheel: the licences of what is bundled into its metadata, the same bytes always."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import time
import zipfile
from pathlib import Path

from . import pins

# 1980-01-01, the earliest that a zip file can say.
EARLIEST = 315532800
# How the name of the program ends. pip makes it executable only if it is so in the wheel.
PROGRAM = ".data/scripts/pyremctl"
# Of what the compiler adds and of our own; those of the bundled libraries are in the pins.
OWN_LICENSES = ["MIT", "BSD-3-Clause", "Apache-2.0 WITH LLVM-exception"]

Members = dict[str, bytes]


def read(wheel: Path) -> Members:
    """All files of a wheel by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()
        }


def find(members: Members, ending: str) -> str:
    """The name of the one member that ends so."""
    (name,) = (name for name in members if name.endswith(ending))
    return name


def license_expression() -> str:
    """The SPDX expression for the wheel as a whole."""
    found = [*OWN_LICENSES, *(pin.license for pin in pins.bundled())]
    return " AND ".join(dict.fromkeys(found))


def declare_licenses(members: Members) -> None:
    """METADATA: the licence of the whole, and a line for each text in dist-info/licenses."""
    name = find(members, ".dist-info/METADATA")
    folder = name.removesuffix("METADATA") + "licenses/"
    texts = sorted(key.removeprefix(folder) for key in members if key.startswith(folder))
    head, separator, body = members[name].decode().partition("\n\n")
    lines = []
    for line in head.splitlines():
        if line.startswith("License-Expression:"):
            lines.append(f"License-Expression: {license_expression()}")
            lines.extend(f"License-File: {text}" for text in texts)
        elif not line.startswith("License-File:"):
            lines.append(line)
    members[name] = ("\n".join(lines) + separator + body).encode()


def _record(members: Members, own: str) -> bytes:
    lines = []
    for name, data in sorted(members.items()):
        if name != own:
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join([*lines, f"{own},,\n"]).encode()


def write(members: Members, wheel: Path) -> None:
    """Write the wheel; the same members give the same bytes."""
    own = find(members, ".dist-info/RECORD")
    members[own] = _record(members, own)
    stamp = max(int(os.environ.get("SOURCE_DATE_EPOCH", EARLIEST)), EARLIEST)
    when = time.gmtime(stamp)[:6]
    last = {name for name in members if ".dist-info/" in name}
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in sorted(members, key=lambda name: (name in last, name == own, name)):
            info = zipfile.ZipInfo(name, when)
            info.compress_type = zipfile.ZIP_DEFLATED
            mode = 0o755 if name.endswith((".so", PROGRAM)) else 0o644
            info.external_attr = (stat.S_IFREG | mode) << 16
            info.create_system = 3
            archive.writestr(info, members[name], compresslevel=9)


def retarget(wheel: Path, platform: str, soabi: str) -> Path:
    """The wheel under the names of another platform, beside the one that was built.

    Tools name it for the interpreter that runs them, which is another than it was compiled for.
    """
    members = read(wheel)
    stem, _, old = wheel.stem.rpartition("-")
    name = find(members, ".dist-info/WHEEL")
    text = members[name].decode()
    for one in old.split("."):  # a Tag line for each, of which one is left
        text = text.replace(f"-{one}\n", f"-{platform}\n")
    members[name] = "".join(dict.fromkeys(text.splitlines(keepends=True))).encode()
    extension = find(members, ".so")
    members[f"{extension.split('.')[0]}.{soabi}.so"] = members.pop(extension)
    renamed = wheel.with_name(f"{stem}-{platform}.whl")
    write(members, renamed)
    return renamed
