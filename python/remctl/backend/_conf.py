"""The lines of `remctld.conf` for a backend."""

from __future__ import annotations

import os
import sys

from remctl.backend._command import Access, Command, Commands
from remctl.backend._errors import BackendError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def conf(backend: Commands, program: str, acl: Sequence[str]) -> str:
    """Return a line for each subcommand, and one for the command without a subcommand.

    Args:
        backend: the backend's commands.
        program: the path of its executable file.
        acl: who may run the commands without an acl of their own.

    Raises:
        BackendError: `remctld.conf` cannot express what a function needs.
    """
    if not os.access(program, os.X_OK):
        print(f"{backend.path[0]}: {program} is not executable", file=sys.stderr)
    return "".join(f"{line}\n" for line in _lines(backend, program, tuple(acl)))


def _lines(backend: Commands, program: str, acl: tuple[str, ...]) -> Iterator[str]:
    base = Access(acl or None).overridden_by(backend.access)
    if base.acl is not None:
        # Gives help for the command without a subcommand, and shows it and the banner in the
        # summary.
        about = {"help": "--help"}
        if backend.banner or backend.alone:
            about["summary"] = "--heading"
        yield _line((*backend.path, "EMPTY"), program, about, base)
    for name, member in backend.members.items():
        about = {"help": "--help", "summary": "--summary"}
        commands = [member] if isinstance(member, Command) else list(member)
        masked = sorted({place for command in commands for place in _masked(command)})
        if masked:
            about["logmask"] = ",".join(map(str, masked))
        stdin = _stdin(commands)
        if stdin is not None:
            about["stdin"] = str(stdin)
        access = base.overridden_by(member.access)
        yield _line((*backend.path, name), program, about, access)


def _line(path: tuple[str, ...], program: str, about: dict[str, str], access: Access) -> str:
    command = " ".join(path)
    if access.acl is None:
        raise BackendError(f"{command} has no acl: nobody could run it")
    if access.user is not None:
        about = {**about, "user": access.user}
    if access.sudo is not None:
        about = {**about, "sudo": access.sudo}
    for acl in access.acl:
        name, equals, _ = acl.partition("=")
        if equals and name.replace("-", "a").isalnum():
            raise BackendError(f"{command}: remctld takes {acl} for an option; use file: or princ:")
    words = [*path, program, *(f"{k}={v}" for k, v in about.items()), *access.acl]
    for word in words:
        if not word or any(letter.isspace() for letter in word) or word[-1] == "\\":
            raise BackendError(f"{command}: {word!r} cannot be one word of remctld.conf")
    return " ".join(words)


def _room(command: Command) -> int | None:
    """How many words the options of a command can take; None if there is no limit."""
    options = command.signature.options.values()
    if any(option.repeated for option in options):
        return None
    return sum(1 if option.flag else 2 for option in options) + bool(options)  # with `--`


def _masked(command: Command) -> Iterable[int]:
    """The possible numbers of secret arguments; as for remctld, the subcommand is number 1.

    An argument on standard input is never logged.
    """
    signature, room = command.signature, _room(command)
    first = len(command.path)
    for parameter in signature:
        if not parameter.secret or parameter is signature.stdin:
            continue
        if room is None or parameter is signature.rest:
            raise BackendError(
                f"{' '.join(command.path)}: the position of {parameter.name} varies, and remctld "
                "masks arguments by number; pass a secret on standard input"
            )
        if parameter.kind == "option":
            yield from range(first, first + room)
        else:
            place = first + signature.arguments.index(parameter)
            yield from range(place, place + room + 1)


def _stdin(commands: Sequence[Command]) -> int | str | None:
    """The value of `stdin=` for all commands of a line."""
    wanted = [_wanted(command) for command in commands]
    one = next((number for number in wanted if number is not None), None)
    for command, number in zip(commands, wanted, strict=True):
        if number != one and (number is not None or one == "last" or _reaches(command, one)):
            names = " and ".join(" ".join(command.path) for command in commands)
            raise BackendError(
                f"{names} are one line of remctld.conf, and differ in what comes on standard input"
            )
    return one


def _wanted(command: Command) -> int | str | None:
    """The value of `stdin=` for a command: the number of the argument, if that is fixed."""
    signature = command.signature
    if signature.stdin is None:
        return None
    if signature.options:
        return "last"
    if signature.last is None:
        return len(command.path) + signature.arguments.index(signature.stdin)
    if signature.rest is None and all(one.required for one in signature.arguments):
        return len(command.path) + len(signature.arguments)
    return "last"


def _reaches(command: Command, number: object) -> bool:
    """Whether a command may have an argument with this number."""
    room = _room(command)
    if room is None or command.signature.rest is not None:
        return True
    assert isinstance(number, int)
    return len(command.path) + len(command.signature.arguments) + room > number
