"""A syslog of our own: a command with another `/dev/log`, in a mount namespace."""

import contextlib
import os
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

# The rest of /dev that a command in Python opens.
DEVICES = ("null", "zero", "random", "urandom")

# $0 is the folder. What is mounted there is another /dev for the command, and for it alone.
MOUNT = f"""\
mkdir "$0"/dev &&
for name in {" ".join(DEVICES)}; do
    : > "$0"/dev/$name && mount --bind /dev/$name "$0"/dev/$name || exit
done
ln -s "$0"/log "$0"/dev/log && mount --rbind "$0"/dev /dev && exec "$@"
"""


def available() -> bool:
    """Whether this process may make a mount namespace."""
    return os.geteuid() == 0


class Log:
    """What commands write to syslog.

    Attributes:
        launcher: the words to put before a command, to have its messages here.
    """

    def __init__(self, folder: Path) -> None:
        self.launcher = ["unshare", "--mount", "sh", "-c", MOUNT, str(folder)]
        self._path = str(folder / "log")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._path)
        self._queue: queue.SimpleQueue[str] = queue.SimpleQueue()
        # Few messages wait in a socket: who writes to one that nobody reads is held up.
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while message := self._socket.recv(65536).decode():
            self._queue.put(message)

    def _send(self, message: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message, self._path)

    def messages(self) -> list[str]:
        """What has been written since the last time, as `<27>... test[123]: text`."""
        self._send(b"until here")
        return list(iter(self._queue.get, "until here"))

    def close(self) -> None:
        """End the thread."""
        self._send(b"")
        self._thread.join()
        self._socket.close()


@contextlib.contextmanager
def log(folder: Path) -> Iterator[Log]:
    """A log in a folder."""
    log = Log(folder)
    try:
        yield log
    finally:
        log.close()
