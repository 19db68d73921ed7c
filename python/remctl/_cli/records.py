"""A JSON object a line for each host."""

from __future__ import annotations

import base64
import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Outcome
    from remctl._cli.screen import Screen


class Records:
    """The report in JSON; see `remctl._cli.interface.Report`."""

    stdout = None
    stderr = None

    def __init__(self, screen: Screen, port: int | None) -> None:
        self._screen = screen
        self._port = port

    def ended(self, outcome: Outcome) -> None:
        """Print its object."""
        error, target = outcome.error, outcome.target
        result = outcome.result or getattr(error, "partial", None)
        record = {
            "host": target.host,
            "port": self._port if target.port is None else target.port,
            "status": None if outcome.result is None else outcome.result.status,
            "stdout": None if result is None else _text(result.stdout),
            "stderr": None if result is None else _text(result.stderr),
            "error": None if error is None else str(error),
            "code": None if error is None else getattr(error, "code", None),
            "may_have_run": True if error is None else getattr(error, "may_have_run", True),
            "seconds": round(outcome.seconds, 6),
            "tries": outcome.tries,
        }
        # Escaped beyond ASCII: fit for every encoding, and harmless on a terminal.
        self._screen.write(1, json.dumps(record).encode() + b"\n")

    def end(self) -> None:
        """Nothing is left."""


def _text(data: bytes | None) -> str | dict[str, str]:
    """Bytes as text where they are UTF-8, else as {"base64": ...}."""
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data or b"").decode()}
