"""`Remctl` and `Stream`: the full interface, a connection for any number of commands."""

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
from remctl._output import RemctlOutput
from remctl._stream_base import StreamBase
from remctl._waiting.greenlets import blocking

# Like RemctlOutput._make, without checking the length again.
_token = tuple.__new__


class Remctl(ClientBase):
    """A connection to a remctl server.

    If ``host`` is given, the constructor opens the connection; see `open()` for the arguments
    and errors. ``timeout``, ``ccache`` and ``source_ip`` are set first, like with
    `set_timeout()`, `set_ccache()` and `set_source_ip()`; ``keytab`` is a keytab to get tickets
    with, instead of ``ccache``. The object is a context manager that closes the connection. A
    connection is also closed when the object is garbage-collected.

    ``connect_timeout`` is the longest time that connecting may take, in seconds, from the
    look-up of the host to the end of the handshake; 0 and None mean no limit. ``keepalive`` is
    the silence, in seconds, after which the system probes the server's machine: four times, a
    third of that apart. If there is no response, the call ends with a RemctlError of the kind
    ``lost`` (after 140 s by default). It does not limit the time that a command runs. 0 and
    None turn it off. The settings of sockets given to `open_socket()` are not changed.

    Any thread may use it. Calls run one after another; `run()` and `stream()` have exclusive
    use of the connection until they are done. After any failure the connection is dropped, and
    the next `command()` opens a new one.

    A call's ``timeout`` is the longest time that it may take, in seconds. None means no limit;
    0 or less raises RemctlTimeoutError immediately.
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

        ``host`` is a name or an address. The default ``port`` is 4373, then 4444 if that fails.
        The default ``principal`` of the server is ``host/<host>``, in the realm given by the
        Kerberos configuration. ``timeout`` is the longest time for the whole call, in seconds.
        None means no limit; 0 or less raises RemctlTimeoutError immediately.

        Raises TypeError or ValueError for an invalid argument, RemctlTimeoutError if a time
        limit has passed, and RemctlError for any other failure of the network or of
        authentication.
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
        """Authenticate over a connected stream socket, for example of a tunnel or a proxy.

        ``sock`` is a `socket.socket` that is connected and not wrapped in TLS. The connection
        uses a duplicate of it: you may close ``sock`` at any time, but must not read from it or
        write to it. Closing this connection shuts the socket down. ``host`` is a str that is
        only used for the server's principal, ``host/<host>``; it may be omitted if
        ``principal``, a str, is given. ``timeout`` is the longest time that the handshake may
        take, in seconds. None means no limit; 0 or less raises RemctlTimeoutError immediately.
        A lost connection cannot be opened again.

        Raises TypeError or ValueError for an invalid argument, OSError if ``sock`` is closed,
        RemctlTimeoutError if a time limit has passed, and RemctlError for any other failure,
        such as a server that only speaks protocol 1.
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

        ``command`` is a sequence or iterator of arguments: str, bytes-like, path-like, or any
        other object with a string form, but not a collection, a function or a class.
        ``timeout`` is the longest time that sending may take, in seconds. None means no limit;
        0 or less raises RemctlTimeoutError immediately. If the server has closed the
        connection, or an earlier failure has dropped it, a new one is opened first, within the
        same time.

        Raises RemctlNotOpenedError if no connection is open, TypeError or ValueError for an
        invalid argument, RemctlError while output of the previous command is pending (which is
        not changed), RemctlTimeoutError if a time limit has passed, and RemctlError for other
        failures.
        """
        self._require_opened()
        arguments = manual_command_list(command)
        words = first_words(arguments)
        try:
            self._connection.command(arguments, timeout)
            self._words = words
        except RemctlError as error:
            raise self._located(error, words) from None
        except BaseException:  # from a signal handler: an answer may be pending
            self._connection.abandon()
            raise

    def output(self, *, timeout: Seconds | None = None) -> RemctlOutput:
        """Read a token of the answer.

        The answer has any number of ``output`` tokens and then a ``status`` token, or one
        ``error`` token if the server refuses the command, which is not raised. After that each
        call returns a ``done`` token. ``timeout`` is the longest wait, in seconds. None means
        no limit; 0 or less raises RemctlTimeoutError immediately. A failure drops the
        connection.

        Raises RemctlNotOpenedError if no connection is open, TypeError or ValueError for an
        invalid ``timeout``, RemctlTimeoutError if a time limit has passed, and RemctlError for
        other failures.
        """
        # output() itself checks for a connection; this method is called for each token.
        try:
            return _token(RemctlOutput, self._connection.output(None, timeout))
        except RemctlError as error:
            raise self._located(error, self._words) from None
        except BaseException:  # a signal handler's: the token may be lost
            self._connection.abandon()
            raise

    def __iter__(self) -> Iterator[RemctlOutput]:
        """Iterate over the tokens of the pending answer."""
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

        ``command`` is a sequence or iterator of arguments, as for `command()`. ``timeout`` is
        the longest time for the whole call, in seconds. None means no limit; 0 or less raises
        RemctlTimeoutError immediately. ``stdout`` and ``stderr`` are binary files (objects with
        a ``write`` that takes bytes): output is written to them as it arrives, and the result's
        attribute is None. ``max_output`` limits the bytes of output of both kinds together,
        also of output that goes to files; None means no limit. The result may have any status;
        use `RemctlSimpleResult.check()` to raise for a status other than 0.

        Raises RemctlNotOpenedError if no connection is open, TypeError or ValueError for an
        invalid argument, RemctlProtocolError if the server refuses the command,
        RemctlTimeoutError if a time limit has passed, RemctlError of the kind ``too_large`` if
        there is more output than ``max_output`` (``partial`` has the output so far), and
        RemctlError for other failures. All of these except a refusal drop the connection. An
        exception of a file's ``write`` also ends the call and drops the connection.
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

        The last token is the ``status``, which is also an attribute of the stream. If the
        server refuses the command, RemctlProtocolError is raised instead, and the connection
        can still be used; with ``raise_errors=False`` you get the ``error`` token. Closing the
        stream early drops the connection; the next command opens a new one. ``timeout`` is for
        the whole stream. Raises the errors of `command()` and `output()`.
        """
        self._require_opened()
        end = end_after(timeout)
        arguments = command_list(command)
        words = first_words(arguments)
        try:
            # No local variable for the session: the frame of an exception would keep it, and
            # the stream, alive.
            return Stream(
                self, self._connection.stream(arguments, timeout), words, end, raise_errors
            )
        except RemctlError as error:
            raise self._located(error, words) from None

    def noop(self, *, timeout: Seconds | None = None) -> bool:
        """Check that the server still responds; this also keeps the connection alive.

        Returns True if the server has answered, and False if it does not support the message
        (protocol 1 and 2). ``timeout`` is the longest time for the call, in seconds. None means
        no limit; 0 or less raises RemctlTimeoutError immediately.

        Raises RemctlNotOpenedError if no connection is open, TypeError or ValueError for an
        invalid ``timeout``, RemctlError while output is pending (which is not changed),
        RemctlTimeoutError if a time limit has passed, and RemctlError for other failures.
        """
        self._require_opened()
        try:
            return self._connection.noop(timeout)
        except RemctlError as error:
            raise self._located(error, None) from None


class Stream(StreamBase, Iterator[RemctlOutput]):
    """The tokens of one command's answer, as they arrive; from `Remctl.stream()`.

    Until it is exhausted or closed, it has exclusive use of the connection. It is a context
    manager that closes the stream. Threads may share it: each token goes to one of them, and
    all of them see the end, or the error that ends the stream.
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

        The stream is 1 for standard output and 2 for standard error. The line is a str without
        its newline, decoded as UTF-8 with invalid bytes replaced. Lines and characters that are
        split between tokens are joined, separately for each stream. A last line without a
        newline is returned at the end of the answer; then `status` has the exit status. Raises
        the errors of the stream, and always RemctlProtocolError if the server refuses the
        command.
        """
        yield from self._lines_left()
        while (token := self._take(raise_errors=True)) is not None:
            yield from self._lines_of(token)

    def _take(self, *, raise_errors: bool) -> RemctlOutput | None:
        """The next token; None after the last. With `raise_errors` each thread gets a refusal."""
        session = self._session  # another thread may end it
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
                refusal = connection.refusal(session)  # another thread has read it
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
        """Close the stream. If it was not read to its end, the connection is dropped.

        A thread that waits for its next token gets the end of the stream.
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
