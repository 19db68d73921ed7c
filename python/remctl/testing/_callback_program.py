"""What remctld runs for a command that is a Python function: it asks the test's process.

Run as a script with the folder of the socket and the number of the function, then the
command's own arguments; by the Python of the test, so that both ends have one `marshal`.
"""

import marshal
import os
import socket
import sys


def main(folder: str, number: str, *args: str) -> int:
    """Have the function called, and end as it says."""
    asked = (int(number), args, dict(os.environ), sys.stdin.buffer.read())
    os.chdir(folder)  # the path of a socket may not be long
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
