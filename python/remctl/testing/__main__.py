"""`python -m remctl.testing [command...]`: a shell, or a command, in a temporary realm."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from remctl.testing.commands import EXAMPLES, Program, executables
from remctl.testing.realm import Realm
from remctl.testing.server import Server

HINT = """\
A realm, {realm}, and a remctld in it; leave the shell to end both. For example:

    {pyremctl} -p {port} {host} {command}
    {python} -c 'import remctl; print(remctl.remctl("{host}", {port}, command={words}))'

$REMCTL_HOST and $REMCTL_PORT are the server's, and you have a ticket as {user}.
The server's commands: {commands}.
"""

Table = dict[str, dict[str, Program]]


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m remctl.testing",
        description="Open a shell in a temporary Kerberos realm with a remctld, or run a command "
        "in it and exit with its status. Realm and server are removed afterwards.",
    )
    parser.add_argument(
        "--commands",
        metavar="FOLDER",
        type=Path,
        help="the server's commands: the executable files FOLDER/COMMAND/SUBCOMMAND (and "
        "FOLDER/COMMAND, for any subcommand)",
    )
    parser.add_argument(
        "--command",
        metavar="COMMAND/SUBCOMMAND=PATH",
        dest="programs",
        action="append",
        default=[],
        help="one more command, an executable file; may be given more than once",
    )
    parser.add_argument(
        "run", metavar="...", nargs=argparse.REMAINDER, help="the command; a shell if there is none"
    )
    options = parser.parse_args(argv)
    try:
        options.table = table(options.commands, options.programs)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if options.run[:1] == ["--"]:
        del options.run[0]
    return options


def table(folder: Path | None, programs: Sequence[str]) -> Table:
    """The server's commands; OSError or ValueError for a missing file."""
    if folder is None and not programs:
        return EXAMPLES
    found = executables(folder) if folder is not None else {}
    for program in programs:
        name, equals, path = program.partition("=")
        command, _, subcommand = name.partition("/")
        if not equals or not command:
            raise ValueError(f"--command is COMMAND/SUBCOMMAND=PATH, not {program!r}")
        if not os.access(path, os.X_OK) or os.path.isdir(path):
            raise ValueError(f"no executable file: {path!r}")
        found.setdefault(command, {})[subcommand or "ALL"] = path
    if not any(found.values()):
        raise ValueError(f"no executable files in {str(folder)!r}")
    return found


def hint(realm: Realm, server: Server, table: Table) -> str:
    """The text that is shown when the shell starts."""
    names = [
        command if subcommand in ("ALL", "EMPTY") else f"{command} {subcommand}"
        for command, subcommands in table.items()
        for subcommand in subcommands
    ]
    python = shlex.quote(sys.executable)
    return HINT.format(
        python=python,
        pyremctl="pyremctl" if shutil.which("pyremctl") else f"{python} -m remctl",
        realm=realm.name,
        host=server.host,
        port=server.port,
        command=names[0],
        words=str(names[0].split()).replace("'", '"'),
        user=realm.user,
        commands=", ".join(names),
    )


def run(args: Sequence[str], env: dict[str, str], *, shell: bool) -> int:
    """Run a program until it ends; returns its exit status like a shell.

    Ctrl-C is handled by the program alone. Other signals that ask this process to end are
    passed on to it: as SIGHUP to a shell, which would ignore SIGTERM.
    """
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def pass_on(number: int, _: FrameType | None = None) -> None:
        if process is None:
            early.append(number)
        else:
            process.send_signal(signal.SIGHUP if shell else number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        process = subprocess.Popen(args, env=env)
    except OSError as error:
        print(f"{args[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126
    for missed in early:
        pass_on(missed)
    status = process.wait()
    return status if status >= 0 else 128 - status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = arguments(argv)
    try:
        with Realm() as realm, realm.server(options.table) as server:
            where = {"REMCTL_HOST": server.host, "REMCTL_PORT": str(server.port)}
            env = {**os.environ, **realm.env, **where}
            if options.run:
                return run(options.run, env, shell=False)
            print(hint(realm, server, options.table), file=sys.stderr, flush=True)
            return run([os.environ.get("SHELL", "/bin/sh")], env, shell=True)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (ImportError, RuntimeError, ValueError) as error:
        print(f"python -m remctl.testing: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
