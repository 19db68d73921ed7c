"""Host names of our own: a command with another `/etc/hosts`, in a mount namespace."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path


def available() -> bool:
    """Whether this process may make a mount namespace."""
    return os.geteuid() == 0


def launcher(folder: Path, hosts: Mapping[str, Sequence[str]]) -> list[str]:
    """The words to put before a command for which `hosts` are the only host names.

    `folder` is a folder for the file, `hosts` the addresses of each name, in their order.
    """
    file = folder / "hosts"
    lines = [f"{address} {name}\n" for name, addresses in hosts.items() for address in addresses]
    file.write_text("".join(lines))
    mount = 'mount --bind "$0" /etc/hosts && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, str(file)]
