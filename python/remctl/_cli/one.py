"""Runs a command on one host, like the program `remctl`."""

from __future__ import annotations

from remctl import Remctl, RemctlError
from remctl._cli.connect import Unreachable, new_client, open_client
from remctl._cli.parse import Options
from remctl._cli.streams import Stream, say, write_all
from remctl._cli.words import command_words


def run(options: Options) -> int:
    """Run the command, and return the exit status of the program. Raises Misuse."""
    if options.limited:
        from remctl._cli.limited import run as run_limited

        return run_limited(options)
    words = command_words(options)
    try:
        remote = new_client(options)
        open_client(remote, options)
        remote.command(words)
    except (RemctlError, Unreachable) as error:
        complain(error)
        return 1
    del words  # they may be large
    return show_answer(remote)


def show_answer(remote: Remctl, end_line: bool = False) -> int:
    """Write the answer to the command as it arrives; returns the exit status.

    With `end_line`, adds a newline if the output does not end with one.
    """
    output = Output()
    try:
        while (token := remote.output()).type == "output":
            output.write(token.stream or 0, token.output or b"")
    except RemctlError as error:
        output.end()
        complain(error, "error reading from server: ")
        return 1
    if token.type == "error":
        output.write(2, (token.output or b"") + b"\n")
        status = 255
    else:
        status = token.status or 0
    output.end()
    if end_line and not output.line_ended:
        write_all(1, b"\n")
    return status or output.status


def complain(error: Exception, prefix: str = "") -> None:
    """Print the error, and its hint if there is one."""
    if not isinstance(error, RemctlError):
        say(prefix + str(error))
        return
    from remctl._cli.hints import hint_of, text_of

    say(prefix + text_of(error))
    hint = hint_of(error)
    if hint is not None:
        say(f"hint: {hint}")


class Output:
    """Copies a command's standard output and standard error to ours.

    Attributes:
        status: 1 if something could not be written, else 0.
        line_ended: whether the output so far ends with a newline, or is empty.
    """

    def __init__(self) -> None:
        self.status = 0
        self.line_ended = True
        self._streams = {1: Stream(1), 2: Stream(2)}

    def write(self, number: int, data: bytes) -> None:
        """Write to the stream of that number. Raises ClosedPipe."""
        if number not in self._streams:
            say(f"unknown output stream {number}")
        stream = self._streams.get(number, self._streams[2])
        if data:
            self.line_ended = data.endswith(b"\n")
        try:
            stream.write(data)
        except OSError as error:
            self._failed(error)

    def end(self) -> None:
        """Write the rest. Raises ClosedPipe."""
        for stream in self._streams.values():
            try:
                stream.end()
            except OSError as error:
                self._failed(error)

    def _failed(self, error: OSError) -> None:
        if not self.status:
            say(f"local write of command output failed: {error.strerror}")
        self.status = 1
