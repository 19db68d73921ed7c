"""A process whose calls fail at a chosen moment: what becomes of what the extension was doing.

Run with `shim.so` preloaded, as `tests/trust/test_faults.py` does it. For each scene (a
verb, on a connection that was made ready for it) and each n, the n-th call of one function
fails, once or from then on. The verb has to return what is right or to raise an exception;
nothing may be left; and the object has to serve on.
"""

import contextlib
import ctypes
import errno
import gc
import json
import os
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import remctl
from remctl import Remctl, RemctlError, RemctlProtocolError

# The order is that of shim.c.
FUNCTIONS = [
    "malloc",
    "socket",
    "socketpair",
    "bind",
    "connect",
    "send",
    "recv",
    "read",
    "write",
    "poll",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "eventfd",
    "timerfd_create",
    "timerfd_settime",
    "pthread_create",
    "fcntl",
    "ioctl",
    "getsockopt",
    "setsockopt",
    "shutdown",
    "getaddrinfo",
    "send to a local socket",
    "recv from a local socket",
]

# What the system may say of each. A wait, a wake-up and a look at a timer cannot fail of
# anything but a mistake of the caller's, or of memory.
ERRORS = {
    "malloc": [errno.ENOMEM],
    "socket": [errno.EMFILE, errno.ENOBUFS],
    "socketpair": [errno.EMFILE],
    "bind": [errno.EADDRNOTAVAIL],
    "connect": [errno.ECONNREFUSED, errno.ENETUNREACH, errno.EADDRNOTAVAIL],
    "send": [errno.ECONNRESET, errno.ENOBUFS, errno.ETIMEDOUT, errno.EAGAIN],
    "recv": [errno.ECONNRESET, errno.ENOMEM, errno.ETIMEDOUT, errno.EAGAIN],
    "poll": [errno.ENOMEM],
    "epoll_create1": [errno.EMFILE],
    "epoll_ctl": [errno.ENOSPC, errno.ENOMEM],
    "epoll_wait": [errno.EINTR],
    "eventfd": [errno.EMFILE],
    "timerfd_create": [errno.EMFILE],
    "pthread_create": [errno.EAGAIN],
    "fcntl": [errno.EMFILE],
    "getsockopt": [errno.ENOBUFS],
    "setsockopt": [errno.ENOPROTOOPT],
    "shutdown": [errno.ENOTCONN],
    "getaddrinfo": [errno.ENOMEM],
    "send to a local socket": [errno.ENOBUFS, errno.EAGAIN],
    "recv from a local socket": [errno.ENOBUFS, errno.EAGAIN],
}
ALL = len(FUNCTIONS)
PATTERN = b"0123456789abcde\n"
PATIENCE = 5.0  # seconds
SILENCE = 0.3  # seconds; where all fails from a moment on, this is the end


@dataclass
class Outcome:
    """What came of one scene with the calls of one function failing, one after another."""

    scene: str
    function: str
    error: str
    go_on: bool
    calls: int = 0  # that the scene makes when none fails
    tried: int = 0
    raised: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Shim:
    """The functions of `shim.c`."""

    def __init__(self, path: str, libraries: str) -> None:
        self._c = ctypes.CDLL(path)
        self._c.shim_calls.restype = ctypes.c_long
        self._c.shim_interrupted.restype = ctypes.c_long
        self._c.shim_arm.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_int, ctypes.c_int]
        self._libraries = libraries.encode()
        self._c.shim_watch(self._libraries)
        assert self._c.shim_watched() > 0

    @contextlib.contextmanager
    def failing(self, function: int, first: int, go_on: bool, error: int) -> Iterator[None]:
        """Calls of a function fail within the block, from the `first`-th on or just that one."""
        self._c.shim_arm(function, first, go_on, error)
        try:
            yield
        finally:
            self._c.shim_disarm()

    def calls(self, function: int) -> int:
        """How often a function was called since the last `failing`."""
        return int(self._c.shim_calls(function))

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """Every second call that may wait is interrupted (EINTR)."""
        self._c.shim_interrupt(1)
        try:
            yield
        finally:
            self._c.shim_interrupt(0)

    def interrupted(self) -> int:
        """How many calls were."""
        return int(self._c.shim_interrupted())

    @contextlib.contextmanager
    def dripping(self) -> Iterator[None]:
        """A byte at a time is sent and received."""
        self._c.shim_drip(1)
        try:
            yield
        finally:
            self._c.shim_drip(0)


class Stage:
    """What the scenes use."""

    def __init__(self, port: int, principal: str) -> None:
        self.port = port
        self.principal = principal
        self.remctl = Remctl()
        self.over_a_socket = False

    def make_ready(self) -> None:
        """A connection on which nothing is pending."""
        self.remctl.close()
        self.open()

    def open(self) -> None:
        self.over_a_socket = False
        self.remctl.open("127.0.0.1", self.port, self.principal)

    def hello(self) -> None:
        answer = self.remctl.run(["test", "hello", "again"])
        assert answer.stdout == b"hello again\n", answer
        assert (answer.stderr, answer.status) == (None, 0), answer

    def large_command(self, size: int = 400_000) -> None:
        answer = self.remctl.run([b"test", b"stdin", bytes(size)])
        assert (answer.stdout or b"").startswith(b"%d " % size), answer

    def bytes(self, size: int) -> None:
        answer = self.remctl.run(["test", "bytes", str(size)])
        assert answer.stdout == (PATTERN * (size // len(PATTERN) + 1))[:size]

    def send(self) -> None:
        self.remctl.command(["test", "mix", "3"])

    def receive(self) -> None:
        tokens = list(self.remctl)
        assert tokens[-1].status == 3, tokens
        for stream, text in ((1, b"out 1\nout 2\n"), (2, b"err 1\nerr 2\n")):
            assert b"".join(t.output or b"" for t in tokens if t.stream == stream) == text

    def stream(self) -> None:
        with self.remctl.stream(["test", "lines", "20"]) as tokens:
            seen = list(tokens)
        assert seen[-1].status == 0
        assert b"".join(t.output or b"" for t in seen).endswith(b"line 20\n")

    def leave_a_stream(self) -> None:
        with self.remctl.stream(["test", "bytes", "300000"]) as tokens:
            next(tokens)

    def lose_a_stream(self) -> None:
        next(self.remctl.stream(["test", "bytes", "300000"]))

    def noop(self) -> None:
        assert self.remctl.noop() is True

    def refused(self) -> None:
        code = None
        try:
            self.remctl.run(["test", "no such command"])
        except RemctlProtocolError as error:
            code = error.code
        assert code == 5, code

    def lose(self) -> None:
        self.remctl = Remctl()

    def retire_helpers(self) -> None:
        """Have idle helper threads end, as they do at a fork: the next call starts one."""
        with warnings.catch_warnings():
            # Of one that is at work still, on what a failed call has left to it.
            warnings.filterwarnings("ignore", "This process .* multi-threaded", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    def unknown_host(self) -> None:
        with contextlib.suppress(RemctlError):
            self.remctl.open("no-such-host.invalid", self.port)
            raise AssertionError("it was found")

    def simple(self) -> None:
        where = "127.0.0.1", self.port, self.principal
        answer = remctl.remctl(*where, ["test", "hello"], timeout=SILENCE)
        assert (answer.stdout, answer.status) == (b"hello world\n", 0)

    def open_socket(self) -> None:
        self.over_a_socket = True  # it cannot be made again when it is lost
        with socket.create_connection(("127.0.0.1", self.port)) as sock:
            self.remctl.open_socket(sock, principal=self.principal)


Step = Callable[[Stage], None]

SCENES: dict[str, tuple[list[Step], Step]] = {
    "open": ([lambda stage: stage.remctl.close()], Stage.open),
    "open again": ([Stage.make_ready], Stage.open),
    "open with a new helper": (
        [lambda stage: stage.remctl.close(), Stage.retire_helpers],
        Stage.open,
    ),
    "unknown host": ([lambda stage: stage.remctl.close()], Stage.unknown_host),
    "open_socket": ([lambda stage: stage.remctl.close()], Stage.open_socket),
    "run": ([Stage.make_ready], Stage.hello),
    "command": ([Stage.make_ready], Stage.send),
    "output": ([Stage.make_ready, Stage.send], Stage.receive),
    "stream": ([Stage.make_ready], Stage.stream),
    "stream left": ([Stage.make_ready], Stage.leave_a_stream),
    "stream lost": ([Stage.make_ready], Stage.lose_a_stream),
    "large command": ([Stage.make_ready], Stage.large_command),
    "large output": ([Stage.make_ready], lambda stage: stage.bytes(2_000_000)),
    "noop": ([Stage.make_ready], Stage.noop),
    "refused": ([Stage.make_ready], Stage.refused),
    "reconnect": ([Stage.make_ready, Stage.leave_a_stream], Stage.hello),
    "close": ([Stage.make_ready], lambda stage: stage.remctl.close()),
    "close with output pending": (
        [Stage.make_ready, Stage.send],
        lambda stage: stage.remctl.close(),
    ),
    "destructor": ([Stage.make_ready], Stage.lose),
    "simple call": ([], Stage.simple),
}


def threads() -> set[str]:
    """The threads of this process."""
    return set(os.listdir("/proc/self/task"))


def descriptors() -> dict[str, str]:
    """The descriptors of this process, and what each is."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one that lists them
            found[number] = os.readlink(f"/proc/self/fd/{number}")
    return found


class Traces:
    """What is there of threads and descriptors, and no more shall be."""

    def __init__(self) -> None:
        self.take()

    def take(self) -> None:
        """What is there now is what may be there."""
        self.threads, self.descriptors = threads(), descriptors()

    def left(self) -> str:
        """What is more than that for long; an empty text for nothing."""
        end = time.monotonic() + PATIENCE
        while len(descriptors()) > len(self.descriptors) or len(threads()) > len(self.threads):
            if time.monotonic() > end:
                new = sorted(descriptors().items() - self.descriptors.items())
                text = f"{len(threads()) - len(self.threads)} threads more, descriptors: {new}"
                self.take()
                return text
            time.sleep(0.001)
        return ""


def serves_on(stage: Stage) -> None:
    """The object can be used again, reopened if necessary."""
    if not stage.remctl.opened or stage.over_a_socket:
        stage.open()
    with contextlib.suppress(RemctlError):
        for _ in stage.remctl:
            pass
    stage.hello()
    stage.noop()


def prepare(stage: Stage, scene: str) -> Step:
    """Make everything ready; what the scene does then."""
    before, step = SCENES[scene]
    for action in before:
        action(stage)
    return step


def play(shim: Shim, stage: Stage, outcome: Outcome, first: int, traces: Traces) -> None:
    """One scene with one failure, or more."""
    print(json.dumps(["try", first]), flush=True)
    step = prepare(stage, outcome.scene)
    number = FUNCTIONS.index(outcome.function)
    error = getattr(errno, outcome.error)
    outcome.tried += 1
    stage.remctl.set_timeout(SILENCE)
    try:
        with shim.failing(number, first, outcome.go_on, error):
            step(stage)
    except (RemctlError, MemoryError) as raised:
        name = type(raised).__name__
        outcome.raised[name] = outcome.raised.get(name, 0) + 1
    except BaseException as raised:
        outcome.wrong.append(f"{first}: {type(raised).__name__}: {raised}")
    try:
        stage.remctl.set_timeout(PATIENCE)
        serves_on(stage)
        stage.remctl.close()
    except BaseException as raised:
        outcome.wrong.append(f"{first}, afterwards: {type(raised).__name__}: {raised}")
        stage.lose()
    gc.collect()
    if left := traces.left():
        outcome.wrong.append(f"{first}, left: {left}")


def numbers(calls: int, most: int) -> list[int]:
    """Which calls are to fail: all, or so many, those at the beginning and the end among them."""
    if calls <= most:
        return list(range(1, calls + 1))
    if most == 1:
        return [calls]
    step = (calls - 1) / (most - 1)
    return sorted({1 + round(index * step) for index in range(most)})


def main(shim_path: str, options: str) -> None:
    """Play the scenes asked for, and print each result as a line of JSON.

    `["begin", Outcome]`, then `["try", n]` for each n, then `["end", Outcome]`: a process that
    has crashed has said of what.
    """
    wanted = json.loads(options)
    stage = Stage(wanted["port"], wanted["principal"])
    shim = Shim(shim_path, wanted["libraries"])
    for scene in SCENES:  # so that what is made once is there
        prepare(stage, scene)(stage)
        serves_on(stage)
    stage.remctl.close()
    gc.collect()
    time.sleep(0.1)
    traces = Traces()
    for scene in wanted["scenes"] or SCENES:
        step = prepare(stage, scene)
        with shim.failing(ALL, 0, False, 0):
            step(stage)
        calls = {name: shim.calls(number) for number, name in enumerate(FUNCTIONS)}
        serves_on(stage)
        stage.remctl.close()
        for function in wanted["functions"] or ERRORS:
            for error in ERRORS[function]:
                for go_on, most in zip((False, True), wanted["most"], strict=True):
                    outcome = Outcome(scene, function, errno.errorcode[error], go_on)
                    outcome.calls = calls[function]
                    if outcome.calls:
                        print(json.dumps(["begin", asdict(outcome)]), flush=True)
                        for first in numbers(outcome.calls, most):
                            play(shim, stage, outcome, first, traces)
                    print(json.dumps(["end", asdict(outcome)]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
