"""`Backend` and `Group`: the program that remctld runs."""

from __future__ import annotations

import os
import sys

import remctl._types as _types
from remctl.backend._call import Invocation
from remctl.backend._command import Access, Command, Commands, check_function
from remctl.backend._errors import BackendError, UsageError, unknown
from remctl.backend._remote import called_by_remctld
from remctl.backend._signature import spoken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import overload


class Group:
    """Commands with the same first words; created by `Group.group`."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    if TYPE_CHECKING:

        @overload
        def command(self, name: _types.Function, /) -> _types.Function: ...

        @overload
        def command(
            self,
            name: str | None = None,
            /,
            *,
            acl: str | _types.Sequence[str] | None = None,
            user: str | int | None = None,
            sudo: str | int | None = None,
        ) -> Callable[[_types.Function], _types.Function]: ...

    def command(
        self,
        name: _types.Any = None,
        /,
        *,
        acl: str | _types.Sequence[str] | None = None,
        user: str | int | None = None,
        sudo: str | int | None = None,
    ) -> _types.Any:
        """Make a function a command: `@group.command`, or `@group.command("name", ...)`.

        The function is called with the arguments that the client sent, and returns None or its
        exit status. The function is not changed, and can also be called directly.

        - Its parameters are the arguments; those with defaults may be omitted, and `*names`
          takes the rest. Keyword-only ones are options: `dry_run: bool = False` is `--dry-run`,
          `keep: bool = True` is `--no-keep` (and `--keep`, which changes nothing), `size: int =
          0` is `--size=3`, and a list may be given several times.
        - Their annotations are the types: str (UTF-8), bytes, int, float, `Literal`, an Enum,
          or a class that is called with the text. `T | None` means T. In `Annotated`, `Match`
          checks the text, a function is called with the value and returns another, and `Short`,
          `Count`, `Secret` and `Stdin` say more. They are evaluated here, so the names in them
          must be defined before.
        - Its docstring is the help: the first paragraph is its summary.

        Args:
            name: the name for clients; by default the function's name with `-` for `_`.
            acl: who may run it, as in `remctld.conf`: `ANYUSER`, `princ:alice@EXAMPLE.ORG`,
                `file:/etc/remctl/acl/helpdesk`. The group's by default. For `--conf`: remctld
                checks it.
            user: the user that remctld runs it as; remctld must run as root for that.
            sudo: the user, a name or a number, that sudo runs it as, if remctld does not run as
                root, and for remctl-shell. sudo must pass on remctld's environment variables.

        Raises:
            TypeError: it is not a function, or cannot be a command, for example because of a
                parameter's annotation.
            ValueError: the name is taken or invalid in `remctld.conf`, or `acl`, `user` or
                `sudo` are given below a group: remctld only looks at the first two words.
        """
        if name is not None and not isinstance(name, str):
            return self.command()(name)
        access = self._access(acl, user, sudo)

        def decorate(function: _types.Function) -> _types.Function:
            check_function(function)
            chosen = spoken(function.__name__) if name is None else name
            self._commands.add(Command((*self._commands.path, chosen), function, access))
            return function

        return decorate

    def group(
        self,
        name: str,
        *,
        acl: str | _types.Sequence[str] | None = None,
        user: str | int | None = None,
        sudo: str | int | None = None,
    ) -> Group:
        """Create a group in this one: `quota = accounts.group("quota")` for `accounts quota set`.

        Arguments and errors are those of `command`. remctld has one line for the whole group,
        and thus one `acl`, one `user` and one `sudo`.
        """
        group = Group(Commands((*self._commands.path, name), self._access(acl, user, sudo)))
        self._commands.add(group._commands)
        return group

    def default(self, function: _types.Function, /) -> _types.Function:
        """Make a function, without parameters, the command for the group without another word.

        Raises:
            TypeError: it has parameters, or cannot be a command.
            ValueError: there is one already.
        """
        check_function(function, without_parameters=True)
        if self._commands.alone is not None:
            raise ValueError(f"{' '.join(self._commands.path)} has a default")
        self._commands.alone = Command(self._commands.path, function, self._commands.access)
        return function

    def _access(
        self,
        acl: str | _types.Sequence[str] | None,
        user: str | int | None,
        sudo: str | int | None,
    ) -> Access:
        path, access = self._commands.path, Access(acl, user, sudo)
        if len(path) > 1 and access:
            raise ValueError(
                f"acl, user and sudo belong to {' '.join(path[:2])}: remctld looks no further"
            )
        return access


class Backend(Group):
    """A remctl command whose subcommands are Python functions.

        accounts = Backend("accounts", "Accounts of this machine:", acl="ANYUSER")

        @accounts.command
        def create(name: str, quota: int = 10, *, force: bool = False) -> None:
            "Make an account."

        if __name__ == "__main__":
            accounts.main()

    The function's output goes to the client, and its return value is the exit status, 0 for
    None. A `BackendError` is shown to the client as `accounts create: message`, with its
    status. So is a `UsageError`, with status 2, which is also raised for arguments that the
    function does not accept, and the message of `sys.exit("message")`, with status 1. Any other
    exception ends with status 255, and the client only gets `internal error`: the traceback
    goes to syslog (facility daemon), and to standard error if that is a terminal.

    These are accepted as the first word: `--help [subcommand...]` and `--summary [subcommand]`,
    for remctld's options `help=` and `summary=`, also without the dashes if no subcommand has
    that name; and `--conf [acl...]`, which prints the lines for `remctld.conf` and is refused
    to clients. Each group has `help` too.

    Args:
        name: the command that clients call.
        banner: the first line of the help.
        acl: who may run the subcommands without an `acl` of their own, see `Group.command`.
        user: the user that remctld runs them as; by default its own.
        sudo: the user that sudo runs them as; by default sudo is not used.
    """

    def __init__(
        self,
        name: str,
        banner: str = "",
        *,
        acl: str | _types.Sequence[str] | None = None,
        user: str | int | None = None,
        sudo: str | int | None = None,
    ) -> None:
        super().__init__(Commands((name,), Access(acl, user, sudo), banner))
        self._secrets: list[str | bytes] = []
        if called_by_remctld():
            # Otherwise Python would show the traceback of a later error to the client.
            sys.excepthook = self._report_uncaught

    def main(self) -> _types.NoReturn:
        """Run the command on this process's command line, and exit."""
        # All text is UTF-8, since remctld's locale is not the client's.
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # otherwise it was replaced by a test, or is closed
                stream.reconfigure(encoding="utf-8")
        threading: _types.Any = sys.modules.get("threading")
        if threading is not None and called_by_remctld():
            threading.excepthook = lambda uncaught: self._report_uncaught(*uncaught[:3])
        sys.exit(self.run())

    def run(self, arguments: _types.Sequence[str] | None = None) -> int:
        """Run one command.

        Args:
            arguments: the words after the command; by default those of the command line.

        Returns:
            The exit status; errors were printed on standard error.
        """
        if isinstance(arguments, str | bytes):
            raise TypeError(f"arguments must be a list of words, not {arguments!r}")
        words = list(sys.argv[1:] if arguments is None else arguments)
        path = list(self._commands.path)
        self._secrets = []
        try:
            try:
                status = self._answer(words, path)
            except BackendError as error:
                status = error.status
                _say(path, str(error))
            except SystemExit as error:
                if isinstance(error.code, str):
                    _say(path, error.code)
                status = _exit_status(error.code)
            if sys.stdout is not None:
                sys.stdout.flush()
            return status
        except Exception as error:
            from remctl.backend import _failures

            return _failures.report(path, error, self._secrets)

    def _answer(self, words: list[str], path: list[str]) -> int:
        """Find the command and run it; `path` is filled in for error messages."""
        found = self._commands.find(words, path)
        if isinstance(found, Commands):
            if words:
                return self._explain(found, words)
            if found.alone is None:
                raise UsageError("insufficient arguments")
            found = found.alone
        call = Invocation(found.function, found.signature, self._secrets)
        call.take(words)
        result = call.run()
        if result is None:
            return 0
        if type(result) is not int or not 0 <= result <= 255:
            raise TypeError(f"{found.function.__name__}() returned {result!r}, no exit status")
        return result

    def _explain(self, group: Commands, words: list[str]) -> int:
        """Print help, or lines of `remctld.conf`, if the group has no such command."""
        word, *rest = words
        whole = group is self._commands
        if word.removeprefix("--") in (("help", "summary", "heading") if whole else ("help",)):
            from remctl.backend import _help

            text = getattr(_help, word.removeprefix("--"))(group, rest)
        elif word == "--conf" and whole and not called_by_remctld():
            from remctl.backend import _conf

            text = _conf.conf(group, os.path.abspath(sys.argv[0]), rest)
        else:
            raise UsageError(unknown("command", word))
        sys.stdout.write(text)
        return 0

    def _report_uncaught(self, _: object, error: BaseException, *__: object) -> None:
        from remctl.backend import _failures

        _failures.report(self._commands.path, error, self._secrets)


def _say(path: list[str], message: str) -> None:
    """Print an error message for the client, after all output so far."""
    if sys.stdout is not None:
        sys.stdout.flush()
    print(f"{' '.join(path)}: {message}", file=sys.stderr)


def _exit_status(code: object) -> int:
    """The exit status of a SystemExit."""
    if code is None:
        return 0
    return code & 255 if isinstance(code, int) else 1
