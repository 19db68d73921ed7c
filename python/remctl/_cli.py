"""The command line: `pyremctl`, `python -m remctl`."""

from __future__ import annotations

import argparse
import platform
import sys
import sysconfig
from collections.abc import Sequence

from remctl._build_info import build_info


def version_text() -> str:
    """One line on this package and one on each thing that it is made of."""
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit status."""
    parser = argparse.ArgumentParser(
        prog="pyremctl",
        description="The Python client for remctl.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version_text())
    parser.parse_args(argv)
    parser.print_help()
    return 0
