"""Handles unexpected exceptions: they are logged, and the client gets one sentence."""

from __future__ import annotations

import contextlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The text that remctld's log has for a masked argument.
MASK = "**MASKED**"


def report(path: Sequence[str], error: BaseException, secrets: Iterable[str | bytes]) -> int:
    """Report an exception.

    Args:
        path: the words of the command.
        error: the exception.
        secrets: arguments that must not be logged.

    Returns:
        The exit status, 255.
    """
    if isinstance(error, BrokenPipeError) and _client_is_gone():
        # The client has gone, which is not an error. Python's final flush must not fail.
        with open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), sys.stdout.fileno())
        return 255
    import traceback

    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    for secret in secrets:
        for form in _forms(secret):
            text = text.replace(form, MASK)
    command = " ".join(path)
    if sys.stderr is not None and sys.stderr.isatty():
        print(text, end="", file=sys.stderr)
    else:
        _log(command, text)
    # The client may have gone, and the program may have closed the streams.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        print(f"{command}: internal error", file=sys.stderr)
    return 255


def _forms(secret: str | bytes) -> list[str]:
    """How a secret may appear in a text: unchanged, or as by `repr()`."""
    if isinstance(secret, bytes):
        text = secret.decode(errors="replace")
        forms = {text, repr(secret)[2:-1], repr(text)[1:-1]}
    else:
        data = os.fsencode(secret)
        forms = {secret, repr(secret)[1:-1], data.decode(errors="replace"), repr(data)[2:-1]}
    return sorted(forms - {""}, key=len, reverse=True)


def _client_is_gone() -> bool:
    """Whether the other end of standard output is closed."""
    import select

    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return bool(poll.poll(0))
    except (OSError, ValueError, AttributeError):  # not a file at all
        return False


def _log(command: str, text: str) -> None:
    """Write to syslog, like remctld: the caller, and one message per line."""
    import syslog

    ident = command.partition(" ")[0]
    caller = f"{os.environ.get('REMOTE_USER')} at {os.environ.get('REMOTE_ADDR')}"
    syslog.openlog(ident, syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(syslog.LOG_ERR, f"{command} failed for {caller}")
    for line in text.splitlines():
        # A NUL would end the message, and syslog only accepts valid text.
        line = line.replace("\0", "\\0").encode(errors="backslashreplace").decode()
        syslog.syslog(syslog.LOG_ERR, line)
    syslog.closelog()
