"""The command line: `pyremctl`, `python -m remctl`.

The rest of the package does not import it. Each of its modules imports only what it needs: a
command on one host loads neither the parser of host lists nor the progress line.
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
    """Run the command line and return its exit status."""
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
        # Die by the signal: a loop in a shell script ends only if one of its programs dies by
        # SIGINT.
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
    """Print the package's log on standard error."""
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
    """Die by this signal without a message, like a C program, so that the shell sees the reason."""
    import signal

    number = signal.Signals[name]
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
