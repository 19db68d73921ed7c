"""The program that remctld runs for a command that is a Python function: calls the test's process.

It is run as a script, with the directory of the socket, the number of the function, and the
command's arguments; by the same Python as the test, so that both ends use the same `marshal`
format.
"""

import marshal
import os
import socket
import sys


def main(folder: str, number: str, *args: str) -> int:
    """Have the function called, and exit with its result."""
    asked = (int(number), args, dict(os.environ), sys.stdin.buffer.read())
    os.chdir(folder)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect("calls")
        with sock.makefile("wb") as file:
            file.write(marshal.dumps(asked))
        sock.shutdown(socket.SHUT_WR)
        with sock.makefile("rb") as file:
            answer = file.read()
    if not answer:
        sys.exit("the process of the test is gone")
    stdout, stderr, status = marshal.loads(answer)
    for stream, data in ((sys.stdout, stdout), (sys.stderr, stderr)):
        stream.buffer.write(data)
        stream.buffer.flush()
    return int(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
