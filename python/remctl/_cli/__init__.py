"""The command line: `pyremctl`, `python -m remctl`.

Nothing of the package imports it, and each of its modules imports what its own work takes: a
command on one host loads neither the parser of host names nor what shows progress.
"""

from __future__ import annotations

import os
import sys

from remctl._cli.parse import Options, parse
from remctl._cli.streams import ClosedPipe, occupy_standard_descriptors, say, write_all
from remctl._cli.values import Misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit status."""
    occupy_standard_descriptors()
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        if options.problem is not None:
            raise options.problem
        return _run(options)
    except Misuse as misuse:
        return _misused(misuse, options)
    except ClosedPipe:
        _die_of("SIGPIPE")
    except KeyboardInterrupt:
        # As a shell's loop needs it, which ends when one of its programs ends so.
        _die_of("SIGINT")
    return 1


def _run(options: Options) -> int:
    if options.action == "help":
        from remctl._cli.usage import usage

        return _print(usage())
    if options.action == "version":
        from remctl._cli.version import version_text

        return _print(version_text() + "\n")
    if options.debug:
        _log()
    if options.many:
        from remctl._cli.many import run

        return run(options)
    if options.words or options.script is not None:
        from remctl._cli.one import run

        return run(options)
    if os.isatty(0) and os.isatty(1):
        from remctl._cli.session import run

        return run(options)
    raise Misuse("", usage=True)


def _log() -> None:
    """Have what the package logs on standard error."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("pyremctl: %(message)s"))
    logger = logging.getLogger("remctl")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)


def _print(text: str) -> int:
    try:
        write_all(1, text.encode())
    except OSError as error:
        say(f"cannot write: {error.strerror}")
        return 1
    return 0


def _misused(misuse: Misuse, options: Options) -> int:
    if str(misuse):
        say(str(misuse))
    if misuse.usage:
        from remctl._cli.usage import usage

        say(usage().rstrip("\n"), prefix="")
    return 2 if options.many else 1


def _die_of(name: str) -> None:
    """End as a program in C ends by this signal, quietly; the shell knows what it means."""
    import signal

    number = signal.Signals[name]
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
