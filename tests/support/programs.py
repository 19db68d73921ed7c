"""The programs `pyremctl` and `remctl`, run on command lines."""

import subprocess
import sys
from collections.abc import Mapping, Sequence

PYREMCTL = (sys.executable, "-m", "remctl")

Done = subprocess.CompletedProcess[bytes]


def run(
    program: Sequence[str],
    *arguments: str | bytes,
    env: Mapping[str, str] | None = None,
    input: bytes = b"",
    timeout: float = 60,
) -> Done:
    """Run a program off any terminal, and have all its output."""
    return subprocess.run(
        [*program, *arguments], input=input, capture_output=True, env=env, timeout=timeout
    )


def pyremctl(
    *arguments: str | bytes, env: Mapping[str, str] | None = None, input: bytes = b""
) -> Done:
    """Run `pyremctl`."""
    return run(PYREMCTL, *arguments, env=env, input=input)
