"""What has to be installed, and how to say so when it is not."""

import os
import shutil

# Program: the package that has it, on Debian and Ubuntu, and on Fedora and RHEL.
PACKAGES = {
    "krb5kdc": ("krb5-kdc", "krb5-server"),
    "kdb5_util": ("krb5-kdc", "krb5-server"),
    "kadmin.local": ("krb5-admin-server", "krb5-server"),
    "kinit": ("krb5-user", "krb5-workstation"),
    "remctld": ("remctl-server", "remctl-server"),
}
FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def find(program: str) -> str:
    """The path of a program; RuntimeError naming its package when it is not there."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = shutil.which(program, path=os.pathsep.join([*folders, *FOLDERS]))
    if path is None:
        debian, fedora = PACKAGES[program]
        raise RuntimeError(
            f"{program} not found: install {debian} (Debian, Ubuntu) or {fedora} (Fedora, RHEL)"
        )
    return path
