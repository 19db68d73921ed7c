"""The commands of a backend: functions, in groups that may be in groups."""

from __future__ import annotations

from remctl.backend import _signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FunctionType
    from typing import Any, TypeVar, overload

    Function = TypeVar("Function", bound=Callable[..., "int | None"])


class Settings:
    """What remctld is to be told of a command or of a group.

    Attributes:
        acl: who may run it, as in `remctld.conf`; None where the group says it.
        user: whom it runs as; None where the group says it.
    """

    __slots__ = ("acl", "user")

    def __init__(self, acl: str | Sequence[str] | None, user: str | int | None) -> None:
        self.acl = (acl,) if isinstance(acl, str) else None if acl is None else tuple(acl)
        self.user = None if user is None else str(user)
        if self.acl is not None and not (self.acl and all(isinstance(a, str) for a in self.acl)):
            raise TypeError(f"acl must be one or more strings, not {acl!r}")


class Command:
    """A function that is a command.

    Attributes:
        path: the words that it is called by, that of the backend first.
        function: what it runs.
        settings: what remctld is to be told.
    """

    __slots__ = ("_signature", "function", "path", "settings")

    def __init__(self, path: tuple[str, ...], function: Any, settings: Settings) -> None:
        self.path = path
        self.function: FunctionType = function
        self.settings = settings
        self._signature: _signature.Signature | None = None

    @property
    def signature(self) -> _signature.Signature:
        """Its parameters. Read at first use, for a command that does not run costs nothing."""
        if self._signature is None:
            self._signature = _signature.Signature(_unwrapped(self.function))
        return self._signature

    @property
    def doc(self) -> str:
        """The docstring."""
        return self.function.__doc__ or ""


class Group:
    """Commands that are called by the same first words. Made by `Backend` and `Group.group`.

    Attributes:
        path: the words, that of the backend first.
        members: the commands and groups in it by name.
    """

    def __init__(self, path: tuple[str, ...], settings: Settings) -> None:
        self.path = path
        self.settings = settings
        self.members: dict[str, Command | Group] = {}
        self.alone: Command | None = None

    if TYPE_CHECKING:

        @overload
        def command(self, name: Function, /) -> Function: ...

        @overload
        def command(
            self,
            name: str | None = None,
            /,
            *,
            acl: str | Sequence[str] | None = None,
            user: str | int | None = None,
        ) -> Callable[[Function], Function]: ...

    def command(
        self,
        name: Any = None,
        /,
        *,
        acl: str | Sequence[str] | None = None,
        user: str | int | None = None,
    ) -> Any:
        """Make a function a command: `@group.command`, or `@group.command("name", ...)`.

        The function is called with the arguments that the client sent, and returns None or its
        exit status. It stays as it is, and can be called by others.

        - Its parameters are the arguments, those with defaults may be left out, and `*names`
          takes the rest. Keyword-only ones are options: `dry_run: bool = False` is
          `--dry-run`, one that is True is `--no-...`, `size: int = 0` is `--size=3`, and a
          list may be given several times.
        - Their annotations are what they become: str (UTF-8), bytes, int, float, `Literal`, an
          Enum, or a class that is called with the text. `T | None` is T. In `Annotated`, `Match`
          checks the text, a function is called with the value and returns another, and
          `Short`, `Secret` and `Stdin` say more.
        - Its docstring is the help: the first paragraph is its summary.

        Args:
            name: what a client calls it; the function's name, with `-` for `_`, by default.
            acl: who may run it, in the words of `remctld.conf`: `ANYUSER`,
                `princ:alice@EXAMPLE.ORG`, `file:/etc/remctl/acl/helpdesk`. The group's by
                default. For `--conf`: remctld checks it.
            user: whom remctld runs it as.

        Raises:
            TypeError: it is not a function, or one that cannot be a command.
            ValueError: the name is taken or cannot be in `remctld.conf`, or `acl` or `user` are
                given below a group: remctld sees the first two words alone.
        """
        if name is not None and not isinstance(name, str):
            return self.command()(name)
        settings = self._settings(acl, user)

        def decorate(function: Function) -> Function:
            check_function(function)
            chosen = _signature.spoken(function.__name__) if name is None else name
            self._add(chosen, Command((*self.path, chosen), function, settings))
            return function

        return decorate

    def group(
        self,
        name: str,
        *,
        acl: str | Sequence[str] | None = None,
        user: str | int | None = None,
    ) -> Group:
        """A group in this one: `quota = accounts.group("quota")` for `accounts quota set`.

        Args and errors are those of `command()`. remctld has one line for the whole group, and
        thus one `acl` and one `user`.
        """
        group = Group((*self.path, name), self._settings(acl, user))
        self._add(name, group)
        return group

    def default(self, function: Function) -> Function:
        """Run a function, of no parameters, where the group is called without another word."""
        check_function(function)
        code = _unwrapped(function).__code__
        if code.co_argcount or code.co_kwonlyargcount or code.co_flags & _signature.VARARGS:
            raise TypeError(f"{function.__name__}() must have no parameters: nothing comes with it")
        if self.alone is not None:
            raise ValueError(f"{' '.join(self.path)} has a default")
        self.alone = Command(self.path, function, self.settings)
        return function

    def _settings(self, acl: str | Sequence[str] | None, user: str | int | None) -> Settings:
        if len(self.path) > 1 and not (acl is None and user is None):
            raise ValueError(
                f"acl and user belong to {' '.join(self.path[:2])}: remctld looks no further"
            )
        return Settings(acl, user)

    def _add(self, name: str, member: Command | Group) -> None:
        check_name(name)
        if len(self.path) == 1 and name in ("ALL", "EMPTY"):
            raise ValueError(f"{name} has a meaning of its own in remctld.conf")
        if name in self.members:
            raise ValueError(f"{' '.join(self.path)} has a {name}")
        self.members[name] = member

    def find(self, words: list[str], path: list[str]) -> Command | Group:
        """The command, or group, that words stand for; the words are moved on to `path`.

        What is left of the words are its arguments, or for a group the name of nothing.
        """
        found: Command | Group = self
        while isinstance(found, Group) and words and words[0] in found.members:
            path.append(words.pop(0))
            found = found.members[path[-1]]
        return found

    def __iter__(self) -> Iterator[Command]:
        """All commands in it, in the order of their definition."""
        if self.alone is not None:
            yield self.alone
        for member in self.members.values():
            if isinstance(member, Group):
                yield from member
            else:
                yield member


def check_name(name: object) -> None:
    """Complain of a name that has no place in a line of `remctld.conf`."""
    if not isinstance(name, str):
        raise TypeError(f"a name must be a str, not {type(name).__name__}")
    if not name.isprintable() or not name or " " in name or name[0] in "#-" or name[-1] == "\\":
        raise ValueError(f"{name!r} cannot be the name of a command")


def check_function(function: Any) -> None:
    """Complain of what cannot be a command, as far as can be seen without its parameters."""
    code = getattr(_unwrapped(function), "__code__", None)
    if code is None or not hasattr(function, "__name__"):
        raise TypeError(f"{function!r} is not a function")
    kind = code.co_flags
    if kind & (_signature.COROUTINE | _signature.GENERATOR | _signature.ASYNC_GENERATOR):
        raise TypeError(f"{function.__name__}() must be a function that does it all when called")
    if kind & _signature.VARKEYWORDS:
        raise TypeError(f"{function.__name__}() must not take ** arguments: name the options")


def _unwrapped(function: Any) -> Any:
    """The function below its decorators, whose parameters they show (functools.wraps)."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function
