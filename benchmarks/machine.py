"""What figures depend on: the machine by its CPU and memory, and the versions of programs."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

import remctl

from benchmarks.clients import SYSTEM_PYTHON


def cpu() -> str:
    """The model of the CPU and the number of them."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    model = found[1].strip() if found else platform.machine()
    return f"{model}, {os.cpu_count()} CPUs"


def memory() -> str:
    """The size of the memory."""
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{round(size / 2**30)} GiB"


def load() -> str:
    """How busy the machine was in the last minute: what others do shows in the figures."""
    return f"{os.getloadavg()[0]:.1f}"


def settle(load: float = 0.3, patience: float = 300) -> None:
    """Wait until the machine is idle, for `patience` seconds at most: a build has just ended."""
    print("waiting until the machine is idle ...", file=sys.stderr, flush=True)
    end = time.monotonic() + patience
    while os.getloadavg()[0] > load and time.monotonic() < end:
        time.sleep(1)


def package_version(name: str) -> str:
    """The version of a Debian package; "unknown" elsewhere."""
    command = ["dpkg-query", "-W", "-f", "${Version}", name]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout or "unknown"
    except OSError:
        return "unknown"


def versions() -> dict[str, str]:
    """The versions of what is measured, and of what it stands on."""
    info = remctl.build_info()
    command = [SYSTEM_PYTHON, "-c", "import platform; print(platform.python_version())"]
    return {
        "pyremctl": info.version,
        "Python": platform.python_version(),
        "Python of the old binding": subprocess.check_output(command, text=True).strip(),
        "old binding": package_version("python3-pyremctl"),
        "libremctl": package_version("libremctl1"),
        "remctld": package_version("remctl-server"),
        "MIT Kerberos": package_version("libkrb5-3"),
        "compiler": info.compiler,
        "pybind11": info.pybind11,
        "kernel": platform.release().split("-")[0],
    }
