"""A terminal of our own: a program in a pseudo-terminal, and the screen that it writes on."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pexpect
import pyte


class Terminal:
    """A program on a screen of 24 lines of 100 characters.

    Attributes:
        screen: what is to be seen, see pyte.
        bytes: all that the program has written.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        size: tuple[int, int] = (24, 100),
    ) -> None:
        self.bytes = b""
        self.screen = pyte.Screen(size[1], size[0])
        self._stream = pyte.ByteStream(self.screen)
        environment = dict(os.environ if env is None else env)
        environment |= {"TERM": "xterm", "LC_ALL": "C.UTF-8"}
        environment.pop("NO_COLOR", None)
        environment |= dict(env or {})
        self.child = pexpect.spawn(
            command[0], list(command[1:]), env=environment, dimensions=size, timeout=30
        )
        self.child.delaybeforesend = None

    @property
    def lines(self) -> list[str]:
        """The lines of the screen, without the spaces at their ends and empty ones below."""
        text = "\n".join(line.rstrip() for line in self.screen.display).rstrip("\n")
        return text.split("\n")

    def type(self, text: str) -> None:
        """Type something."""
        self.child.send(text.encode())

    def read(self, timeout: float = 30) -> bool:
        """Take what the program writes next; False when it has ended."""
        try:
            data: bytes = self.child.read_nonblocking(65536, timeout)
        except pexpect.EOF:
            return False
        self.bytes += data
        self._stream.feed(data)
        return True

    def wait_for(self, text: str, timeout: float = 30) -> None:
        """Wait until a line of the screen has a text in it."""
        end = time.monotonic() + timeout
        while not any(text in line for line in self.screen.display):
            try:
                alive = self.read(max(0.0, end - time.monotonic()))
            except pexpect.TIMEOUT:
                raise AssertionError(f"no {text!r} on the screen: {self.lines}") from None
            assert alive, f"it ended without {text!r}: {self.lines}"

    def wait_until_blocked(self) -> None:
        """Wait until the program waits for somebody to read its standard output."""
        # In a system call whose first argument is descriptor 1: that is write().
        path = Path(f"/proc/{self.child.pid}/syscall")
        while path.read_text().split()[1:2] != ["0x1"]:
            time.sleep(0.01)

    def end(self) -> int:
        """Wait until the program has ended; its exit status, negative for a signal."""
        while self.read():
            pass
        self.child.wait()
        if self.child.signalstatus is not None:
            return -int(self.child.signalstatus)
        return int(self.child.exitstatus)

    def close(self) -> None:
        """End the program, whatever it does."""
        self.child.close(force=True)


@contextlib.contextmanager
def terminal(
    *arguments: str,
    program: Sequence[str] = (sys.executable, "-m", "remctl"),
    env: Mapping[str, str] | None = None,
    size: tuple[int, int] = (24, 100),
) -> Iterator[Terminal]:
    """`pyremctl`, or another program, in a terminal."""
    one = Terminal([*program, *arguments], env, size)
    try:
        yield one
    finally:
        one.close()


INTERRUPT = "\x03"
END = "\x04"
