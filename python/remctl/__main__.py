"""The program: `pyremctl` and `python -m remctl`."""

# The core of the module signal, which takes long to load.
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)

if getsignal(SIGINT) is default_int_handler:  # and not ignored, as by a shell's `&`
    # Ctrl-C ends the program at once from here on. Python's own handler raises an exception,
    # which an import may show as a traceback, or lose.
    signal(SIGINT, SIG_DFL)

import sys

from remctl._cli import main

if __name__ == "__main__":
    sys.exit(main())
