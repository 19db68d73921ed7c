"""Programs in C that tests need."""

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def compile_program(folder: Path, name: str, *flags: str) -> Path:
    """Compile the file of this folder that goes by a name, without what follows its dot."""
    program = folder / name
    compiler = os.environ.get("CC", "gcc")
    source = (HERE / name).with_suffix(".c")
    subprocess.run([compiler, "-O1", "-g", "-Wall", "-o", program, source, *flags], check=True)
    return program
