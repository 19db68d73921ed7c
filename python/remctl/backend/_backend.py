"""The program that remctld runs."""

from __future__ import annotations

import os
import sys

from remctl.backend._call import Call
from remctl.backend._command import Group, Settings, check_name
from remctl.backend._errors import BackendError, UsageError, unknown
from remctl.backend._remote import called_by_remctld

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn


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
        acl: who may run the subcommands that do not say it themselves, see `command()`.
        user: whom remctld runs them as; as itself by default.
    """

    def __init__(
        self,
        name: str,
        banner: str = "",
        *,
        acl: str | Sequence[str] | None = None,
        user: str | int | None = None,
    ) -> None:
        check_name(name)
        super().__init__((name,), Settings(acl, user))
        self.name = name
        self.banner = banner
        self._secrets: list[str | bytes] = []
        if called_by_remctld():
            # Python would show the traceback of what goes wrong from here on to the client.
            sys.excepthook = self._report_uncaught

    def main(self) -> NoReturn:
        """Run the command of this process's command line, and end the process."""
        # remctld's locale is not the client's: all text is UTF-8.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        threading: Any = sys.modules.get("threading")
        if threading is not None and called_by_remctld():
            threading.excepthook = lambda uncaught: self._report_uncaught(*uncaught[:3])
        sys.exit(self.run())

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Run one command.

        Args:
            arguments: the words behind the command; those of the command line by default.

        Returns:
            The exit status; whatever is wrong has been said on standard error.
        """
        words = list(sys.argv[1:] if arguments is None else arguments)
        path = [self.name]
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

    def _report_uncaught(self, _: object, error: BaseException, *__: object) -> None:
        from remctl.backend import _failures

        _failures.report([self.name], error, self._secrets)

    def _answer(self, words: list[str], path: list[str]) -> int:
        """Find the command and run it; `path` tells the report of an error where it was."""
        found = self.find(words, path)
        if isinstance(found, Group):
            if words:
                return self._explain(found, words)
            if found.alone is None:
                raise UsageError("insufficient arguments")
            found = found.alone
        call = Call(found.function, found.signature, self._secrets)
        call.take(words)
        result = call.run()
        if result is None:
            return 0
        if type(result) is not int or not 0 <= result <= 255:
            raise TypeError(f"{found.function.__name__}() returned {result!r}, no exit status")
        return result

    def _explain(self, group: Group, words: list[str]) -> int:
        """Answer with help, or with lines of `remctld.conf`, where a group has no such command."""
        word, *rest = words
        word = word.removeprefix("--")
        if word == "help" or (group is self and word in ("summary", "heading")):
            from remctl.backend import _help

            text = getattr(_help, word)(group, rest)
        elif group is self and words[0] == "--conf" and not called_by_remctld():
            from remctl.backend import _conf

            text = _conf.conf(self, os.path.abspath(sys.argv[0]), rest)
        else:
            raise UsageError(unknown("command", words[0]))
        sys.stdout.write(text)
        return 0


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
