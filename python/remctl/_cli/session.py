"""`pyremctl host` on a terminal: an interactive session on one connection."""

from __future__ import annotations

import shlex

from remctl import RemctlError
from remctl._cli.connect import Unreachable, new_client, open_client
from remctl._cli.one import complain, show_answer
from remctl._cli.parse import Options
from remctl._cli.signals import interruptible, restoring
from remctl._cli.streams import write_all
from remctl._cli.terminal import harmless
from remctl._cli.values import Misuse

INTERRUPTED = 130


def run(options: Options) -> int:
    """Run a session; returns the exit status of the last command. Raises Misuse."""
    if options.stdin or options.file or options.prompt is not None:
        raise Misuse("an argument from elsewhere, and no command to go with it")
    if options.limited:
        raise Misuse("options --timeout, --retries and --json go with a command")
    import readline  # gives input() line editing and a history, which is kept in memory only

    interruptible()
    try:
        remote = new_client(options)
        open_client(remote, options)
    except (RemctlError, Unreachable) as error:
        complain(error)
        return 1
    # Completing local file names would be useless: let Tab insert a tab.
    readline.parse_and_bind("tab: self-insert")
    status = 0
    with remote:
        while True:
            try:
                words = _ask(options.host, status)
                if words:
                    status = INTERRUPTED
                    if not remote.opened:
                        open_client(remote, options)
                    # After a failure this reconnects.
                    remote.command(words)
                    status = show_answer(remote, end_line=True)
            except EOFError:
                write_all(1, b"\n")
                return status
            except KeyboardInterrupt:
                if status == INTERRUPTED:
                    # After an interrupt the answer may be unread.
                    remote.close()
                write_all(1, b"\n")
            except (RemctlError, Unreachable, ValueError) as error:
                complain(error)
                status = 1


def _ask(host: str, status: int) -> list[str]:
    """Read the words of the next line. Raises EOFError at the end, ValueError for bad quoting."""
    before = f" [{status}]" if status else ""
    try:
        with restoring(0):
            line = input(harmless(f"{host}{before}> "))
    except UnicodeError:
        raise ValueError("what was typed is not in the terminal's encoding") from None
    try:
        return shlex.split(line)
    except ValueError as error:
        raise ValueError(str(error)[:1].lower() + str(error)[1:]) from None
