"""Run clang-tidy on the files that are named, but for those it has passed as they are.

    scripts/dev tidy [--deep] FOLDER FILE...

FOLDER is a build's, with compile_commands.json. What a file is, is what its preprocessor gives,
comments and headers included, with the checks and the version of clang-tidy: a stamp in FOLDER/tidy
stands for each that passed. In a new folder every file is checked.

The static analyzer gives up a function after 10,000 states: that takes a third of the time of its
own limit, which --deep leaves as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devkit import ROOT, usage

CHECKS = ROOT / ".clang-tidy"
SHALLOW = [
    f"--extra-arg={argument}"
    for argument in ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=10000")
]


def commands(folder: Path) -> dict[Path, tuple[str, list[str]]]:
    """For each source file the folder it is compiled in, and how."""
    entries = json.loads((folder / "compile_commands.json").read_text())
    return {
        Path(entry["directory"], entry["file"]).resolve(): (
            entry["directory"],
            shlex.split(entry["command"]),
        )
        for entry in entries
    }


def as_it_is(directory: str, command: list[str]) -> bytes:
    """What the preprocessor gives for a file."""
    output = command.index("-o")
    command = [*command[:output], *command[output + 2 :], "-E", "-CC"]
    return subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, check=True).stdout


def check_all(folder: Path, files: list[str], options: list[str]) -> bool:
    """Whether all files pass; what does not pass is printed."""
    stamps = folder / "tidy"
    stamps.mkdir(exist_ok=True)
    how = commands(folder)
    version = subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, check=True).stdout
    common = hashlib.sha256(version + CHECKS.read_bytes() + " ".join(options).encode())

    def check(file: str) -> bool:
        digest = common.copy()
        digest.update(as_it_is(*how[Path(file).resolve()]))
        stamp = stamps / digest.hexdigest()
        if stamp.exists():
            return True
        done = subprocess.run(
            ["clang-tidy", "--quiet", "-p", folder, *options, file],
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            stamp.touch()
        else:
            print(done.stdout, done.stderr, sep="", flush=True)
        return done.returncode == 0

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return all(list(pool.map(check, files)))


def main() -> None:
    """Check the files that are named; clang-tidy is the one in PATH."""
    usage(__doc__)
    arguments = [argument for argument in sys.argv[1:] if argument != "--deep"]
    if len(arguments) < 2:
        sys.exit(f"{sys.argv[0]}: it takes the folder of a build, and files")
    options = [] if "--deep" in sys.argv[1:] else SHALLOW
    sys.exit(not check_all(Path(arguments[0]), arguments[1:], options))
