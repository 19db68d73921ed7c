"""The commands of a backend, a tree of functions and groups."""

from __future__ import annotations

from remctl.backend import _signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any


class Access:
    """The settings of a command or a group for `remctld.conf`.

    Attributes:
        acl: who may run it, as in `remctld.conf`; None for the group's.
        user: the user that remctld runs it as; None for the group's.
        sudo: the user that sudo runs it as, as for its option `-u`; None for the group's.
    """

    __slots__ = ("acl", "sudo", "user")

    def __init__(
        self,
        acl: str | Sequence[str] | None = None,
        user: str | int | None = None,
        sudo: str | int | None = None,
    ) -> None:
        self.acl: tuple[str, ...] | None = None
        if acl is not None:
            self.acl = (acl,) if isinstance(acl, str) else tuple(acl)
        for name, value in (("user", user), ("sudo", sudo)):
            if isinstance(value, bool) or not isinstance(value, str | int | None):
                raise TypeError(f"{name} must be a name or a number, not {value!r}")
        self.user: str | None = None if user is None else str(user)
        self.sudo: str | None = f"#{sudo}" if isinstance(sudo, int) else sudo
        if self.acl is not None and not (self.acl and all(isinstance(a, str) for a in self.acl)):
            raise TypeError(f"acl must be one or more strings, not {acl!r}")

    def __bool__(self) -> bool:
        """Whether any of them is set."""
        return not (self.acl is None and self.user is None and self.sudo is None)

    def overridden_by(self, other: Access) -> Access:
        """These settings, with those that another one sets replaced."""
        return Access(
            other.acl or self.acl,
            self.user if other.user is None else other.user,
            self.sudo if other.sudo is None else other.sudo,
        )


class Command:
    """A function that is a command.

    Attributes:
        path: the words of the command, the backend's first.
        function: the function that it runs.
        signature: its parameters.
        access: its settings for `remctld.conf`.

    Raises:
        TypeError: its parameters cannot be used for a command.
    """

    __slots__ = ("access", "function", "path", "signature")

    def __init__(self, path: tuple[str, ...], function: Any, access: Access) -> None:
        self.path: tuple[str, ...] = path
        self.function: Any = function
        self.access: Access = access
        self.signature: _signature.Signature = _signature.Signature(_unwrapped(function))

    @property
    def doc(self) -> str:
        """The docstring of the function."""
        return self.function.__doc__ or ""


class Commands:
    """Commands with the same first words.

    Attributes:
        path: these words, the backend's first.
        access: the settings of all of them for `remctld.conf`.
        banner: the first line of the help.
        members: the commands and groups in it by name.
        alone: the command that runs without another word.
    """

    __slots__ = ("access", "alone", "banner", "members", "path")

    def __init__(self, path: tuple[str, ...], access: Access, banner: str = "") -> None:
        check_name(path[-1])
        if not isinstance(banner, str):
            raise TypeError(f"banner must be a str, not {type(banner).__name__}")
        self.path: tuple[str, ...] = path
        self.access: Access = access
        self.banner: str = banner
        self.members: dict[str, Command | Commands] = {}
        self.alone: Command | None = None

    def add(self, member: Command | Commands) -> None:
        """Add a command or group, by the last word of its path."""
        name = member.path[-1]
        check_name(name)
        if len(self.path) == 1 and name in ("ALL", "EMPTY"):
            raise ValueError(f"{name} has a meaning of its own in remctld.conf")
        if name in self.members:
            raise ValueError(f"{' '.join(self.path)} has a {name}")
        self.members[name] = member

    def find(self, words: list[str], path: list[str]) -> Command | Commands:
        """Find the command or group for some words; moves these words to `path`.

        The remaining words are its arguments, or, for a group, an unknown name.
        """
        found: Command | Commands = self
        while isinstance(found, Commands) and words and words[0] in found.members:
            path.append(words.pop(0))
            found = found.members[path[-1]]
        return found

    def __iter__(self) -> Iterator[Command]:
        """Iterate over all commands, in the order of their definition."""
        if self.alone is not None:
            yield self.alone
        for member in self.members.values():
            if isinstance(member, Commands):
                yield from member
            else:
                yield member


def check_name(name: object) -> None:
    """Raise TypeError or ValueError for a name that is invalid in `remctld.conf`."""
    if not isinstance(name, str):
        raise TypeError(f"a name must be a str, not {type(name).__name__}")
    if not name.isprintable() or not name or " " in name or name[0] in "#-" or name[-1] == "\\":
        raise ValueError(f"{name!r} cannot be the name of a command")


def check_function(function: Any, *, without_parameters: bool = False) -> None:
    """Raise TypeError for an object that cannot be a command, whatever its parameters."""
    code = getattr(_unwrapped(function), "__code__", None)
    if code is None or not hasattr(function, "__name__"):
        raise TypeError(f"{function!r} is not a function")
    kind = code.co_flags
    if kind & (_signature.COROUTINE | _signature.GENERATOR | _signature.ASYNC_GENERATOR):
        raise TypeError(
            f"{function.__name__}() must be a plain function, not a coroutine or a generator"
        )
    if kind & _signature.VARKEYWORDS:
        raise TypeError(f"{function.__name__}() must not take ** arguments: name the options")
    takes = code.co_argcount or code.co_kwonlyargcount or kind & _signature.VARARGS
    if takes and without_parameters:
        raise TypeError(f"{function.__name__}() must have no parameters: nothing comes with it")


def _unwrapped(function: Any) -> Any:
    """The function inside its decorators, whose parameters count (functools.wraps)."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function
