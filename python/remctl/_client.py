"""The full interface: a connection, and commands on it one after another."""

from __future__ import annotations

import os
from collections.abc import Iterator

from remctl import _own_types, _remctl, _types
from remctl._arguments import (
    Command,
    Port,
    Seconds,
    command_list,
    first_words,
    manual_command_list,
    output_limit,
    port_number,
)
from remctl._client_base import ClientBase, end_after, left, socket_number
from remctl._errors import RemctlError, RemctlSimpleResult
from remctl._greenlets import blocking
from remctl._output import RemctlOutput
from remctl._stream_base import StreamBase

# What RemctlOutput._make does, without looking at the length again.
_token = tuple.__new__


class Remctl(ClientBase):
    """A connection to a remctl server.

    With a host the constructor opens the connection; see `open()` for the
    arguments and what is raised. ``timeout``, ``ccache`` and ``source_ip`` are
    set before, as `set_timeout()`, `set_ccache()` and `set_source_ip()` do;
    ``keytab`` is a keytab to get tickets with, in place of ``ccache``. The
    object is a context manager that closes the connection, and closes by itself
    when it is garbage.

    ``connect_timeout`` is the longest that making a connection may take, in
    seconds, from the look-up of the host to the end of the handshake; 0 and
    None are no limit. ``keepalive`` is the silence, in seconds, after which the
    system probes the server's machine: four times, a third of that apart, and
    then the call ends with a RemctlError of the kind ``lost`` (140 s for the
    default). It does not limit a command that takes its time. 0 and None turn
    it off. Sockets given to `open_socket()` are left as they are.

    Any thread may use it. Calls are made one after another; `run()` and
    `stream()` have it to themselves until they are done. After any failure
    the connection is dropped, and the next `command()` makes a new one.

    A call's ``timeout`` is the longest that it may take, in seconds; None is no
    limit, and 0 or less is too late at once.
    """

    __module__ = "remctl"

    def __init__(
        self,
        host: str | None = None,
        port: Port = None,
        principal: str | None = None,
        *,
        timeout: Seconds | None = None,
        ccache: str | os.PathLike[str] | _own_types.Credentials | None = None,
        keytab: str | os.PathLike[str] | None = None,
        source_ip: str | None = None,
        keepalive: Seconds | None = 60,
        connect_timeout: Seconds | None = None,
    ) -> None:
        super().__init__(timeout, ccache, keytab, source_ip, keepalive, connect_timeout)
        self._connection = blocking(self._connection)
        if host is not None:
            self.open(host, port, principal)

    def __enter__(self) -> _types.Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        self.close()

    # Connecting.

    def open(
        self,
        host: str,
        port: Port = None,
        principal: str | None = None,
        *,
        timeout: Seconds | None = None,
    ) -> None:
        """Connect to ``host`` and authenticate. An open connection is closed first.

        ``host`` is a name or an address. Without a ``port`` 4373 is tried, then 4444. Without a
        ``principal`` the server is expected to be ``host/<host>``, in the realm the Kerberos
        configuration maps it to. ``timeout`` is the longest that all of it may take, in seconds;
        None is no limit, and 0 or less raises RemctlTimeoutError immediately.

        Raises TypeError or ValueError for an invalid argument, RemctlTimeoutError when a limit has
        passed, and RemctlError for any other failure of the network or of authentication.
        """
        number = port_number(port)
        try:
            self._connection.open(host, number, principal, timeout)
        except RemctlError as error:
            raise self._open_failed(error, host, number) from None
        self._set_server(host, number)

    def open_socket(
        self,
        sock: _types.Socket,
        host: str | None = None,
        principal: str | None = None,
        *,
        timeout: Seconds | None = None,
    ) -> None:
        """Authenticate over a connected stream socket, a tunnel or a proxy's.

        ``sock`` is a `socket.socket` that is connected and not wrapped in TLS. A duplicate of it is
        used: the caller closes ``sock`` whenever it likes, and must not read from it or write to
        it. Closing this connection shuts the socket down. ``host`` is a str that only makes the
        server's principal, ``host/<host>``; it may be left out beside ``principal``, a str.
        ``timeout`` is the longest that the handshake may take, in seconds; None is no limit, and 0
        or less raises RemctlTimeoutError immediately. A lost connection is not made again.

        Raises TypeError or ValueError for an invalid argument, OSError where ``sock`` is closed,
        RemctlTimeoutError when a limit has passed, and RemctlError for any other failure, such
        as a server that speaks protocol 1 only.
        """
        number = socket_number(sock)
        try:
            self._connection.open_descriptor(number, host, principal, timeout)
        except RemctlError as error:
            raise self._open_failed(error, host, 0) from None
        self._set_server(host, 0)

    def close(self) -> None:
        """Close the connection, from any thread.

        A call that waits in another thread ends with a RemctlError. The object
        can be opened again. Closing a closed object does nothing.
        """
        self._connection.close()

    # Commands.

    def command(self, command: Command, *, timeout: Seconds | None = None) -> None:
        """Send a command; read its answer with `output()`.

        ``command`` is a sequence or iterator of arguments: str, bytes-like, path-like, or anything
        else with a string form that is no collection, function or class. ``timeout`` is the longest
        that sending may take, in seconds; None is no limit, and 0 or less raises
        RemctlTimeoutError immediately. If the server has hung up, or an earlier failure dropped the
        connection, a new one is made first, in the same time.

        Raises RemctlNotOpenedError without an open connection, TypeError or ValueError for an
        invalid argument, RemctlError while the output of the command before is pending (which stays
        as it is), RemctlTimeoutError when a limit has passed, and RemctlError for other failures.
        """
        self._require_opened()
        arguments = manual_command_list(command)
        words = first_words(arguments)
        try:
            self._connection.command(arguments, timeout)
            self._words = words
        except RemctlError as error:
            raise self._located(error, words) from None
        except BaseException:  # a signal handler's: the caller does not know of the answer
            self._connection.abandon()
            raise

    def output(self, *, timeout: Seconds | None = None) -> RemctlOutput:
        """Read a token of the answer.

        A command answers with any number of ``output`` tokens and a ``status`` token, or with one
        ``error`` token, the server's refusal, which is not raised; after that each call returns a
        ``done`` token. ``timeout`` is the longest that the token may take, in seconds; None is no
        limit, and 0 or less raises RemctlTimeoutError immediately. A failure drops the connection.

        Raises RemctlNotOpenedError without an open connection, TypeError or ValueError for an
        invalid ``timeout``, RemctlTimeoutError when a limit has passed, and RemctlError for other
        failures.
        """
        # It sees by itself whether there is a connection: this is called for each token.
        try:
            return _token(RemctlOutput, self._connection.output(None, timeout))
        except RemctlError as error:
            raise self._located(error, self._words) from None
        except BaseException:  # a signal handler's: the token may be lost
            self._connection.abandon()
            raise

    def __iter__(self) -> Iterator[RemctlOutput]:
        """Iterate over the tokens of the answer that is pending, to its end."""
        while (token := self.output()).type != "done":
            yield token

    def run(
        self,
        command: Command,
        *,
        timeout: Seconds | None = None,
        stdout: _own_types.BinaryFile | None = None,
        stderr: _own_types.BinaryFile | None = None,
        max_output: _types.SupportsIndex | None = None,
    ) -> RemctlSimpleResult:
        """Send a command and wait for all of its answer.

        ``command`` is a sequence or iterator of arguments, as for `command()`. ``timeout`` is the
        longest that all of it may take, in seconds; None is no limit, and 0 or less raises
        RemctlTimeoutError immediately. ``stdout`` and ``stderr`` are binary files, objects with a
        ``write`` that takes bytes: output is written to them as it arrives, and the result's member
        is None then. ``max_output`` is the most that the server may send, in bytes of output of
        both kinds, also into files; None is no limit. A result's status may be any;
        `RemctlSimpleResult.check()` raises for those other than 0.

        Raises RemctlNotOpenedError without an open connection, TypeError or ValueError for an
        invalid argument, RemctlProtocolError when the server refuses the command,
        RemctlTimeoutError when a limit has passed, RemctlError of the kind ``too_large`` when more
        output comes than ``max_output`` (its ``partial`` is what came before), and RemctlError for
        other failures. All of these but a refusal drop the connection. An exception of a file's
        own ends the call and drops the connection, too.
        """
        self._require_opened()
        arguments = command_list(command)
        words = first_words(arguments)
        limit = output_limit(max_output)
        if stdout is not None or stderr is not None or limit is not None:
            from remctl._files import Sinks

            sinks = Sinks(stdout, stderr, limit)
            with self.stream(arguments, timeout=timeout, raise_errors=False) as tokens:
                for token in tokens:
                    if (error := sinks.excess(token)) is not None:
                        raise self._located(error, words)
                    sinks.write(token)
            return self._result(sinks.answer(), words, wrote=sinks.wrote)
        try:
            return self._result(self._connection.run(arguments, timeout), words)
        except RemctlError as error:
            raise self._located(error, words) from None

    def stream(
        self, command: Command, *, timeout: Seconds | None = None, raise_errors: bool = True
    ) -> Stream:
        """Send a command and iterate over the tokens of its answer as they arrive.

        The last token is the ``status``, which the stream also has as an attribute. If the server
        refuses the command, RemctlProtocolError is raised in its place, and the connection can
        still be used; with ``raise_errors=False`` the refusal is a token, the ``error``. Leaving
        early drops the connection; the next command makes a new one. ``timeout`` is for the whole
        stream. Raises as `command()` and `output()` do.
        """
        self._require_opened()
        end = end_after(timeout)
        arguments = command_list(command)
        words = first_words(arguments)
        try:
            # No name for the session: the frame of an exception would keep it, and the stream.
            return Stream(
                self, self._connection.stream(arguments, timeout), words, end, raise_errors
            )
        except RemctlError as error:
            raise self._located(error, words) from None

    def noop(self, *, timeout: Seconds | None = None) -> bool:
        """Check that the server still responds; this also keeps the connection alive.

        Returns True when it has answered, and False when it does not know the message (protocol 1
        and 2). ``timeout`` is the longest that it may take, in seconds; None is no limit, and 0 or
        less raises RemctlTimeoutError immediately.

        Raises RemctlNotOpenedError without an open connection, TypeError or ValueError for an
        invalid ``timeout``, RemctlError while output is pending (which stays as it is),
        RemctlTimeoutError when a limit has passed, and RemctlError for other failures.
        """
        self._require_opened()
        try:
            return self._connection.noop(timeout)
        except RemctlError as error:
            raise self._located(error, None) from None


class Stream(StreamBase, Iterator[RemctlOutput]):
    """The tokens of one command's answer, as they arrive; from `Remctl.stream()`.

    Until it is exhausted or closed the connection is its own. It is a context
    manager that closes it. Threads may share it: each token goes to one of
    them, and all of them see its end, or the error that it ends with.
    """

    __module__ = "remctl"

    def __init__(
        self,
        remctl: Remctl,
        session: _remctl.Session,
        words: str,
        end: float | None,
        raise_errors: bool,
    ) -> None:
        super().__init__(remctl, words, raise_errors=raise_errors)
        self._remctl = remctl
        self._session: _remctl.Session | None = session
        self._end = end

    def __iter__(self) -> _types.Self:
        return self

    def __next__(self) -> RemctlOutput:
        token = self._take(raise_errors=self._raise_errors)
        if token is None:
            raise StopIteration
        return self._checked(token)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Iterate over the lines of the output as they arrive: pairs of a stream and a line.

        The stream is 1 for standard output and 2 for standard error; the line is a str without
        its newline, decoded as UTF-8 with undecodable bytes replaced. Lines and characters that
        are split between tokens are put together, for each stream by itself; a last line without
        a newline is given when the answer ends. `status` has the exit status then. Raises as the
        stream itself does, and RemctlProtocolError for a refusal in any case.
        """
        yield from self._lines_left()
        while (token := self._take(raise_errors=True)) is not None:
            yield from self._lines_of(token)

    def _take(self, *, raise_errors: bool) -> RemctlOutput | None:
        """The next token; None after the last. If it is raised a refusal comes to each thread."""
        session = self._session  # which another thread may end
        if session is None:
            return None
        connection = self._remctl._connection
        try:
            token = connection.output(session, left(self._end))
            if token[0] != "output":
                session.end()
            if token[0] == "status":
                self._session = None
            if token[0] == "done":
                refusal = connection.refusal(session)  # which another thread has read
                if refusal is None or not raise_errors:
                    return None
                token = refusal
            taken = _token(RemctlOutput, token)
            self._note(taken)
            return taken
        except RemctlError as error:
            raise self._remctl._located(error, self._words) from None
        except BaseException:  # a signal handler's: the token may be lost
            connection.cut(session)
            raise

    def close(self) -> None:
        """Leave the stream. Unless it was read to its end the connection is dropped.

        A thread that waits for its next token finds it at its end.
        """
        session, self._session = self._session, None
        if session is not None:
            self._remctl._connection.leave(session)

    def __enter__(self) -> _types.Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        self.close()
