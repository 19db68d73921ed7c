"""Ask a web server, and end it.

    python -m tests.support.web '[["GET", "/path"], ...]' program argument...

starts the program, which is to serve port 8000 of the loopback interface, makes the requests one
after another, ends it by SIGTERM, and prints an object in JSON: `answers` (a list of status, text
and the header Retry-After), `status` of the program, and what it has `said`.
"""

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time

ADDRESS = ("127.0.0.1", 8000)


def wait_until_served(server: "subprocess.Popen[bytes]") -> None:
    """Return as soon as somebody listens, or the server has ended."""
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(ADDRESS).close()
            return
        time.sleep(0.02)


def ask(method: str, path: str) -> tuple[int, str, str | None]:
    """The answer to one request."""
    connection = http.client.HTTPConnection(*ADDRESS, timeout=60)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("Retry-After")
    finally:
        connection.close()


def main(requests: str, *program: str) -> None:
    """Start the server, ask it, end it, and tell."""
    answers = []
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(program, stdout=said, stderr=said) as server:
            try:
                wait_until_served(server)
                answers = [ask(*request) for request in json.loads(requests)]
            except (OSError, http.client.HTTPException) as error:
                answers.append((0, repr(error), None))
            finally:
                server.terminate()
        said.seek(0)
        told = {"answers": answers, "status": server.returncode, "said": said.read().decode()}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
