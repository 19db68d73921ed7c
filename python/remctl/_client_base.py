"""The common base of `Remctl` and `AsyncRemctl`: settings, arguments, results, errors."""

from __future__ import annotations

import os
import sys
from operator import index
from time import monotonic

from remctl import _own_types, _remctl, _types
from remctl._arguments import Seconds, absolute_name, optional_seconds, seconds
from remctl._errors import RemctlError, RemctlSimpleResult, locate, make, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _Method = TypeVar("_Method", bound=Callable[..., Any])

#: The default of keepalive=, in seconds.
KEEPALIVE = 60

_LARGEST_DESCRIPTOR = 2**31 - 1

#: The result of Connection.run().
Answer = tuple[bytes | None, bytes | None, int | None, int | None, str]


class ClientBase:
    """A connection's settings, and its verbs' arguments and results."""

    def __init__(
        self,
        timeout: Seconds | None,
        ccache: str | os.PathLike[str] | _own_types.Credentials | None,
        keytab: str | os.PathLike[str] | None,
        source_ip: str | None,
        keepalive: Seconds | None,
        connect_timeout: Seconds | None,
    ) -> None:
        self._connection = _remctl.Connection()
        # For the texts and attributes of exceptions: the server, and the command whose answer
        # output() reads. Other calls keep their command to themselves, since several may run at
        # a time.
        self._host: str | None = None
        self._port: int | None = None
        self._words: str | None = None
        if timeout is not None:
            self.set_timeout(timeout)
        set_tickets(self._connection, ccache, keytab)
        if source_ip is not None:
            self.set_source_ip(source_ip)
        set_patience(self._connection, keepalive, connect_timeout)

    def __repr__(self) -> str:
        state = "open" if self.opened else "closed"
        host = self.host
        what = state if host is None else f"{host} {state}"
        return f"<{type(self).__module__}.{type(self).__qualname__} {what}>"

    def set_ccache(self, ccache: str | os.PathLike[str] | _own_types.Credentials) -> None:
        """Use this credential cache for all later `open()` calls on this object.

        ``ccache`` is a path, or a name such as ``KEYRING:persistent:0``, or `Credentials`.
        Raises TypeError or ValueError for an invalid argument, and RemctlError if the Kerberos
        library does not support this.
        """
        set_tickets(self._connection, ccache, None)

    def set_source_ip(self, source: str) -> None:
        """Connect from this IPv4 or IPv6 address in all later `open()` calls.

        Only server addresses of the same family are tried. Raises ValueError if it is not an IP
        address.
        """
        self._connection.set_source_ip(source)

    def set_timeout(self, timeout: Seconds | None) -> None:
        """Give up when the server is silent for ``timeout`` seconds; 0 or None for never.

        It limits each period of silence, not a whole operation: while connecting, in the
        handshake, and while sending and reading, measured from the last byte that was moved.
        Raises RemctlError for a negative timeout, TypeError or ValueError if it is not a
        number.
        """
        if timeout is not None:
            seconds(timeout)
        self._connection.set_timeout(timeout)

    @property
    def host(self) -> str | None:
        """The host that was opened last, as it was given to `open()`.

        None before the first successful `open()`, and for a socket that was given without a host.
        """
        server = self._connection.server
        return None if server is None else server[0]

    @property
    def port(self) -> int | None:
        """The port that was connected to: the one given to `open()`, or 4373 or 4444.

        None before the first successful `open()`, and for a socket given to `open_socket()`.
        """
        server = self._connection.server
        return None if server is None else server[1]

    @property
    def principal(self) -> str | None:
        """The server's principal: the one given to `open()`, or ``host/<host>``.

        None before the first successful `open()`.
        """
        server = self._connection.server
        if server is None:
            return None
        host, _, principal = server
        return f"host/{host}" if principal is None else principal

    @property
    def opened(self) -> bool:
        """True from a successful `open()` until `close()`."""
        return self._connection.opened

    @property
    def ready(self) -> bool:
        """True if `output()` can return a token that was read ahead.

        Check this before waiting for `fileno()`: select does not see what was read ahead.
        """
        return self._connection.ready

    def fileno(self) -> int:
        """The descriptor of the connected socket, for watching only.

        It is readable when data has arrived that was not read yet. Select does not see tokens
        that were read ahead: wait for the descriptor only while `ready` is false. Raises
        RemctlNotOpenedError if no connection is open.
        """
        self._connection.require_opened()
        number = self._connection.fileno()
        if number < 0:
            raise make("not_opened", "no currently open connection", may_have_run=False)
        return number

    def error(self) -> str:
        """The text of the last failure, or ``"no error"``."""
        return self._connection.error()

    # The parts that all verbs share.

    def _require_opened(self) -> None:
        try:
            self._connection.require_opened()
        except RemctlError as error:
            raise self._located(error, None) from None

    def _set_server(self, host: str | None, number: int) -> None:
        self._host, self._port, self._words = host, number or None, None

    def _use(self, connection: _remctl.Connection, host: str, number: int) -> _remctl.Connection:
        """Switch to another connection. Returns the previous one."""
        before, self._connection = self._connection, connection
        self._set_server(host, number)
        return before

    def _open_failed(self, error: RemctlError, host: str | None, number: int) -> RemctlError:
        """Complete the error of an `open()`. Errors of other calls still name the old server."""
        if not self._connection.opened:
            self._set_server(host, number)
        return self._raised(locate(error, host, number or None, None))

    def _located(self, error: RemctlError, words: str | None) -> RemctlError:
        """Add the server and the command's words to the error.

        Later errors of `output()` name this command too, unless another command's answer is
        pending.
        """
        if words is not None and not self._connection.pending:
            self._words = words
        return self._raised(locate(error, self._host, self._port, words))

    def _result(self, answer: Answer, words: str, *, wrote: bool = False) -> RemctlSimpleResult:
        if answer[3] is not None:
            self._connection.note(answer[4])
        try:
            return result_of(answer, self._host, self._port, words, wrote=wrote)
        except RemctlError as error:
            self._raised(error)
            raise

    def _raised(self, error: RemctlError) -> RemctlError:
        """Return an error of this connection that is about to be raised; subclasses record it."""
        return error


class Settings:
    """How to connect: the keyword arguments of `Remctl`, except ``timeout=``.

    All connections have one identity: the default ticket cache at creation, and the client
    principal of the first open. ``many``: they are connections to many servers. Raises
    TypeError or ValueError for an invalid argument, and RemctlError if the Kerberos library
    does not support this.
    """

    def __init__(
        self,
        ccache: str | os.PathLike[str] | _own_types.Credentials | None,
        keytab: str | os.PathLike[str] | None,
        source_ip: str | None,
        keepalive: Seconds | None,
        connect_timeout: Seconds | None,
        *,
        many: bool = False,
    ) -> None:
        self.source_ip = source_ip
        self.ccache: str | _own_types.Credentials | None = _cache_of_now(ccache)
        self.keytab: str | None = None if keytab is None else absolute_name(keytab, "keytab")
        self._tickets = tickets_of(self.ccache, self.keytab)
        self._identity = _remctl.Identity.of_now(many=many)
        self.keepalive: float | None = optional_seconds(keepalive, "keepalive")
        self.connect_timeout: float | None = optional_seconds(connect_timeout, "connect_timeout")
        self.connection()  # to raise errors now

    def connection(self) -> _remctl.Connection:
        """A new, unopened connection with these settings."""
        connection = _remctl.Connection()
        if self._tickets is not None:
            connection.set_ccache(self._tickets)
        connection.set_identity(self._identity)
        if self.source_ip is not None:
            connection.set_source_ip(self.source_ip)
        set_patience(connection, self.keepalive, self.connect_timeout)
        return connection


def set_tickets(
    connection: _remctl.Connection,
    ccache: str | os.PathLike[str] | _own_types.Credentials | None,
    keytab: str | os.PathLike[str] | None,
) -> None:
    """Apply ``ccache=`` and ``keytab=``; ValueError if both are given."""
    tickets = tickets_of(ccache, keytab)
    if tickets is not None:
        connection.set_ccache(tickets)


def tickets_of(
    ccache: str | os.PathLike[str] | _own_types.Credentials | None,
    keytab: str | os.PathLike[str] | None,
) -> str | _remctl.Credentials | None:
    """Return the tickets that ``ccache=`` and ``keytab=`` name, for `Connection.set_ccache`.

    Relative paths in them are made absolute.
    """
    if keytab is not None:
        if ccache is not None:
            raise ValueError("give ccache or keytab, not both")
        from remctl._credentials import shared_credentials

        return shared_credentials(keytab)._shared
    tickets = _cache_of_now(ccache)
    return tickets if tickets is None or isinstance(tickets, str) else tickets._shared


def _cache_of_now(
    ccache: str | os.PathLike[str] | _own_types.Credentials | None,
) -> str | _own_types.Credentials | None:
    """A cache, with a relative path made absolute."""
    if ccache is None or hasattr(ccache, "_shared"):
        return ccache  # type: ignore[return-value]
    return absolute_name(ccache, "ccache")


def set_patience(
    connection: _remctl.Connection, keepalive: Seconds | None, connect_timeout: Seconds | None
) -> None:
    """Apply ``keepalive=`` and ``connect_timeout=``."""
    if keepalive is not KEEPALIVE:
        connection.set_keepalive(optional_seconds(keepalive, "keepalive"))
    if connect_timeout is not None:
        connection.set_connect_timeout(optional_seconds(connect_timeout, "connect_timeout"))


def result_of(
    answer: Answer, host: str | None, port: int | None, words: str, *, wrote: bool = False
) -> RemctlSimpleResult:
    """Return the result of a command; RemctlProtocolError if the server refused it.

    `wrote`: output of the command was written to files, so the command has run.
    """
    stdout, stderr, status, code, text = answer
    if code is not None:
        error = refusal(text, code, stdout, stderr, host=host, port=port, command=words)
        error.may_have_run = error.may_have_run or wrote
        raise error
    result = RemctlSimpleResult(stdout, stderr, status)
    result._origin = (host, words)
    return result


def socket_number(sock: _types.Socket) -> int:
    """The descriptor of a socket that can be used; TypeError for one wrapped in TLS."""
    ssl = sys.modules.get("ssl")
    if ssl is not None and isinstance(sock, ssl.SSLSocket):
        raise TypeError("sock must be a plain socket, not one wrapped in TLS")
    try:
        number = index(sock.fileno())
    except (AttributeError, TypeError):
        raise TypeError(f"sock must be a socket, not {type(sock).__name__}") from None
    if not -1 <= number <= _LARGEST_DESCRIPTOR:
        raise ValueError(f"sock must be a socket: its descriptor is {number}")
    return number


def end_after(timeout: Seconds | None) -> float | None:
    """The deadline, on the monotonic clock, of a timeout that starts now."""
    return None if timeout is None else monotonic() + seconds(timeout)


def left(end: float | None) -> float | None:
    """The seconds until a deadline; 0 or less if it has passed."""
    return None if end is None else end - monotonic()


def documented_as(twin: Any) -> Callable[[_Method], _Method]:
    """Copy the docstring of a method's blocking twin."""

    def describe(method: _Method) -> _Method:
        method.__doc__ = twin.__doc__
        return method

    return describe
