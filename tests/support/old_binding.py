"""The old binding, which the system's Python may have."""

import subprocess

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"


def has_old_binding() -> bool:
    """Whether the system's Python has the old binding."""
    script = "import remctl, sys; sys.exit('dist-packages' not in remctl.__file__)"
    try:
        return subprocess.run([SYSTEM_PYTHON, "-Ic", script], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


needs_old_binding = pytest.mark.skipif(
    not has_old_binding(), reason=f"the old binding is not there for {SYSTEM_PYTHON}"
)
