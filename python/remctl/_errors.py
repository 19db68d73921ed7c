"""How a command ends: with a result, or with an exception.

They are in one file because each has the other in it: a result's `check()` raises an
exception, and an exception has the partial result of what had come before it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from remctl._codes import ErrorCode as _ErrorCode
    from remctl._kinds import ErrorKind as _ErrorKind

    #: What `make()` makes an error of: a value of ErrorKind, or ``not_opened``, the misuse that
    #: has a class of its own.
    Kind = Literal[
        "resolve",
        "connect",
        "ticket",
        "kdc",
        "authenticate",
        "timeout",
        "lost",
        "protocol",
        "too_large",
        "not_started",
        "not_opened",
        "misuse",
        "local",
    ]
else:
    # Which it is. The module enum is loaded for who gets one, and by nobody else. That is also
    # why the annotations here are objects and not texts: to the outside these classes are
    # remctl's, where a tool that reads a text would not find what is loaded at first use.
    _ErrorCode = int
    _ErrorKind = Kind = str

#: With these codes remctld refuses a command before it begins it. With the others (1, 9 and
#: unknown ones) that is not known.
_REFUSED_BEFORE_IT_RAN = frozenset({2, 3, 4, 5, 6, 7, 8, 10})

#: What a refusal is, by its code; with every other code it is "refused".
_REFUSALS = {5: "unknown_command", 6: "denied"}

#: Kinds that may pass without anybody's doing.
_PASSING = frozenset({"resolve", "connect", "kdc", "timeout", "lost", "not_started"})

#: More of the last line of standard error is not shown in an exception's text.
_LONGEST_LINE = 500


class RemctlSimpleResult:
    """The answer to a command (manual, remctl.remctl).

    - ``stdout``, ``stderr``: bytes; None when nothing came, or when it went to a file.
    - ``text``, ``stderr_text``: the same as str.
    - ``status``: the exit status, an int from 0 to 255.
    - ``ok``: whether the status is 0. Other statuses raise nothing by themselves; `check()` does.

    Results compare and hash by value.
    """

    __module__ = "remctl"
    # Where it came from is not among the attributes that vars() shows.
    __slots__ = ("__dict__", "__weakref__", "_origin")

    stdout: bytes | None
    """Standard output, or None when nothing came."""
    stderr: bytes | None
    """Standard error, or None when nothing came."""
    status: int | None
    """The exit status, 0 to 255."""

    _origin: tuple[str | None, str | None]  # the host, and the command's first two words

    def __init__(
        self,
        stdout: bytes | None = None,
        stderr: bytes | None = None,
        status: int | None = None,
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.status = status

    @property
    def text(self) -> str:
        """Standard output as text: UTF-8, undecodable bytes replaced; "" for None."""
        return "" if self.stdout is None else self.stdout.decode("utf-8", "replace")

    @property
    def stderr_text(self) -> str:
        """Standard error as text, as `text` is of standard output."""
        return "" if self.stderr is None else self.stderr.decode("utf-8", "replace")

    @property
    def ok(self) -> bool:
        """Whether the status is 0."""
        return self.status == 0

    def check(self) -> "RemctlSimpleResult":
        """Return the result itself, or raise `RemctlCommandError` where the status is not 0."""
        if self.status != 0:
            raise RemctlCommandError(self)
        return self

    def __repr__(self) -> str:
        return (
            f"{type(self).__qualname__}"
            f"(stdout={self.stdout!r}, stderr={self.stderr!r}, status={self.status!r})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RemctlSimpleResult):
            return NotImplemented
        return self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def _value(self) -> tuple[bytes | None, bytes | None, int | None]:
        return self.stdout, self.stderr, self.status

    def __getstate__(self) -> tuple[dict[str, object], dict[str, object]]:
        return self.__dict__, {"_origin": self._came_from()}

    def _came_from(self) -> tuple[str | None, str | None]:
        # Nowhere, where it was made by hand.
        return getattr(self, "_origin", (None, None))


class RemctlError(Exception):
    """A call failed: the network, authentication, a refusal, or an invalid call.

    ``str(error)`` is libremctl's text, the same that ``Remctl.error()`` returns.

    - ``kind``: what failed, an `ErrorKind`, for programs.
    - ``retryable``: True if the same call may succeed later and the command cannot have run.
    - ``may_have_run``: False if the server cannot have begun the command.
    - ``host``, ``port``, ``command``: which call it was; of the command its first two words.
    - ``hint``: what to do about it, one sentence, or None.
    - ``partial``: a `RemctlSimpleResult` of the output that came before the failure, or None.
    """

    __module__ = "remctl"

    host: str | None = None
    """The host that the call was for."""
    port: int | None = None
    """The port; None where no connection was asked for by number."""
    command: str | None = None
    """The first two words of the command, joined by a space; never other arguments."""
    hint: str | None = None
    """What to do about it, in one sentence. It is also a note (``__notes__``, PEP 678)."""
    partial: RemctlSimpleResult | None = None
    """What had come of the answer, its status None; None where nothing is kept."""
    may_have_run: bool = True
    """False where the server cannot have begun the command."""

    _kind: str | None = None
    _lasting = False  # of a kind that passes, but not this time

    def __init__(self, *args: object) -> None:
        super().__init__(*args)

    @property
    def kind(self) -> _ErrorKind | None:
        """What the call failed of, an `ErrorKind`. It can be set.

        None for a `RemctlCommandError`, since the command itself has failed, and for an
        exception that a program has made without saying it.
        """
        if self._kind is None:
            return None
        from remctl._kinds import ErrorKind

        return ErrorKind(self._kind)

    @kind.setter
    def kind(self, kind: _ErrorKind | None) -> None:
        if kind is not None:
            from remctl._kinds import ErrorKind

            kind = ErrorKind(kind)
        self._kind = None if kind is None else kind.value

    @property
    def retryable(self) -> bool:
        """True if the same call may succeed later by itself, and the command cannot have run.

        False for a call that was too late when it was made: its ``timeout`` was 0 or less.
        """
        return self._kind in _PASSING and not self._lasting and not self.may_have_run

    def __str__(self) -> str:
        if self.args and isinstance(self.args[0], str):
            return self.args[0]
        return Exception.__str__(self)

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (type(self), self.args), self.__dict__


class RemctlProtocolError(RemctlError):
    """The server refused a command, or a simple call failed in any way but by its timeout.

    ``code`` says what the server answered. The text of a refusal is the server's; the full
    interface puts the command and the host in front (``"no such on host.example.com: Unknown
    command"``), and the simple interface adds them as a note.

    ``RemctlProtocolError(text, code)``: an int as the second argument is the ``code``.
    """

    __module__ = "remctl"

    code: _ErrorCode | int | None = None
    """The protocol's error code: an `ErrorCode` where it is a known one, another int where it
    is not, and None where the error is not the server's answer (a network error, say)."""

    _says_where = False  # str() does

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if len(args) > 1 and isinstance(args[1], int):
            self.code = _code(args[1])
            self._kind = _REFUSALS.get(args[1], "refused")

    def __str__(self) -> str:
        text = super().__str__()
        if not self._says_where or self.command is None:
            return text
        where = f" on {self.host}" if self.host else ""
        return f"{printable((self.command or 'the command') + where)}: {text}"

    def _as_simple(self) -> "RemctlProtocolError":
        """The same, in the server's words alone (manual, remctl.remctl); the rest is a note."""
        if self._says_where:
            self._says_where = False
            text = f"The command was {printable(self.command or '')!r} on {self.host}."
            vars(self).setdefault("__notes__", []).append(text)
        return self


class RemctlNotOpenedError(RemctlError):
    """There is no open connection."""

    __module__ = "remctl"

    _kind = "misuse"


class RemctlTimeoutError(RemctlError, TimeoutError):
    """Nothing came from the server in time. Also a `TimeoutError`."""

    __module__ = "remctl"

    _kind = "timeout"

    # Left to itself an OSError takes the first two of its arguments for an error number and
    # its text.
    def __new__(cls, *args: object, **keywords: object) -> "RemctlTimeoutError":
        error = super().__new__(cls)
        error.args = args
        return error

    def __init__(self, *args: object) -> None:
        self.args = args


class RemctlCommandError(RemctlError):
    """A command ended with a status other than 0; see ``RemctlSimpleResult.check()``.

    The text names the command and its host, the status and the last line of standard error.
    """

    __module__ = "remctl"

    result: RemctlSimpleResult
    """The whole result, with what the command wrote."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if args and isinstance(args[0], RemctlSimpleResult):
            self.result = args[0]
            _locate(self, *args[0]._came_from())
        else:
            self.result = RemctlSimpleResult()

    def __str__(self) -> str:
        if not self.args or self.args[0] is not self.result:
            return super().__str__()
        text = self.command or "command"
        if self.host:
            text += f" on {self.host}"
        text += f" exited with status {self.result.status}"
        line = _last_line(self.result.stderr)
        return printable(f"{text}: {line}" if line else text)


def make(
    kind: Kind,
    text: str,
    *,
    host: str | None = None,
    port: int | None = None,
    command: str | None = None,
    hint: str | None = None,
    partial: RemctlSimpleResult | None = None,
    may_have_run: bool = True,
    lasting: bool = False,
) -> RemctlError:
    """An exception of a kind; `lasting` where it is of one that passes, but not this time."""
    error = _CLASSES.get(kind, RemctlError)(text)
    error._kind = "misuse" if kind == "not_opened" else kind
    error._lasting = lasting
    if hint is not None:
        add_hint(error, hint)
    _locate(error, host, command)
    error.port = port
    error.partial = partial
    error.may_have_run = may_have_run
    return error


_CLASSES = {"timeout": RemctlTimeoutError, "not_opened": RemctlNotOpenedError}


def _again(kind: type[RemctlError], args: tuple[object, ...]) -> RemctlError:
    """A copy's beginning, without __init__, whose arguments a subclass may have changed."""
    return kind.__new__(kind, *args)


def add_hint(error: RemctlError, hint: str) -> None:
    """Say what to do about an error; also as a note, which Python 3.10 keeps but does not show."""
    error.hint = hint
    vars(error).setdefault("__notes__", []).append(hint)


def _locate(error: RemctlError, host: str | None, command: str | None) -> None:
    error.host = host
    error.command = command


def locate(
    error: RemctlError, host: str | None, port: int | None, command: str | None
) -> RemctlError:
    """The error, which says now where it happened and of which command."""
    _locate(error, host, command)
    error.port = port
    if error.partial is not None:
        error.partial._origin = (host, command)
    return error


def refusal(
    text: str,
    code: int,
    stdout: bytes | None,
    stderr: bytes | None,
    *,
    host: str | None,
    port: int | None,
    command: str,
) -> RemctlProtocolError:
    """The server's answer that it does not run a command, or no further."""
    silent = stdout is None and stderr is None
    error = refused(text, code, silent=silent, host=host, port=port, command=command)
    error.partial = RemctlSimpleResult(stdout, stderr)
    error.partial._origin = (host, command)
    return error


def refused(
    text: str, code: int, *, silent: bool, host: str | None, port: int | None, command: str
) -> RemctlProtocolError:
    """The same where nothing of the output is kept; `silent` if none has come."""
    if not text:
        from remctl._codes import meaning

        text = meaning(code)
    error = RemctlProtocolError(text, code)
    error._says_where = True
    _locate(error, host, command)
    error.port = port
    error.may_have_run = not (silent and code in _REFUSED_BEFORE_IT_RAN)
    return error


def as_protocol_error(error: RemctlError) -> RemctlProtocolError:
    """The same error as the simple call raises it (manual, remctl.remctl)."""
    again = RemctlProtocolError(str(error))
    again._kind = error._kind
    again.__dict__.update(error.__dict__)
    return again


def _code(number: int) -> _ErrorCode | int:
    from remctl._codes import ErrorCode

    try:
        return ErrorCode(number)
    except ValueError:
        return number


def _last_line(data: bytes | None) -> str:
    """The last line that is not blank, or the beginning of a long one."""
    if not isinstance(data, bytes):
        return ""
    data = data.rstrip()
    start = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    # A character has four bytes at most: of a longer line more than enough is left.
    line = data[start : start + 4 * (_LONGEST_LINE + 1)].decode("utf-8", "replace")
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."


def printable(text: str) -> str:
    """The text, with what a terminal would act on written as Python writes it in a string."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
