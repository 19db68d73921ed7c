"""The full interface: a connection, and commands on it one after another."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from remctl import _remctl
from remctl._arguments import (
    Command,
    Encoded,
    Port,
    Seconds,
    command_list,
    path_or_name,
    port_number,
    seconds,
)
from remctl._errors import RemctlSimpleResult, make
from remctl._output import RemctlOutput
from remctl._running import run_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket as _Socket
    from types import TracebackType

    from typing_extensions import Self
else:
    # For who looks at annotations while it runs; what they stand for is not loaded for that.
    _Socket = TracebackType = Self = object

# What RemctlOutput._make does, without looking at the length again.
_token = tuple.__new__


class Remctl:
    """A connection to a remctl server.

    With a host the constructor opens the connection; see `open()` for the
    arguments and what is raised. ``timeout``, ``ccache`` and ``source_ip`` are
    set before, as `set_timeout()`, `set_ccache()` and `set_source_ip()` do. The
    object is a context manager that closes the connection, and closes by itself
    when it is garbage.

    Any thread may use it. Calls are made one after another; `run()` and
    `stream()` have it to themselves until they are done. After any failure
    the connection is dropped, and the next `command()` makes a new one.
    """

    __module__ = "remctl"

    def __init__(
        self,
        host: str | None = None,
        port: Port = None,
        principal: str | None = None,
        *,
        timeout: Seconds | None = None,
        ccache: str | os.PathLike[str] | None = None,
        source_ip: str | None = None,
    ) -> None:
        self._connection = _remctl.Connection()
        # Where it is connected to, for the texts of exceptions.
        self._host: str | None = None
        self._port: int | None = None
        if timeout is not None:
            self.set_timeout(timeout)
        if ccache is not None:
            self.set_ccache(ccache)
        if source_ip is not None:
            self.set_source_ip(source_ip)
        if host is not None:
            self.open(host, port, principal)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "open" if self.opened else "closed"
        return f"<{type(self).__module__}.{type(self).__qualname__} {state}>"

    # Settings.

    def set_ccache(self, ccache: str | os.PathLike[str]) -> None:
        """Use this credential cache for all later `open()` calls on this object.

        ``ccache`` is a path, or a name such as ``KEYRING:persistent:0``.
        Raises TypeError or ValueError for an invalid argument, RemctlError
        where the Kerberos library cannot do it.
        """
        self._connection.set_ccache(path_or_name(ccache))

    def set_source_ip(self, source: str) -> None:
        """Connect from this IPv4 or IPv6 address in all later `open()` calls.

        Only server addresses of the same family are tried. Raises ValueError
        where it is not an IP address.
        """
        self._connection.set_source_ip(source)

    def set_timeout(self, timeout: Seconds | None) -> None:
        """Give up when the server is silent for ``timeout`` seconds; 0 or None for never.

        It limits each silence, not a whole operation: connecting, the
        handshake, and sending and reading, measured from the last byte that
        moved. Raises RemctlError for a negative timeout, TypeError or ValueError
        for what is no number.
        """
        if timeout is not None:
            seconds(timeout)
        self._connection.set_timeout(timeout)

    # Connecting.

    def open(self, host: str, port: Port = None, principal: str | None = None) -> None:
        """Connect to ``host`` and authenticate. An open connection is closed first.

        Without a port 4373 is tried, then 4444. Without a principal the server
        is expected to be ``host/<host>``, in the realm the Kerberos
        configuration maps it to.

        Raises ValueError or TypeError for an invalid argument,
        RemctlTimeoutError when the timeout ran out, and RemctlError for any
        other failure of the network or of authentication.
        """
        number = port_number(port)
        self._connection.open(host, number, principal)
        self._host, self._port = host, number or None

    def open_socket(
        self, sock: _Socket, host: str | None = None, principal: str | None = None
    ) -> None:
        """Authenticate over a connected stream socket, a tunnel or a proxy's.

        ``host`` serves only to make the principal ``host/<host>``, and may be
        left out beside a principal. A duplicate of the socket is used: the
        caller closes ``sock`` whenever it likes, and must not read from it or
        write to it: the end of this object's connection is the end of the
        socket's (it is shut down). A lost connection is not made again. Raises
        as `open()` does; a protocol-1 server is a RemctlError.
        """
        ssl = sys.modules.get("ssl")
        if ssl is not None and isinstance(sock, ssl.SSLSocket):
            raise TypeError("sock must be a plain socket, not one wrapped in TLS")
        self._connection.open_descriptor(sock.fileno(), host, principal)
        self._host, self._port = host, None

    def close(self) -> None:
        """Close the connection, from any thread.

        A call that waits in another thread ends with a RemctlError. The object
        can be opened again. Closing a closed object does nothing.
        """
        self._connection.close()

    @property
    def opened(self) -> bool:
        """True from a successful `open()` until `close()`."""
        return self._connection.opened

    def fileno(self) -> int:
        """The descriptor of the connected socket, for watching only.

        Raises RemctlNotOpenedError where there is none.
        """
        self._connection.require_opened()
        number = self._connection.fileno()
        if number < 0:
            raise make("not_opened", "no currently open connection", may_have_run=False)
        return number

    # Commands.

    def command(self, command: Command) -> None:
        """Send a command; read its answer with `output()`.

        ``command`` is an iterable of arguments: bytes-like, str, path-like, or
        anything with a string form. If the server has hung up, or an earlier
        failure dropped the connection, a new one is made first.

        Raises RemctlNotOpenedError without an open connection, ValueError or
        TypeError for an invalid command, RemctlError while the output of the
        command before is pending (which stays as it is), RemctlTimeoutError
        and RemctlError for failures.
        """
        self._connection.require_opened()
        self._connection.command(command_list(command))

    def output(self) -> RemctlOutput:
        """Read a token of the answer.

        A command answers with any number of ``output`` tokens and a ``status``
        token, or with one ``error`` token; after that each call returns a
        ``done`` token. Raises RemctlNotOpenedError without an open connection,
        RemctlTimeoutError and RemctlError for failures.
        """
        # It sees by itself whether there is a connection: this is called for each token.
        return _token(RemctlOutput, self._connection.output())

    def __iter__(self) -> Iterator[RemctlOutput]:
        """Iterate over the tokens of the answer that is pending, to its end."""
        while (token := self.output()).type != "done":
            yield token

    def run(self, command: Command) -> RemctlSimpleResult:
        """Send a command and wait for all of its answer.

        Raises RemctlProtocolError when the server refuses the command, else as
        `command()` and `output()` do.
        """
        self._connection.require_opened()
        return run_on(self._connection, command_list(command), self._host, self._port)

    def stream(self, command: Command) -> Stream:
        """Send a command and iterate over the tokens of its answer as they arrive.

        The last token is the ``status`` or the ``error``. Leaving early drops
        the connection; the next command makes a new one. Raises as `command()`
        and `output()` do.
        """
        self._connection.require_opened()
        return Stream(self._connection, command_list(command))

    def noop(self) -> bool:
        """Ask the server for a sign of life, to keep the connection alive.

        True when it answered; False when it does not know the message
        (protocol 1 and 2). Raises RemctlNotOpenedError without an open
        connection, RemctlError while output is pending (which stays as it is),
        and RemctlTimeoutError and RemctlError when the connection failed.
        """
        self._connection.require_opened()
        return self._connection.noop()

    def error(self) -> str:
        """The text of the last failure, ``"no error"`` when there was none."""
        return self._connection.error()


class Stream(Iterator[RemctlOutput]):
    """The tokens of one command's answer, as they arrive; from `Remctl.stream()`.

    Until it is exhausted or closed the connection is its own. It is a context
    manager that closes it.
    """

    __module__ = "remctl"

    def __init__(self, connection: _remctl.Connection, command: list[Encoded]) -> None:
        self._connection = connection
        self._session: _remctl.Session | None = connection.begin()
        try:
            connection.command(command, self._session)
        except BaseException:
            self._end()
            raise

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> RemctlOutput:
        if self._session is None:
            raise StopIteration
        try:
            token = _token(RemctlOutput, self._connection.output(self._session))
        except BaseException:
            self.close()
            raise
        if token.type == "done":
            self._end()
            raise StopIteration
        if token.type != "output":
            self._end()
        return token

    def close(self) -> None:
        """Leave the stream. Unless it was read to its end the connection is dropped."""
        if self._session is None:
            return
        try:
            self._connection.drop(self._session)
        finally:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_session", None) is not None:
            self.close()

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.end()
