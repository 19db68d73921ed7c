"""Find the Pythons on this machine, and ask them what they are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import CACHE

OLDEST, NEWEST = 10, 15
QUESTION = """
import json, platform, sys, sysconfig
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": list(sys.version_info[:3]),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "soabi": sysconfig.get_config_var("SOABI") or "",
    "headers": sysconfig.get_path("include"),
    "multiarch": sysconfig.get_config_var("MULTIARCH") or "",
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """One Python that a wheel can be built for."""

    path: Path
    version: tuple[int, int, int]
    free_threaded: bool
    soabi: str
    headers: Path
    multiarch: str

    @property
    def machine_headers(self) -> Path | None:
        """Where pyconfig.h is, if it lies by machine, as Debian has it; Python.h names it so."""
        folder = self.headers.parent / self.multiarch / self.headers.name
        return folder if self.multiarch and folder.is_dir() else None

    @property
    def tag(self) -> str:
        """The wheel's ABI tag, such as cp313 or cp313t."""
        suffix = "t" if self.free_threaded else ""
        return f"cp{self.version[0]}{self.version[1]}{suffix}"

    def __str__(self) -> str:
        return f"{self.tag} ({'.'.join(map(str, self.version))})"


def ask(path: Path) -> Interpreter | None:
    """What the interpreter is; None when no wheel can be built with it."""
    command = [str(path), "-I", "-c", QUESTION]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    answer = json.loads(done.stdout)
    major, minor, patch = answer["version"]
    usable = answer["implementation"] == "CPython" and major == 3 and minor >= OLDEST
    headers = Path(answer["headers"])
    if not usable or not (headers / "Python.h").exists():
        return None
    version = (major, minor, patch)
    traits = answer["free_threaded"], answer["soabi"], headers, answer["multiarch"]
    return Interpreter(path, version, *traits)


def _candidates() -> Iterator[Path]:
    roots = {os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")}
    for root in roots - {""}:
        yield from sorted(Path(root).glob("versions/*/bin/python"))
    # Free-threaded ones of scripts/dev wheel python.
    yield from sorted(CACHE.glob("python-*t/bin/python3"))
    yield from sorted(Path("/opt/python").glob("cp3*/bin/python"))
    for minor in range(OLDEST, NEWEST + 1):
        for name in (f"python3.{minor}", f"python3.{minor}t"):
            # Not pyenv's or another manager's stand-in: those were looked at above.
            if (found := shutil.which(name, path="/usr/local/bin:/usr/bin")) is not None:
                yield Path(found)


def find() -> list[Interpreter]:
    """One interpreter for each ABI, oldest first."""
    found: dict[str, Interpreter] = {}
    for path in _candidates():
        answer = ask(path)
        if answer is not None:
            found.setdefault(answer.tag, answer)
    return sorted(found.values(), key=lambda one: (one.version, one.free_threaded))
