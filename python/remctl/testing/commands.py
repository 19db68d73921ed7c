"""The commands of a test server, and its `remctld.conf`."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from remctl.testing.calls import Function


@dataclass(frozen=True)
class Command:
    """One command of a server.

    `program` is the path of an executable file, the text of a script if it begins with `#!`, or
    a Python function that takes a `Call` and returns an `Answer`. `stdin` is the number of the
    argument that is passed on standard input, where the subcommand is number 1, or `"last"`.
    `acl` says who may run it; `options` are further options of `remctld.conf`, such as
    `{"user": "nobody"}`.
    """

    program: str | os.PathLike[str] | Function
    stdin: int | str | None = None
    acl: tuple[str, ...] = ("ANYUSER",)
    options: Mapping[str, str] = field(default_factory=dict)


Program = str | os.PathLike[str] | Function | Command
"""An executable file, a script, a Python function, or a `Command` with options."""

Commands = Mapping[str, Mapping[str, Program]] | Iterable[str] | os.PathLike[str]
"""The commands of a server, in one of four forms.

- `{command: {subcommand: program}}`; the subcommand may be `ALL` or `EMPTY`;
- a folder: `folder/command/subcommand` and `folder/command` are executable files;
- the text of a `remctld.conf`;
- its lines.
"""

EXAMPLES: dict[str, dict[str, Program]] = {
    "test": {
        "hello": "#!/bin/sh\necho hello\n",
        "args": '#!/bin/sh\nshift\nprintf "%s\\n" "$@"\n',
        "status": '#!/bin/sh\nexit "$2"\n',
        "count": '#!/bin/sh\nfor i in $(seq "$2"); do echo "$i"; sleep 1; done\n',
    }
}
"""The default commands of a server."""


def configuration(commands: Commands, scripts: Path, script_for: Callable[[Function], str]) -> str:
    """The text of a `remctld.conf`; scripts are written to the folder `scripts`.

    `script_for` returns the script that calls a function. TypeError for a value that `Commands`
    does not allow.
    """
    if isinstance(commands, str):
        return commands
    if isinstance(commands, os.PathLike):
        commands = executables(Path(commands))
    if isinstance(commands, Mapping):
        for command, programs in commands.items():
            if not isinstance(programs, Mapping):
                kind = type(programs).__name__
                raise TypeError(f"commands[{command!r}] is a mapping of subcommands, not {kind}")
        return "".join(
            _line(command, subcommand, program, scripts, script_for)
            for command, programs in commands.items()
            for subcommand, program in programs.items()
        )
    return "".join(f"{line}\n" for line in commands)


def executables(folder: Path) -> dict[str, dict[str, Program]]:
    """The executable files of a directory as commands; OSError if it does not exist."""

    def programs(path: Path) -> Iterator[Path]:
        return (one for one in sorted(path.iterdir()) if one.is_file() and os.access(one, os.X_OK))

    found: dict[str, dict[str, Program]] = {
        command.name: {program.name: program for program in programs(command)}
        for command in sorted(folder.iterdir())
        if command.is_dir()
    }
    found.update({program.name: {"ALL": program} for program in programs(folder)})
    return found


def _line(
    command: str,
    subcommand: str,
    program: Program,
    scripts: Path,
    script_for: Callable[[Function], str],
) -> str:
    """One line of `remctld.conf`."""
    if not isinstance(program, Command):
        program = Command(program)
    what = program.program
    if not isinstance(what, str | os.PathLike) and not callable(what):
        where = f"commands[{command!r}][{subcommand!r}]"
        kind = type(what).__name__
        raise TypeError(f"{where} is a path, a script, a function or a Command, not {kind}")
    path = script_for(what) if callable(what) else os.fspath(what)
    if path.startswith("#!"):
        scripts.mkdir(exist_ok=True)
        script = scripts / f"{command}-{subcommand}"
        script.write_text(path)
        script.chmod(0o700)
        path = str(script)
    else:
        path = os.path.abspath(path)
    options = dict(program.options)
    if program.stdin is not None:
        options["stdin"] = str(program.stdin)
    words = [command, subcommand, path, *(f"{k}={v}" for k, v in options.items()), *program.acl]
    for word in words:
        if not word or any(character.isspace() for character in word):
            raise ValueError(f"remctld.conf has no way to write {word!r} as one word")
    return " ".join(words) + "\n"
