"""The C API of the remctl client library, one to one, and the classes on which remctl is
built."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from types import TracebackType
from typing import Any, Final, Literal, NoReturn, SupportsFloat, SupportsIndex, TypeAlias, final

from _typeshed import structseq
from typing_extensions import TypedDict

__version__: Final[str]
VERSION: Final[str]  # libremctl's, or "unknown"

# Text is encoded as UTF-8, with surrogate escapes restored to the bytes they stand for.
_CString: TypeAlias = str | bytes
_Seconds: TypeAlias = SupportsFloat | SupportsIndex
_Command: TypeAlias = Sequence[bytes | memoryview]  # a list
_Answer: TypeAlias = tuple[bytes | None, bytes | None, int | None, int | None, str]
_Token: TypeAlias = tuple[str, bytes | None, int | None, int | None, int | None]

class _BuildInfo(TypedDict):
    flavour: Literal["system", "bundled"]
    libremctl: str | None
    krb5: str | None
    keyutils: str | None
    pybind11: str
    compiler: str

def build_info() -> _BuildInfo:
    """What this extension was built from, by name; None if unknown."""

def listening(topic: int, /) -> bool:
    """Whether a topic's logger is enabled for DEBUG; see remctl._logging."""

def new_caller() -> int:
    """Return a number that no other caller of this process has had."""

def note(
    topic: int,
    text: str,
    *,
    host: str | None = None,
    port: int | None = None,
    seconds: float | None = None,
    kind: str | None = None,
) -> None:
    """Log a text, after listening() was true; see remctl._logging."""

class _Type(type): ...  # the metaclass of pybind11's classes, which cannot be imported

@final
class Session(metaclass=_Type):
    """The exclusive use of a connection for one stream.

    Destroying it closes the stream.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn: ...  # from Connection.stream()
    def end(self) -> None:
        """Let other calls through. Calling it again does nothing."""

    def hand_to(self, caller: int) -> None:
        """Hand the stream over to another caller."""

    @property
    def inherited(self) -> bool:
        """True in the child of a fork: the stream belongs to the parent."""

@final
class Admission(metaclass=_Type):
    """Limits connections opened to one address at a time to five, in order; for one thread."""

    def __init__(self) -> None: ...

@final
class Identity(metaclass=_Type):
    """A thread's default ticket cache at the time of creation, and one client principal.

    All connections that share the object use the client principal of the first open.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...  # raises: see the next one
    @staticmethod
    def of_now(*, many: bool = False) -> Identity:
        """Create one that no connection has used yet; `many`: for many servers."""

@final
class Connection(metaclass=_Type):
    """A connection to a remctl server, shared by any number of callers.

    Every call may raise RemctlError; see remctl.Remctl, whose methods are implemented by these.
    A timeout is for the whole call, in seconds: None means no limit, 0 or less fails
    immediately.
    """

    def __init__(self) -> None: ...
    def set_ccache(self, ccache: _CString | Credentials | None) -> None:
        """Set the credential cache for connections opened from now on."""

    def set_source_ip(self, source: _CString) -> None:
        """Set the source address of connections opened from now on."""

    def set_keepalive(self, idle: _Seconds | None) -> None:
        """Set after how many seconds of silence TCP probes the server; 0 or None for never."""

    def set_connect_timeout(self, longest: _Seconds | None) -> None:
        """Set how long connecting may take, in seconds; 0 or None for no limit."""

    def set_admission(self, admission: Admission) -> None:
        """Set the Admission that this connection waits for when it is opened."""

    def set_identity(self, identity: Identity) -> None:
        """Share an identity with other connections."""

    def set_timeout(self, timeout: _Seconds | None) -> None:
        """Set the longest silence, in seconds; None or 0 for no limit."""

    def open(
        self,
        host: _CString,
        port: int = 0,
        principal: _CString | None = None,
        timeout: _Seconds | None = None,
    ) -> None:
        """Connect and authenticate."""

    def open_descriptor(
        self,
        descriptor: int,
        host: _CString | None,
        principal: _CString | None = None,
        timeout: _Seconds | None = None,
    ) -> None:
        """Authenticate over a duplicate of a connected socket."""

    def command(self, command: _Command, timeout: _Seconds | None = None) -> None:
        """Send a command: a list of bytes-like objects."""

    def output(self, session: Session | None = None, timeout: _Seconds | None = None) -> _Token:
        """Read a token: (type, output, stream, status, error)."""

    def run(self, command: _Command, timeout: _Seconds | None = None) -> _Answer:
        """Send a command and read its answer: (stdout, stderr, status, error, error text)."""

    def simple(
        self,
        host: _CString,
        port: int,
        principal: _CString | None,
        command: _Command,
        timeout: _Seconds | None,
    ) -> _Answer:
        """open() and run(), with one timeout for both."""

    def stream(self, command: _Command, timeout: _Seconds | None = None) -> Session:
        """Send a command and reserve the connection for its answer."""

    def noop(self, timeout: _Seconds | None = None) -> bool:
        """Return True if the server answered, False if it does not support NOOP."""

    def close(self) -> None:
        """Close, even while a call waits in another thread."""

    def leave(self, session: Session) -> None:
        """End a stream. If it was not read to its end, the connection is dropped."""

    def cut(self, session: Session) -> None:
        """End a stream that has lost a token: its other readers get an error."""

    def abandon(self, caller: int | None = None) -> None:
        """Clean up after an interrupted call that may already have ended.

        The connection is dropped if an answer to this caller is pending.
        """

    def refusal(self, session: Session, caller: int | None = None) -> _Token | None:
        """Return the error token that ended the stream, if there was one.

        Each caller gets it once.
        """

    def error(self) -> str:
        """Return the text of the last failure, or "no error"."""

    def note(self, text: str) -> None:
        """Make error() return this."""

    def require_opened(self) -> None:
        """Raise RemctlNotOpenedError if no connection is open."""

    @property
    def opened(self) -> bool:
        """True from a successful open to close."""

    @property
    def server(self) -> tuple[str | None, int | None, str | None] | None:
        """(host, port, principal) of the last successful open; None before that."""

    @property
    def pending(self) -> bool:
        """True while a command's answer has not been read to its end."""

    @property
    def ready(self) -> bool:
        """True if output() can return a token without waiting."""

    @property
    def expires(self) -> float | None:
        """When the tickets expire that it was opened with, in seconds since 1970, or None."""

    def fileno(self) -> int:
        """Return the connected socket's descriptor, or -1."""

@final
class TicketLoan(metaclass=_Type):
    """A ticket cache for child processes, renewed until end()."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...  # raises: see lend_tickets()
    @property
    def name(self) -> str:
        """The cache's name, for $KRB5CCNAME."""

    def tell(self) -> None:
        """Log what the helper thread has noted."""

    def end(self) -> None:
        """Remove the cache, and raise the error of the last renewal if it failed."""

def lend_tickets(credentials: Credentials, timeout: _Seconds | None = None) -> TicketLoan:
    """Put the tickets where child processes find them, within ``timeout`` seconds."""

def lend_tickets_in(
    reactor: Reactor, credentials: Credentials, timeout: _Seconds | None
) -> Operation:
    """Do the same in an event loop: the operation."""
@final
class Credentials(metaclass=_Type):
    """The source of tickets; implements remctl.Credentials."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...  # raises: see the next two
    @staticmethod
    def from_keytab(
        keytab: _CString | None = None, principal: _CString | None = None
    ) -> Credentials:
        """Read a keytab."""

    @staticmethod
    def from_ccache(name: _CString | None = None) -> Credentials:
        """Use the tickets of a cache."""

    @staticmethod
    def from_unread_keytab(keytab: _CString) -> Credentials:
        """Use a keytab, which is read by the first renewal."""

    def look(self) -> tuple[str | None, str | None, int | None, bool]:
        """The result of the last check: (name, principal, expires, valid)."""

    def check(self, timeout: _Seconds | None = None) -> bool:
        """Check the ticket within ``timeout`` seconds; returns whether it is valid."""

    def check_in(self, reactor: Reactor, timeout: _Seconds | None) -> Operation:
        """Do the same in an event loop: the operation."""

    def renew(self, timeout: _Seconds | None = None) -> None:
        """Get a ticket within ``timeout`` seconds."""

    def renew_in(self, reactor: Reactor, timeout: _Seconds | None) -> Operation:
        """Do the same in an event loop: the operation."""

    def close(self) -> None:
        """Close: later opens cannot use it."""

    @property
    def source(self) -> str:
        """A readable description of the source."""

    @property
    def closed(self) -> bool:
        """True after close()."""

def absolute_name(name: _CString) -> str:
    """Return the name of a ticket cache or keytab, with a relative path in it made absolute."""

def explain(
    failure: _CString,
    host: _CString | None,
    principal: _CString | None = None,
    ccache: _CString | None = None,
) -> str | None:
    """One sentence that explains why authentication failed, or None."""
@final
class Operation(metaclass=_Type):
    """A call that was started in a reactor."""

    waiter: Any  # private to the event loop
    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn: ...  # from Reactor's methods
    @property
    def done(self) -> bool:
        """True when it has ended."""

    def result(self) -> Any:
        """Return the call's result or raise its error, once. None after cancel()."""

@final
class Reactor(metaclass=_Type):
    """Runs any number of calls, and signals all of them by one descriptor.

    The verbs are those of Connection, but each returns an Operation. `caller` identifies the
    task, as threads are identified there. Only one thread may use it: the one that created it
    or called move_here().
    """

    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def fileno(self) -> int:
        """Return the descriptor, which is readable when dispatch() has something to do."""

    def move_here(self) -> None:
        """Make the calling thread the owner: the event loop continues in it."""

    def dispatch(self, budget: float, wake: Callable[[Operation], object]) -> None:
        """Advance the calls that are ready, for at most ``budget`` seconds.

        ``wake`` is called with each operation that has ended. If it raises, the next dispatch
        continues.
        """

    def wait(self) -> None:
        """Wait until dispatch() may have something to do."""

    def cancel(self, operation: Operation) -> None:
        """Cancel an operation."""

    def pause(self, seconds: _Seconds) -> Operation:
        """Return an operation that ends after ``seconds``."""

    def excuse(self, seconds: float) -> None:
        """Move all deadlines by the time that the caller spent on other work."""

    def close(self) -> int:
        """Cancel all operations; return how many there were."""

    def open(
        self,
        connection: Connection,
        caller: int,
        host: _CString,
        port: int,
        principal: _CString | None,
        timeout: _Seconds | None,
    ) -> Operation:
        """Connection.open."""

    def open_descriptor(
        self,
        connection: Connection,
        caller: int,
        descriptor: int,
        host: _CString | None,
        principal: _CString | None,
        timeout: _Seconds | None,
    ) -> Operation:
        """Connection.open_descriptor."""

    def command(
        self, connection: Connection, caller: int, command: _Command, timeout: _Seconds | None
    ) -> Operation:
        """Connection.command."""

    def outputs(
        self,
        connection: Connection,
        caller: int,
        session: Session | None,
        bytes: int,
        timeout: _Seconds | None,
    ) -> Operation:
        """Connection.output for one token and those after it that need no wait.

        Up to ``bytes`` bytes: [token, ...].
        """

    def run(
        self, connection: Connection, caller: int, command: _Command, timeout: _Seconds | None
    ) -> Operation:
        """Connection.run."""

    def simple(
        self,
        connection: Connection,
        caller: int,
        host: _CString,
        port: int,
        principal: _CString | None,
        command: _Command,
        timeout: _Seconds | None,
    ) -> Operation:
        """Connection.simple."""

    def stream(
        self, connection: Connection, caller: int, command: _Command, timeout: _Seconds | None
    ) -> Operation:
        """Connection.stream."""

    def noop(self, connection: Connection, caller: int, timeout: _Seconds | None) -> Operation:
        """Connection.noop."""

@final
class Done(metaclass=_Type):
    """An awaitable that returns None immediately."""

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn: ...  # from AsyncLending.__aexit__
    def __await__(self) -> Generator[Any, None, None]: ...

@final
class Lending(metaclass=_Type):
    """A pool's connection, lent for the length of a with block."""

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn: ...  # from Pool.lend()
    def __enter__(self) -> Any:
        """Wait for a connection."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Return the connection."""

@final
class AsyncLending(metaclass=_Type):
    """A pool's connection, lent for the length of an async with block."""

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn: ...  # from Pool.lend_async()
    def __aenter__(self) -> Awaitable[Any]:
        """Return the coroutine that waits for a connection."""

    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Awaitable[None]:
        """Return the connection, without a wait."""

    def ask(self, reactor: Reactor, caller: int) -> Operation:
        """Wait for a connection in an event loop: the operation."""

    def give_up(self) -> None:
        """Return an unused connection."""

@final
class Pool(metaclass=_Type):
    """Connections to one server; see remctl.ConnectionPool."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...  # raises: see the next one
    @staticmethod
    def make(
        model: Connection, host: _CString, port: int, principal: _CString | None, **rest: Any
    ) -> Pool:
        """Create a pool whose connections have the settings of the unopened `model`."""

    def lend(self, wrap: Callable[[Connection], Any], timeout: _Seconds | None) -> Lending:
        """Return a context manager; its block gets `wrap(connection)`."""

    def lend_async(
        self,
        wrap: Callable[[Connection], Any],
        timeout: _Seconds | None,
        start: Callable[[AsyncLending], Awaitable[Any]] | None,
    ) -> AsyncLending:
        """Return the same for `async with`; `start(lending)` returns the coroutine that
        waits."""

    def open(self, timeout: _Seconds | None) -> None:
        """Wait until there are min_size connections."""

    def open_in(self, reactor: Reactor, timeout: _Seconds | None) -> Operation:
        """Do the same in an event loop: the operation."""

    def close(self) -> None:
        """Close idle connections now, and lent ones when they are returned."""

    def start_over(self) -> int:
        """Close the connections at the end of an event loop. Returns how many were idle."""

    def require_open(self) -> None:
        """Raise RemctlNotOpenedError if the pool is closed."""

    def stats(self) -> dict[str, int]:
        """Return the numbers of ConnectionPool.stats()."""

    @property
    def closed(self) -> bool:
        """True after close()."""

@final
class Output(structseq[Any], tuple[str, bytes | None, int | None, int | None, int | None]):
    """A token of output, as remctl_output returns it."""

    __match_args__: Final = ("type", "output", "stream", "status", "error")
    @property
    def type(self) -> str:
        """The kind of token: "output", "status", "error" or "done"."""

    @property
    def output(self) -> bytes | None:
        """Bytes of output, or the error's text; else None."""

    @property
    def stream(self) -> int | None:
        """1 for standard output, 2 for standard error; else None."""

    @property
    def status(self) -> int | None:
        """Exit status, 0 to 255; else None."""

    @property
    def error(self) -> int | None:
        """The protocol's error code; else None."""

@final
class Handle(metaclass=_Type):
    """An opaque handle, from remctl_new(). Once it is closed every call on it raises ValueError."""

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn: ...  # from remctl_new()

def remctl_new() -> Handle:
    """Return a new handle, not connected."""

def remctl(
    host: _CString, port: int, principal: _CString | None, command: list[bytes]
) -> tuple[str | None, bytes | None, bytes | None, int]:
    """Run one command: (error, stdout, stderr, status). error is None or a text."""

def remctl_set_ccache(r: Handle, ccache: _CString) -> bool:
    """Set the credential cache for later opens."""

def remctl_set_source_ip(r: Handle, source: _CString) -> bool:
    """Set the address to connect from."""

def remctl_set_timeout(r: Handle, timeout: _Seconds | None) -> bool:
    """Set the longest silence in seconds, 0 for no limit; False if it is negative."""

def remctl_open(
    r: Handle, host: _CString, port: int = 0, principal: _CString | None = None
) -> bool:
    """Connect and authenticate."""

def remctl_open_fd(
    r: Handle, host: _CString | None, fd: int, principal: _CString | None = None
) -> bool:
    """Authenticate over a connected socket; a duplicate of fd is used."""

def remctl_open_sockaddr(
    r: Handle, host: _CString | None, address: tuple[str, int], principal: _CString | None = None
) -> bool:
    """Connect to (address in digits, port) and authenticate."""

def remctl_command(r: Handle, command: list[bytes]) -> bool:
    """Send a command, a list of bytes; the same as remctl_commandv."""

def remctl_commandv(r: Handle, command: list[bytes]) -> bool:
    """Send a command, a list of bytes."""

def remctl_output(r: Handle) -> Output | tuple[()]:
    """Read a token; an empty tuple on failure."""

def remctl_noop(r: Handle) -> bool:
    """Keep the connection alive; False if that failed or the server does not support NOOP."""

def remctl_close(r: Handle) -> None:
    """Close the handle for good."""

def remctl_error(r: Handle) -> str:
    """Return the text of the last failure, or "no error"."""
