"""The marks for annotations of parameters.

For type checkers, `Annotated` and `Literal` are those of typing. At run time they are small
classes with the same attributes: loading `typing` would take longer than everything else in a
short command.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Annotated as Annotated
    from typing import Literal as Literal


class Match:
    """A regular expression that the whole argument must match: `Annotated[str, Match("[a-z]+")]`.

    It is matched against the text of the argument before conversion; if the parameter is
    `bytes`, the pattern must be bytes too. The module `re` is loaded only when an argument is
    matched.
    """

    __slots__ = ("pattern",)

    def __init__(self, pattern: str | bytes) -> None:
        if not isinstance(pattern, str | bytes):
            raise TypeError(f"pattern must be str or bytes, not {type(pattern).__name__}")
        self.pattern: str | bytes = pattern

    def __repr__(self) -> str:
        return f"Match({self.pattern!r})"


class Short:
    """The letter of an option: `Annotated[bool, Short("f")]` for `-f`."""

    __slots__ = ("letter",)

    def __init__(self, letter: str) -> None:
        if not (isinstance(letter, str) and len(letter) == 1 and letter.isascii()):
            raise ValueError(f"letter must be one ASCII letter or digit, not {letter!r}")
        if not letter.isalnum():
            raise ValueError(f"letter must be one ASCII letter or digit, not {letter!r}")
        self.letter: str = letter

    def __repr__(self) -> str:
        return f"Short({self.letter!r})"


class Mark:
    """The type of `Count`, `Secret` and `Stdin`."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


#: Marks an option that counts how often it is given: `verbose: Annotated[int, Count,
#: Short("v")] = 0` is 2 for `-vv`. It starts at its default.
Count: Mark = Mark("Count")

#: Marks an argument that no log may show: `Annotated[str, Secret]`. remctld masks it
#: (`logmask=`), no error message shows it, and it is removed from tracebacks.
Secret: Mark = Mark("Secret")

#: Marks the one argument that comes on standard input: `Annotated[bytes, Stdin]`. remctld
#: passes it there (`stdin=`); it may be long and contain NUL.
Stdin: Mark = Mark("Stdin")


if not TYPE_CHECKING:

    class _Alias:
        """The type of `Annotated[...]` and `Literal[...]`, also with `| None`."""

        __slots__ = ("__args__", "__metadata__", "__origin__")

        def __init__(self, origin, args, metadata=()):
            self.__origin__ = origin
            self.__args__ = args
            self.__metadata__ = metadata

        def __or__(self, other):
            return _Alias(Union, (self, other))

        def __ror__(self, other):
            return _Alias(Union, (other, self))

        def __repr__(self):
            inside = (self.__origin__, *self.__metadata__) if self.__metadata__ else self.__args__
            name = "Annotated" if self.__metadata__ else self.__origin__._name
            return f"{name}[{', '.join(map(repr, inside))}]"

    class _Form:
        """A special form of typing, used with brackets."""

        __slots__ = ("_name",)

        def __init__(self, name):
            self._name = name

        def __getitem__(self, arguments):
            if not isinstance(arguments, tuple):
                arguments = (arguments,)
            if self is not Annotated:
                return _Alias(self, arguments)
            if len(arguments) < 2:
                raise TypeError("Annotated takes a type and at least one mark or function")
            return _Alias(arguments[0], arguments[:1], arguments[1:])

        def __repr__(self):
            return f"remctl.backend.{self._name}"

    Annotated = _Form("Annotated")
    Literal = _Form("Literal")
    Union = _Form("Union")
