"""Commands that are Python functions: their argument and their answers."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple

Text = bytes | str | None

Answer = Text | int | tuple[Text, Text, int]
"""The answer of a command: its standard output, its status, or (stdout, stderr, status).

A str is encoded as UTF-8, None means no output, and the default status is 0.
"""


@dataclass(frozen=True)
class Call:
    """One call of a command.

    Words that are not UTF-8 are decoded with surrogate escapes, like `sys.argv`.
    """

    command: tuple[str, ...]
    """The command, the subcommand and the arguments, without the one on standard input."""
    stdin: bytes = b""
    """The command's standard input; see `Command.stdin`."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment of the command, with `REMOTE_USER` and the other variables of remctld."""
    host: str = "localhost"
    """The host that is called."""
    port: int = 4373
    """Its port."""

    @property
    def args(self) -> tuple[str, ...]:
        """The arguments after the command and the subcommand."""
        return self.command[2:]

    @property
    def user(self) -> str:
        """The principal of the client."""
        return self.env["REMOTE_USER"]


Function = Callable[[Call], Answer]
"""A command in Python."""


class Finished(NamedTuple):
    """The result of a command."""

    stdout: bytes
    stderr: bytes
    status: int


def finish(answer: object) -> Finished:
    """Complete an `Answer`; TypeError or ValueError if it is invalid."""
    if isinstance(answer, tuple):
        if len(answer) != 3:
            raise TypeError(f"an answer is (stdout, stderr, status), not {answer!r}")
        stdout, stderr, status = answer
        if not isinstance(status, int) or isinstance(status, bool):
            raise TypeError(f"a status is an int, not {status!r}")
        if not 0 <= status <= 255:
            raise ValueError(f"a status is from 0 to 255, not {status}")
        return Finished(_encode(stdout), _encode(stderr), status)
    if isinstance(answer, int):
        return finish((None, None, answer))
    return finish((answer, None, 0))


def _encode(text: object) -> bytes:
    if isinstance(text, str):
        return text.encode("utf-8", "surrogateescape")
    if text is None or isinstance(text, bytes):
        return text or b""
    raise TypeError(f"an answer is bytes, a str, an int, None or three of them, not {text!r}")


def call_function(function: Callable[[Call], object], call: Call) -> object:
    """The return value of a function; if it raises, the answer of a script that fails in that
    way."""
    try:
        return function(call)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        return (None, f"{error.code}\n", 1)


def failure(error: BaseException) -> Finished:
    """The result of a command that has raised an exception: status 255 and a traceback."""
    frames = error.__traceback__
    while frames is not None and _is_ours(frames):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    return Finished(b"", text.encode("utf-8", "backslashreplace"), 255)


def _is_ours(frame: TracebackType) -> bool:
    return str(frame.tb_frame.f_globals.get("__name__")).startswith("remctl.testing.")
