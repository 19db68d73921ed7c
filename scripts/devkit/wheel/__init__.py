"""Everything about the self-contained wheel, by name of what is to be done.

    scripts/dev wheel build      a wheel for each CPython on this machine, to wheelhouse/
    scripts/dev wheel deps       the static libraries alone: libremctl, krb5, keyutils
    scripts/dev wheel finish     platform tag and gates, for a wheel that something else built
    scripts/dev wheel check      run a wheel in a bare chroot: another release, another machine
    scripts/dev wheel sizes      what takes the room in it
    scripts/dev wheel profile    what the processor does for 100 MB of output
    scripts/dev wheel security   which published vulnerabilities it has, and which not
    scripts/dev wheel python     build a CPython to test with: free-threaded, musl, aarch64

Each says more with --help. They need Python 3.11 or newer, whatever a wheel is built for.
"""

import importlib
import os
import sys
from pathlib import Path

from devkit import ROOT, usage

# Downloads, toolchains and built prefixes; $PYREMCTL_CACHE moves them.
CACHE = Path(os.environ.get("PYREMCTL_CACHE") or ROOT / ".cache").resolve()
NAMES = ["build", "deps", "finish", "check", "sizes", "profile", "security", "python"]


def main() -> None:
    """Hand over to the module of that name."""
    usage(__doc__)
    name, *rest = sys.argv[1:] or [""]
    if name not in NAMES:
        sys.exit(f"{sys.argv[0]}: it takes {', '.join(NAMES)}")
    sys.argv = [f"scripts/dev wheel {name}", *rest]
    importlib.import_module(f"devkit.wheel.{name}").main()
