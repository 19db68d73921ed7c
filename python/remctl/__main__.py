"""The program: `pyremctl` and `python -m remctl`.

Whatever comes before the first line of this file is Python's, and the installer's: Ctrl-C prints
a traceback there. So `pyremctl` starts Python with SIGINT blocked (src/launcher), and this file
imports as little as possible before it has seen to Ctrl-C.
"""

import os
import sys

# The core of the module signal, which takes long to load.
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIG_UNBLOCK,
    SIGINT,
    default_int_handler,
    getsignal,
    pthread_sigmask,
    signal,
)

# Somebody may also import this file to look at it.
_program = __name__ == "__main__" or sys.argv[0].endswith("/pyremctl-python")

if _program and getsignal(SIGINT) is default_int_handler:
    # It is not ignored, as by a shell's `&`.
    # Ctrl-C ends the program at once from here on. Python's own handler raises an exception,
    # which an import may show as a traceback, or lose.
    signal(SIGINT, SIG_DFL)
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        # Python has printed it, and gone on: while it looked for what to run.
        os.kill(os.getpid(), SIGINT)

if _program and os.environ.pop("PYREMCTL_SIGINT_HELD", ""):
    pthread_sigmask(SIG_UNBLOCK, [SIGINT])

from remctl._cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
