"""What the build scripts share: pins, downloads, compilers, recipes, gates.

They need Python 3.11 or newer, whatever the version that wheels are built for.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Downloads, toolchains and built prefixes; $PYREMCTL_CACHE moves them.
CACHE = Path(os.environ.get("PYREMCTL_CACHE") or ROOT / ".cache").resolve()
