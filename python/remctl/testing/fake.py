"""A remctl without a network, for tests without a KDC and remctld.

    from remctl.testing import fake_remctl

    with fake_remctl({"test": {"hello": "hello\\n", "fail": (None, "no\\n", 3)}}) as fake:
        result = remctl.remctl("host.example.com", command=["test", "hello"])
    assert result.stdout == b"hello\\n"
    assert [call.command for call in fake.calls] == [("test", "hello")]

It answers like a real server. Remctl, remctl(), AsyncRemctl and everything built on them are
real; only the connection below them is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import cast
from weakref import WeakKeyDictionary

from remctl import ErrorCode, ErrorKind, Remctl, RemctlProtocolError, _remctl
from remctl._waiting import loops
from remctl.testing._fake_connection import FakeConnection, Tokens
from remctl.testing._fake_failures import failure_of
from remctl.testing._fake_pool import FakePool
from remctl.testing._fake_reactor import FakeReactor
from remctl.testing.calls import Answer, Call, call_function, failure, finish
from remctl.testing.commands import Command

FakeAnswer = Answer | ErrorKind | BaseException | type[BaseException]
"""An `Answer`, or a failure: an `ErrorKind`, which fails like a real connection, or an
exception. A RemctlProtocolError with a code is a refusal by the server. Any other exception is
raised as a failure of the connection: before the command is sent if its ``may_have_run`` is
false, otherwise after that."""

FakeCommands = Mapping[str, Mapping[str, FakeAnswer | Callable[[Call], FakeAnswer] | Command]]
"""The commands of a fake, `{command: {subcommand: answer}}`; the first match counts.

`ALL` matches every word, and `EMPTY` a missing subcommand, like in `remctld.conf`. An answer
may be a function of a `Call` that returns one, also in a `Command` with `stdin`, just as for a
real `Server`. An exception of such a function ends the command with status 255, and is recorded
in `exceptions`.
"""

_USER = "user@REMCTL.TEST"
_PIECE = 4096  # remctld sends output in pieces of at most this size


class FakeServer:
    """Stands for all hosts of a fake.

    Attributes:
        calls: every command that was sent, the oldest first, unknown ones included.
        exceptions: the exceptions that functions have raised, the oldest first.
    """

    def __init__(
        self, commands: FakeCommands, unreachable: Collection[str] | Mapping[str, ErrorKind] = ()
    ) -> None:
        for entries in commands.values():
            for entry in entries.values():
                _check(entry)
        self._commands = commands
        self._unreachable = unreachable
        self.calls: list[Call] = []
        self.exceptions: list[BaseException] = []

    def refusal(self, host: str, port: int) -> BaseException | None:
        """Why a host cannot be connected to; None if it can."""
        if host not in self._unreachable:
            return None
        kind = ErrorKind.CONNECT
        if isinstance(self._unreachable, Mapping):
            kind = ErrorKind(self._unreachable[host])
        return failure_of(kind, host, port, sent=False)

    def answer(self, host: str, port: int, command: list[bytes]) -> Tokens:
        """The answer of a host to a command."""
        words = [word.decode("utf-8", "surrogateescape") for word in command]
        entry, stdin = self._find(words), b""
        if isinstance(entry, Command):
            position = len(words) - 1 if entry.stdin == "last" else int(entry.stdin or 0)
            if 1 <= position < len(words):
                stdin = command[position]
                del words[position]
            entry = entry.program
        env = {"REMCTL_COMMAND": words[0], "REMOTE_USER": _USER, "REMOTE_ADDR": "127.0.0.1"}
        call = Call(tuple(words), stdin, env, host, port or 4373)
        self.calls.append(call)
        if any("\0" in word for word in words):
            entry = RemctlProtocolError("Invalid command token", ErrorCode.BAD_COMMAND)
        return self._tokens(entry, call)

    def _find(self, words: list[str]) -> object:
        subcommand = words[1] if len(words) > 1 else None
        for command, entries in self._commands.items():
            if command not in ("ALL", words[0]):
                continue
            for name, entry in entries.items():
                if name == "ALL" or (name == "EMPTY" if subcommand is None else name == subcommand):
                    return entry
        return RemctlProtocolError("Unknown command", ErrorCode.UNKNOWN_COMMAND)

    def _tokens(self, entry: object, call: Call) -> Tokens:
        if isinstance(entry, type) and issubclass(entry, BaseException):
            entry = entry()
        if isinstance(entry, ErrorKind):
            entry = failure_of(entry, call.host, call.port, sent=True)
        try:
            if callable(entry):
                return self._tokens(call_function(entry, call), call)
            if isinstance(entry, RemctlProtocolError) and entry.code is not None:
                return [("error", str(entry).encode(), None, None, int(entry.code))]
            if isinstance(entry, BaseException):
                return [entry]
            finished = finish(entry)
        except Exception as error:
            self.exceptions.append(error)
            finished = failure(error)
        tokens: Tokens = [
            ("output", text[start : start + _PIECE], stream, None, None)
            for stream, text in ((1, finished.stdout), (2, finished.stderr))
            for start in range(0, len(text), _PIECE)
        ]
        return [*tokens, ("status", None, None, finished.status, None)]


def _check(entry: object) -> None:
    """Raise TypeError or ValueError if an entry of the table is invalid."""
    if isinstance(entry, Command):
        if not callable(entry.program):
            raise TypeError(f"a fake cannot run a program: {entry.program!r}")
    elif not callable(entry) and not isinstance(entry, BaseException):
        finish(entry)


class FakeRemctl(Remctl):
    """A `Remctl` that answers from a table, for code that takes a `Remctl` object.

    `commands` is described in `FakeCommands`, or is a FakeServer; the other arguments are as
    for `Remctl`. `server` is the FakeServer, with the calls.
    """

    def __init__(
        self,
        commands: FakeCommands | FakeServer,
        host: str | None = None,
        port: int | None = None,
        principal: str | None = None,
    ) -> None:
        super().__init__()
        self.server: FakeServer = (
            commands if isinstance(commands, FakeServer) else FakeServer(commands)
        )
        self._connection = cast("_remctl.Connection", FakeConnection(self.server))
        if host is not None:
            self.open(host, port, principal)

    @property
    def calls(self) -> list[Call]:
        """Every command that was sent, the oldest first."""
        return self.server.calls


@contextmanager
def fake_remctl(
    commands: FakeCommands, *, unreachable: Collection[str] | Mapping[str, ErrorKind] = ()
) -> Iterator[FakeServer]:
    """Answer every new connection in this process from a table.

    This applies to `Remctl`, `remctl()`, their asynchronous twins and everything built on them,
    in every module that has imported them. Connecting to a host in `unreachable` fails; a
    mapping gives the `ErrorKind` of each failure, for example TICKET. The block gets the
    FakeServer, which has the calls.
    """
    server = FakeServer(commands, unreachable)
    ours: list[tuple[object, str, object]] = [
        (_remctl, "Connection", lambda: FakeConnection(server)),
        (_remctl, "Reactor", FakeReactor),
        (_remctl, "Pool", FakePool(server, _remctl.Pool)),
        # Running event loops already have a reactor; in the block they get a new one.
        (loops, "_loops", WeakKeyDictionary()),
    ]
    theirs = [(module, name, getattr(module, name)) for module, name, _ in ours]
    for module, name, value in ours:
        setattr(module, name, value)
    try:
        yield server
    finally:
        for module, name, value in theirs:
            setattr(module, name, value)
