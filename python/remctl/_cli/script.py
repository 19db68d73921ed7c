"""--script: runs the commands of a file, one per line, over one connection to each host."""

from __future__ import annotations

import os
import shlex
from typing import Any

from remctl import RemctlError, RemctlProtocolError, RemctlSimpleResult
from remctl._arguments import command_list
from remctl._cli.values import Misuse
from remctl._cli.words import read_all, read_file
from remctl._many.command import CommandPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from remctl import Target
    from remctl._arguments import Encoded
    from remctl._many.attempt import Attempt

    #: The number of a line, and a function that returns the command's words for a host.
    Line = tuple[int, Callable[[Target], list[bytes]]]

#: The status of a command that the server refuses, as for one host.
REFUSED = 255


def read_script(path: str) -> list[tuple[int, list[str]]]:
    """Read the commands of a file, - for standard input, each with its line number.

    Words are split and quoted as in a shell. Empty lines and lines that start with # are
    ignored. Raises Misuse that names the file and the line.
    """
    name = "standard input" if path == "-" else path
    data = read_all(0, name) if path == "-" else read_file(path, "--script")
    data = data.removeprefix(b"\xef\xbb\xbf")  # the mark of UTF-8 that some editors write
    found = []
    for number, line in enumerate(os.fsdecode(data).split("\n"), 1):
        if line.lstrip().startswith("#"):
            continue
        try:
            words = shlex.split(line)
        except ValueError as error:
            text = str(error)
            raise Misuse(f"{name}, line {number}: {text[:1].lower()}{text[1:]}") from None
        if words:
            found.append((number, words))
    if not found:
        raise Misuse(f"{name}: no commands")
    return found


class ScriptResult(RemctlSimpleResult):
    """The output of the commands, and the status of the one that failed.

    Attributes:
        line: the line number of that command; None if all succeeded.
    """

    line: int | None = None


class Script(CommandPlan):
    """Runs commands one after another on one connection, until one fails.

    With `keep_going` it runs all of them, and the status is the largest.
    """

    def __init__(self, lines: list[Line], keep_going: bool, **settings: Any) -> None:
        super().__init__(lines[0][1], **settings)
        self._lines = lines
        self._keep_going = keep_going

    async def carry_out(self, attempt: Attempt, arguments: list[Encoded]) -> RemctlSimpleResult:
        """See `CommandPlan`."""
        await attempt.open()
        output = _Output()
        status, failed, may_have_run = 0, None, False
        last, _ = self._lines[-1]
        for number, words in self._lines:
            await output.end_lines(attempt)
            try:
                result = await attempt.run(command_list(words(attempt.target)))
                may_have_run = True
            except RemctlError as error:
                refused = isinstance(error, RemctlProtocolError)
                if isinstance(error, RemctlProtocolError):
                    error._as_simple()  # the message already names the line and the host
                may_have_run = may_have_run or error.may_have_run
                # After a refusal the connection is still usable. If the server has refused all
                # commands, it has refused the script.
                if not (self._keep_going and refused) or (number == last and not may_have_run):
                    error.args = (f"line {number}: {error}", *error.args[1:])
                    error.may_have_run = may_have_run
                    error.partial = output.before(error.partial)
                    raise error from None
                text = f"line {number}: {error}\n".encode(errors="surrogateescape")
                result = await attempt.say(text, 2, REFUSED)
            output.add(result)
            if (result.status or 0) > status:
                status, failed = result.status or 0, number
            if status and not self._keep_going:
                break
        whole = ScriptResult(output.stdout, output.stderr, status)
        whole.line = failed
        return whole


class _Output:
    """The output of the commands that is kept, because it does not go to files."""

    def __init__(self) -> None:
        self._parts: dict[int, list[bytes]] = {1: [], 2: []}

    @property
    def stdout(self) -> bytes | None:
        """Standard output of all of them; None if there is none."""
        return b"".join(self._parts[1]) or None

    @property
    def stderr(self) -> bytes | None:
        """Standard error of all of them; None if there is none."""
        return b"".join(self._parts[2]) or None

    def add(self, result: RemctlSimpleResult) -> None:
        """Add the output of the next command."""
        for stream, data in ((1, result.stdout), (2, result.stderr)):
            if data:
                self._parts[stream].append(data)

    async def end_lines(self, attempt: Attempt) -> None:
        """End an incomplete last line, in files too: the next command starts a new one."""
        for stream, parts in self._parts.items():
            ended = not parts or parts[-1].endswith(b"\n")
            if not (ended and attempt.line_ended(stream)):
                self.add(await attempt.say(b"\n", stream))

    def before(self, partial: RemctlSimpleResult | None) -> RemctlSimpleResult | None:
        """This output and then that of a command that failed."""
        if partial is not None:
            self.add(partial)
        stdout, stderr = self.stdout, self.stderr
        if stdout is None and stderr is None:
            return partial
        return RemctlSimpleResult(stdout, stderr, None)
