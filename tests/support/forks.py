"""Code in the child of a fork, and what became of it."""

import os
import select
import signal
import traceback
from collections.abc import Callable


def in_child(action: Callable[[], object], patience: float = 20.0) -> str:
    """Run `action` in a child of this process and return what it returned, as text.

    AssertionError when it raised, crashed or did not end.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        status = 1
        try:
            text = str(action())
            status = 0
        except BaseException:
            text = traceback.format_exc()
        finally:
            try:
                os.write(writing, text.encode()[-60000:])
            finally:  # whatever happens no child goes on with the tests
                os._exit(status)
    os.close(writing)
    said = b""
    readable = select.poll()  # not select(), which knows no number above 1,023
    readable.register(reading, select.POLLIN)
    try:
        while readable.poll(patience * 1000):
            piece = os.read(reading, 65536)
            if not piece:
                break
            said += piece
        else:
            os.kill(pid, signal.SIGKILL)
            said += b"(it hung)"
    finally:
        os.close(reading)
        _, status = os.waitpid(pid, 0)
    assert status == 0, (status, said.decode())
    return said.decode()
