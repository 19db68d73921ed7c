"""The text of `-v`."""

from __future__ import annotations

import platform
import sys
import sysconfig

from remctl._build_info import build_info


def version_text() -> str:
    """One line for this package and one for each of its components."""
    info = build_info()
    origin = "inside this package" if info.flavour == "bundled" else "the system's"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        python += " free-threaded"
    lines = [
        f"pyremctl {info.version} ({info.flavour})",
        f"libremctl {info.libremctl or 'unknown'} ({origin})",
        f"krb5 {info.krb5 or 'unknown'} ({origin})",
        f"{python}, {sys.platform} {platform.machine()}",
    ]
    return "\n".join(lines)
