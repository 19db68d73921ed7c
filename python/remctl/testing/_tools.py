"""Finds the required programs, and helpers for ticket caches and directories."""

import os
import shutil
import struct
from pathlib import Path

# Program: its package on Debian and Ubuntu, and on Fedora and RHEL.
PACKAGES = {
    "krb5kdc": ("krb5-kdc", "krb5-server"),
    "kdb5_util": ("krb5-kdc", "krb5-server"),
    "kadmin.local": ("krb5-admin-server", "krb5-server"),
    "kinit": ("krb5-user", "krb5-workstation"),
    "remctld": ("remctl-server", "remctl-server"),
}
FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def find(program: str) -> str:
    """The path of a program; RuntimeError that names its package if it is missing."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = shutil.which(program, path=os.pathsep.join([*folders, *FOLDERS]))
    if path is None:
        debian, fedora = PACKAGES[program]
        raise RuntimeError(
            f"{program} not found: install {debian} (Debian, Ubuntu) or {fedora} (Fedora, RHEL)"
        )
    return path


def check_folder(folder: Path) -> None:
    """Raise RuntimeError for a directory whose name Kerberos or remctld does not support."""
    for character in str(folder):
        if character == ":":
            why = "':', which separates the files of KRB5_CONFIG"
        elif character.isspace():
            why = f"{character!r}, and remctld.conf has no way to quote blanks"
        elif "\ud800" <= character <= "\udfff":
            why = f"a byte that is not UTF-8, 0x{ord(character) & 0xFF:02x}"
        else:
            continue
        raise RuntimeError(
            f"a realm cannot be made in {str(folder.parent)!r}: the name contains {why}; "
            "set TMPDIR to another folder"
        )


def set_clock(ccache: str, ahead: float) -> None:
    """Record in a ticket cache that this machine's clock is `ahead` seconds behind the KDC's.

    Clients that use the cache add this to their time, so they are `ahead` of everyone else. It
    is field 1 (DeltaTime) in the header of a file cache of version 4.
    """
    path = Path(ccache)
    data = path.read_bytes()
    version, length = struct.unpack_from(">HH", data)
    if version != 0x0504:
        raise RuntimeError(f"{ccache} is not a file cache of version 4")
    note = struct.pack(">HHii", 1, 8, int(ahead), 0)
    path.write_bytes(struct.pack(">HH", version, len(note)) + note + data[4 + length :])
