#!python
"""The program: `python -m remctl` and, as it is installed beside the interpreter, `pyremctl`.

It is installed as it is, and is no entry point: before the first line of an entry point, Python
has already imported other modules, and Ctrl-C in the meantime prints a traceback. The installer
puts the path of the interpreter into the first line.
"""

import os
import sys

# The core of the module signal, which takes long to load.
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)

if __name__ == "__main__" and getsignal(SIGINT) is default_int_handler:
    # It is not ignored, as by a shell's `&`.
    # Ctrl-C ends the program at once from here on. Python's own handler raises an exception,
    # which an import may show as a traceback, or lose.
    signal(SIGINT, SIG_DFL)
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        # Python has printed it, and gone on: while it looked for what to run.
        os.kill(os.getpid(), SIGINT)

if __name__ == "__main__":
    from remctl._cli import main

    sys.exit(main())
