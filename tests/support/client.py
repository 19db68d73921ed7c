"""The C client program `remctl`, to see that the servers here are true to it."""

import subprocess
from typing import Protocol


class Target(Protocol):
    """Any server of the tests."""

    @property
    def port(self) -> int:
        """The port that it listens on."""

    @property
    def principal(self) -> str:
        """Who it is."""


def remctl(
    target: Target, *command: str | bytes, host: str = "localhost"
) -> subprocess.CompletedProcess[bytes]:
    """Run a command on a server."""
    args = ["remctl", "-p", str(target.port), "-s", target.principal, host, *command]
    return subprocess.run(args, capture_output=True, timeout=30)
