"""The words of the command: from the command line, files, standard input and the prompt."""

from __future__ import annotations

import os

from remctl._arguments import Hidden
from remctl._cli.parse import Options
from remctl._cli.values import Misuse


def command_words(options: Options) -> list[bytes]:
    """All words of the command, as bytes.

    Reads the files of --file, standard input for --stdin, and asks for --prompt. Each is held
    in memory only once. Raises Misuse if something cannot be read.
    """
    return with_inserted([os.fsencode(word) for word in options.words], read_inserted(options))


def read_inserted(options: Options) -> list[tuple[int | None, bytes]]:
    """The words from other sources, with positions (None: last). Raises like `command_words()`."""
    found: list[tuple[int | None, bytes]] = []
    count = len(options.words)
    for number, path in sorted(options.file):
        # Argument 1 is the subcommand, as for remctld; existing arguments move up.
        if number > count:
            raise Misuse(f"option --file: there is no argument {number - 1} before {path}")
        found.append((number, read_file(path, "--file")))
        count += 1
    if options.stdin:
        found.append((None, read_all(0, "standard input")))
    if options.prompt is not None:
        found.append((None, _ask(options.prompt or "Argument: ", options.confirm)))
    return found


def with_inserted(words: list[bytes], inserted: list[tuple[int | None, bytes]]) -> list[bytes]:
    """The words of the command line with the other words inserted."""
    for place, data in inserted:
        _insert(words, len(words) if place is None else place, data)
    return words


def _insert(words: list[bytes], place: int, data: bytes) -> None:
    # Errors and logs show the first two words, so these must be hidden. (Others are not, to
    # avoid a copy.)
    words.insert(place, Hidden(data) if place < 2 else data)


def read_file(path: str, option: str) -> bytes:
    """The bytes of a file. Raises Misuse that names the option."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise Misuse(f"option {option}: cannot read {path}: {_reason(error)}") from None
    try:
        return read_all(descriptor, path)
    finally:
        os.close(descriptor)


def read_all(descriptor: int, name: str) -> bytes:
    """Read all bytes from a descriptor. Raises Misuse."""
    try:
        # Unbuffered, so that the returned bytes are the only copy.
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            data = file.read()
    except (OSError, ValueError, MemoryError) as error:
        raise Misuse(f"cannot read {name}: {_reason(error)}") from None
    if data is None:
        raise Misuse(f"cannot read {name}: it does not block")
    return data


def _ask(text: str, twice: bool) -> bytes:
    import getpass

    from remctl._cli.signals import interruptible, restoring

    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        raise Misuse("option --prompt: there is no terminal to ask on") from None
    interruptible()  # the terminal's echo must be restored
    try:
        with restoring(terminal):
            answer = getpass.getpass(text)
            if twice and getpass.getpass("Again: ") != answer:
                raise Misuse("option --confirm: the two differ")
    except EOFError:
        os.write(terminal, b"\n")  # the cursor is still after the prompt
        raise Misuse("option --prompt: no answer") from None
    except UnicodeError:
        raise Misuse("option --prompt: the answer is not in the terminal's encoding") from None
    finally:
        os.close(terminal)
    return os.fsencode(answer)


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or "out of memory"
