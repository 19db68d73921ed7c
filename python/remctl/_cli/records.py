"""--json: prints one JSON object per line for each host."""

from __future__ import annotations

import base64
import json

from remctl._cli.hints import printable, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from remctl import Outcome
    from remctl._cli.screen import Screen


class Records:
    """The report of --json; see `remctl._cli.report.Report`."""

    stdout = None
    stderr = None

    def __init__(self, screen: Screen, port: int | None) -> None:
        self._screen = screen
        self._port = port

    def ended(self, outcome: Outcome) -> None:
        """Print its object."""
        self._screen.write(1, line_of(outcome, self._port))

    def end(self) -> None:
        """Nothing to do."""


def line_of(outcome: Outcome, port: int | None) -> bytes:
    """The object of a host as a line; `port` is for a host without its own port."""
    # Non-ASCII characters are escaped, which suits every encoding and is harmless on a
    # terminal.
    return json.dumps(record_of(outcome, port)).encode() + b"\n"


def record_of(outcome: Outcome, port: int | None) -> dict[str, object]:
    """The members of the object of a host."""
    error, target = outcome.error, outcome.target
    # For a failed host, the partial output; then no output is null, not an empty text.
    result = outcome.result if error is None else error.partial
    nothing = "" if error is None else None
    sent = not getattr(result, "unsent", False)  # with --check
    return {
        "host": printable(target.host),
        "port": port if target.port is None else target.port,
        "status": None if outcome.result is None else outcome.result.status,
        "stdout": nothing if result is None else _text(result.stdout, nothing),
        "stderr": nothing if result is None else _text(result.stderr, nothing),
        "error": None if error is None else printable(text_of(error)),
        "code": None if error is None else getattr(error, "code", None),
        "kind": None if error is None else error.kind,
        "retryable": error is not None and error.retryable,
        "may_have_run": sent if error is None else error.may_have_run,
        "seconds": round(outcome.seconds, 6),
        "tries": outcome.tries,
    }


def _text(data: bytes | None, nothing: str | None) -> str | dict[str, str] | None:
    """Bytes as text if they are UTF-8, else as {"base64": ...}."""
    if data is None:
        return nothing
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
