"""Results of commands, and the exceptions.

They are in one file because each refers to the other: a result's `check()` raises an exception,
and an exception contains a partial result.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from remctl._codes import ErrorCode as _ErrorCode
    from remctl._codes import ErrorKind as _ErrorKind

    #: The argument of `make()`: a value of ErrorKind, or ``not_opened``, the misuse with its
    #: own class.
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
    # At run time these are just int and str, because enum is loaded only when a caller uses
    # one. The annotations here are objects and not strings: the classes appear as remctl's,
    # where a tool that evaluates a string would not find names that are loaded at their first
    # use.
    _ErrorCode = int
    _ErrorKind = Kind = str

#: With these codes remctld refuses a command before starting it. With the others (1, 9 and
#: unknown ones) that is not certain.
_REFUSED_BEFORE_IT_RAN = frozenset({2, 3, 4, 5, 6, 7, 8, 10})

#: The kind of a refusal by its code; for every other code it is "refused".
_REFUSALS = {5: "unknown_command", 6: "denied"}

#: Kinds of errors that may go away by themselves.
_PASSING = frozenset({"resolve", "connect", "kdc", "timeout", "lost", "not_started"})

#: An exception's text shows at most this many characters of the last line of standard error.
_LONGEST_LINE = 500


class RemctlSimpleResult:
    """The answer to a command (manual, remctl.remctl).

    - ``stdout``, ``stderr``: bytes; None if there was no output, or if it went to a file.
    - ``text``, ``stderr_text``: the same as str.
    - ``status``: the exit status, an int from 0 to 255.
    - ``ok``: whether the status is 0. A status other than 0 is not raised; `check()` raises it.

    Results compare and hash by value.
    """

    __module__ = "remctl"
    # The origin is kept out of vars().
    __slots__ = ("__dict__", "__weakref__", "_origin")

    stdout: bytes | None
    """Standard output, or None if there was none."""
    stderr: bytes | None
    """Standard error, or None if there was none."""
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
        """Standard output as text: UTF-8, with invalid bytes replaced; "" for None."""
        return "" if self.stdout is None else self.stdout.decode("utf-8", "replace")

    @property
    def stderr_text(self) -> str:
        """Standard error as text, decoded like `text`."""
        return "" if self.stderr is None else self.stderr.decode("utf-8", "replace")

    @property
    def ok(self) -> bool:
        """Whether the status is 0."""
        return self.status == 0

    def check(self) -> "RemctlSimpleResult":
        """Return the result itself, or raise `RemctlCommandError` if the status is not 0."""
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
        # Unknown if it was created by hand.
        return getattr(self, "_origin", (None, None))


class RemctlError(Exception):
    """A call failed: the network, authentication, a refusal, or an invalid call.

    ``str(error)`` is libremctl's text, the same that ``Remctl.error()`` returns.

    - ``kind``: what failed, an `ErrorKind`, for programs.
    - ``retryable``: True if the same call may succeed later and the command cannot have run.
    - ``may_have_run``: False if the server cannot have started the command.
    - ``host``, ``port``, ``command``: the call that failed; ``command`` has its first two
      words.
    - ``hint``: what to do about it, one sentence, or None.
    - ``partial``: a `RemctlSimpleResult` with the output before the failure, or None.
    """

    __module__ = "remctl"

    host: str | None = None
    """The host that the call was for."""
    port: int | None = None
    """The port; None if the call did not name one."""
    command: str | None = None
    """The first two words of the command, joined by a space; never other arguments."""
    hint: str | None = None
    """What to do about it, in one sentence. It is also a note (``__notes__``, PEP 678)."""
    partial: RemctlSimpleResult | None = None
    """The output before the failure, with the status None; None if none was kept."""
    may_have_run: bool = True
    """False if the server cannot have started the command."""

    _kind: str | None = None
    _lasting = False  # not retryable, although its kind may be

    def __init__(self, *args: object) -> None:
        super().__init__(*args)

    @property
    def kind(self) -> _ErrorKind | None:
        """What failed, an `ErrorKind`. It can be set.

        None for a `RemctlCommandError`, since the command itself has failed, and for an
        exception that a program has created without a kind.
        """
        if self._kind is None:
            return None
        from remctl._codes import ErrorKind

        return ErrorKind(self._kind)

    @kind.setter
    def kind(self, kind: _ErrorKind | None) -> None:
        if kind is not None:
            from remctl._codes import ErrorKind

            kind = ErrorKind(kind)
        self._kind = None if kind is None else kind.value

    @property
    def retryable(self) -> bool:
        """True if the same call may succeed later by itself, and the command cannot have run.

        False for a call whose ``timeout`` was 0 or less.
        """
        return self._kind in _PASSING and not self._lasting and not self.may_have_run

    def __str__(self) -> str:
        if self.args and isinstance(self.args[0], str):
            return self.args[0]
        return Exception.__str__(self)

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (type(self), self.args), self.__dict__


class RemctlProtocolError(RemctlError):
    """The server refused a command, or a simple call failed for any reason except its timeout.

    ``code`` is the server's error code. The text of a refusal is the server's. In the full
    interface it follows the command and the host (``"no such on host.example.com: Unknown
    command"``); the simple interface adds these as a note.

    ``RemctlProtocolError(text, code)``: an int as the second argument is the ``code``.
    """

    __module__ = "remctl"

    code: _ErrorCode | int | None = None
    """The protocol's error code: an `ErrorCode` if it is a known one, otherwise an int, and
    None if the error is not the server's answer (for example a network error)."""

    _says_where = False  # whether str() names command and host

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
        """The error with only the server's text (manual, remctl.remctl); a note has the rest."""
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
    """A time limit has passed. Also a `TimeoutError`."""

    __module__ = "remctl"

    _kind = "timeout"

    # By default an OSError uses its first two arguments as errno and strerror.
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
    """The whole result, with the command's output."""

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
    """An exception of a kind; `lasting` means not retryable although the kind is."""
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


def identity_unknown() -> RemctlError:
    """Another thread has set KRB5CCNAME while the package was loaded."""
    return make(
        "local",
        "KRB5CCNAME was changed by another thread while remctl was loaded: it is not known "
        "whose tickets to use",
        hint="Call remctl.preload() before threads are started that set KRB5CCNAME.",
        may_have_run=False,
    )


_CLASSES = {"timeout": RemctlTimeoutError, "not_opened": RemctlNotOpenedError}


def _again(kind: type[RemctlError], args: tuple[object, ...]) -> RemctlError:
    """The first step of copying: skips __init__, whose arguments a subclass may have changed."""
    return kind.__new__(kind, *args)


def add_hint(error: RemctlError, hint: str) -> None:
    """Set an error's hint, also as a note (which Python 3.10 keeps but does not show)."""
    error.hint = hint
    vars(error).setdefault("__notes__", []).append(hint)


def _locate(error: RemctlError, host: str | None, command: str | None) -> None:
    error.host = host
    error.command = command


def locate(
    error: RemctlError, host: str | None, port: int | None, command: str | None
) -> RemctlError:
    """Add the host and the command to the error."""
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
    """The error for an error token of the server."""
    silent = stdout is None and stderr is None
    error = refused(text, code, silent=silent, host=host, port=port, command=command)
    error.partial = RemctlSimpleResult(stdout, stderr)
    error.partial._origin = (host, command)
    return error


def refused(
    text: str, code: int, *, silent: bool, host: str | None, port: int | None, command: str
) -> RemctlProtocolError:
    """The same if no output was kept; `silent` if there was none."""
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
    """Convert the error to the one that the simple call raises (manual, remctl.remctl)."""
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
    """The last non-blank line, cut off if it is long."""
    if not isinstance(data, bytes):
        return ""
    data = data.rstrip()
    start = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    # A character has at most four bytes, so enough of a long line is decoded.
    line = data[start : start + 4 * (_LONGEST_LINE + 1)].decode("utf-8", "replace")
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."


def printable(text: str) -> str:
    """The text with control characters escaped as in Python strings."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
