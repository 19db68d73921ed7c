"""The program that remctld runs."""

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
    """Commands that are called by the same first words; made by `Group.group`."""

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
        exit status. It stays as it is, and can be called by others.

        - Its parameters are the arguments, those with defaults may be left out, and `*names`
          takes the rest. Keyword-only ones are options: `dry_run: bool = False` is
          `--dry-run`, `keep: bool = True` is `--no-keep` (and `--keep`, which changes nothing),
          `size: int = 0` is `--size=3`, and a list may be given several times.
        - Their annotations are what they become: str (UTF-8), bytes, int, float, `Literal`, an
          Enum, or a class that is called with the text. `T | None` is T. In `Annotated`, `Match`
          checks the text, a function is called with the value and returns another, and
          `Short`, `Count`, `Secret` and `Stdin` say more. They are evaluated here, so that the
          names in them have to be defined before.
        - Its docstring is the help: the first paragraph is its summary.

        Args:
            name: what a client calls it; the function's name, with `-` for `_`, by default.
            acl: who may run it, in the words of `remctld.conf`: `ANYUSER`,
                `princ:alice@EXAMPLE.ORG`, `file:/etc/remctl/acl/helpdesk`. The group's by
                default. For `--conf`: remctld checks it.
            user: whom remctld runs it as; remctld has to run as root for that.
            sudo: whom sudo runs it as, a name or a number, where remctld does not run as root,
                and for remctl-shell. It has to pass on
                what remctld says in the environment.

        Raises:
            TypeError: it is not a function, or one that cannot be a command, for what an
                annotation says of a parameter for example.
            ValueError: the name is taken or cannot be in `remctld.conf`, or `acl`, `user` or
                `sudo` are given below a group: remctld sees the first two words alone.
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
        """A group in this one: `quota = accounts.group("quota")` for `accounts quota set`.

        Arguments and errors are those of `command`. remctld has one line for the whole group,
        and thus one `acl`, one `user` and one `sudo`.
        """
        group = Group(Commands((*self._commands.path, name), self._access(acl, user, sudo)))
        self._commands.add(group._commands)
        return group

    def default(self, function: _types.Function, /) -> _types.Function:
        """Run a function, of no parameters, where the group is called without another word.

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

    A command ends in one way. What its function prints goes to the client; the exit status is
    what it returns, 0 for None. A `BackendError` is told to the client as `accounts create:
    message`, with its status; so is a `UsageError`, of status 2, which is also what arguments
    end in that the function does not take, and what `sys.exit("message")` says, with status 1.
    Any other exception is status 255, and the client learns no more than `internal error`: the
    traceback goes to syslog (facility daemon), and to standard error if that is a terminal.

    Words of its own, as the first one: `--help [subcommand...]`, `--summary [subcommand]`, also
    without the dashes where no subcommand is called so, for remctld's options `help=` and
    `summary=`; and `--conf [acl...]`, which prints the lines for `remctld.conf`, and is refused
    to clients. Each group has a `help` of this kind.

    Args:
        name: the command that clients call.
        banner: the first line of the help.
        acl: who may run the subcommands that do not say it themselves, see `Group.command`.
        user: whom remctld runs them as; as itself by default.
        sudo: whom sudo runs them as; nobody is asked by default.
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
            # Python would show the traceback of what goes wrong from here on to the client.
            sys.excepthook = self._report_uncaught

    def main(self) -> _types.NoReturn:
        """Run the command of this process's command line, and end the process."""
        # remctld's locale is not the client's: all text is UTF-8.
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # else it is a test's, or closed
                stream.reconfigure(encoding="utf-8")
        threading: _types.Any = sys.modules.get("threading")
        if threading is not None and called_by_remctld():
            threading.excepthook = lambda uncaught: self._report_uncaught(*uncaught[:3])
        sys.exit(self.run())

    def run(self, arguments: _types.Sequence[str] | None = None) -> int:
        """Run one command.

        Args:
            arguments: the words behind the command; those of the command line by default.

        Returns:
            The exit status; whatever is wrong has been said on standard error.
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
        """Find the command and run it; `path` tells the report of an error where it was."""
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
        """Answer with help, or with lines of `remctld.conf`, where a group has no such command."""
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
    """Tell the client what is wrong, behind what has been printed so far."""
    if sys.stdout is not None:
        sys.stdout.flush()
    print(f"{' '.join(path)}: {message}", file=sys.stderr)


def _exit_status(code: object) -> int:
    """The status that Python ends with for a SystemExit."""
    if code is None:
        return 0
    return code & 255 if isinstance(code, int) else 1
