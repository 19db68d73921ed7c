"""The parameters of a function, as the arguments and options of a command.

They are read from the function's code object and annotations, because loading `inspect`, which
handles every kind of callable, takes too long for a short command.
"""

from __future__ import annotations

from remctl.backend._marks import Annotated, Count, Literal, Match, Secret, Short, Stdin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FunctionType
    from typing import Any

# Bits of co_flags.
VARARGS, VARKEYWORDS, GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x04, 0x08, 0x20, 0x80, 0x200

# Classes that split a text or do not accept one when they are called with it.
UNFIT = (list, tuple, set, frozenset, dict, object, type(None))


class Parameter:
    """One parameter.

    Attributes:
        name: its name in the function.
        kind: `argument`, `rest` (of the arguments: `*names`) or `option`.
        type: the type of the value: str, bytes, int, float, bool, or a class to call with the
            text.
        choices: the value for each allowed text; None if any text is allowed.
        pattern: the regular expression for the text, if any.
        functions: the functions that are applied to the value.
        many: the collecting type of an option that may be given several times, else None.
        counted: whether it is an option without a value that counts how often it is given.
        letter: the option's letter, or None.
        required: whether it has no default.
        default: its default, if it has one.
        secret: whether no log may show it.
        stdin: whether it comes on standard input.
    """

    __slots__ = (
        "choices",
        "counted",
        "default",
        "functions",
        "kind",
        "letter",
        "many",
        "name",
        "pattern",
        "required",
        "secret",
        "stdin",
        "type",
    )

    def __init__(self, name: str, kind: str, defaults: dict[str, object], annotation: Any) -> None:
        self.name: str = name
        self.kind: str = kind
        self.required: bool = name not in defaults and kind != "rest"
        self.default: object = defaults.get(name)
        self.type: type = str
        self.choices: dict[str, object] | None = None
        self.pattern: str | bytes | None = None
        self.functions: list[Callable[[Any], object]] = []
        self.many: type[list[object] | tuple[object, ...]] | None = None
        self.counted: bool = False
        self.letter: str | None = None
        self.secret: bool = False
        self.stdin: bool = False
        self._read(annotation)
        self._check()

    @property
    def option(self) -> str:
        """The name of the option: `dry-run`."""
        return spoken(self.name)

    @property
    def flag(self) -> bool:
        """Whether it is an option without a value."""
        return self.type is bool or self.counted

    @property
    def repeated(self) -> bool:
        """Whether it is an option that may be given several times."""
        return self.counted or self.many is not None

    def _read(self, annotation: Any) -> None:
        """Read an annotation."""
        origin = getattr(annotation, "__origin__", None)
        if type(annotation).__name__ == "TypeAliasType":  # type Name = ...
            self._read(annotation.__value__)
        elif hasattr(annotation, "__supertype__"):  # a NewType
            self._read(annotation.__supertype__)
        elif getattr(annotation, "__metadata__", ()):
            self._read(origin)
            for mark in annotation.__metadata__:
                self._mark(mark)
        elif getattr(origin, "_name", None) == "Literal":
            self.choices = {str(value): value for value in annotation.__args__}
        elif is_union(annotation):
            kinds = [one for one in annotation.__args__ if one not in (None, type(None))]
            if len(kinds) != 1:
                raise TypeError("may be of one type, and None")
            self._read(kinds[0])
        elif origin in (list, tuple):
            inside = [one for one in annotation.__args__ if one is not Ellipsis]
            if len(inside) != 1 or len(annotation.__args__) != (1 if origin is list else 2):
                raise TypeError("may be list[T] or tuple[T, ...]")
            self._read(inside[0])
            self.many = origin
        elif hasattr(annotation, "__members__"):  # an Enum
            self.choices = {str(member.value): member for member in annotation}
        elif isinstance(annotation, type) and origin is None and annotation not in UNFIT:
            self.type = annotation
        else:
            raise TypeError(f"cannot be a {annotation!r}")

    def _mark(self, mark: object) -> None:
        """Read one mark of `Annotated`; unknown marks are for other libraries."""
        if isinstance(mark, Match):
            self.pattern = mark.pattern
        elif isinstance(mark, Short):
            self.letter = mark.letter
        elif mark is Count:
            self.counted = True
        elif mark is Secret:
            self.secret = True
        elif mark is Stdin:
            self.stdin = True
        elif callable(mark):
            self.functions.append(mark)

    def _check(self) -> None:
        """Raise TypeError for marks that do not go together."""
        if self.stdin and self.kind == "option":
            self.kind = "argument"  # the last one, after all others
            if not self.required:
                raise TypeError("comes last on standard input, so it can have no default")
        if self.stdin and self.kind == "rest":
            raise TypeError("is many arguments; one can come on standard input")
        if self.kind != "option":
            if self.type is bool:
                raise TypeError("is a bool, so it must be keyword-only, to be an option")
            if self.many is not None:
                raise TypeError(f"is a {self.many.__name__}; *{self.name} takes many arguments")
            if self.letter is not None:
                raise TypeError("is an argument, which has no Short letter; options have")
            if self.counted:
                raise TypeError("is counted, so it must be keyword-only, to be an option")
        elif self.counted:
            if self.type is not int or type(self.default) is not int:
                raise TypeError("is counted, so it must be an int with a default")
            if self.many or self.choices or self.pattern or self.functions or self.secret:
                raise TypeError("is counted, which leaves no text to check, to list or to hide")
        elif self.flag and (self.many is not None or self.secret or self.required):
            raise TypeError("is a bool, which has a default, and is neither a list nor secret")
        if self.pattern is not None and isinstance(self.pattern, bytes) != (self.type is bytes):
            raise TypeError(f"is {self.type.__name__}, which Match({self.pattern!r}) does not fit")

    def value(self, raw: str | bytes) -> object:
        """Convert an argument to its value.

        Raises:
            ValueError: it is invalid.
        """
        if self.type is bytes:
            return self._through(self._matched(_octets(raw)))
        # Not decoded with the locale, which is the server's and not the client's.
        text = _octets(raw).decode()
        self._matched(text)
        if self.choices is not None:
            if text not in self.choices:
                raise ValueError
            return self._through(self.choices[text])
        if self.type is str:
            return self._through(text)
        if self.type is int or self.type is float:
            return self._through(_number(self.type, text))
        return self._through(text if self.functions else self.type(text))

    def _matched(self, text: Any) -> Any:
        if self.pattern is not None:
            import re

            if re.fullmatch(self.pattern, text) is None:
                raise ValueError
        return text

    def _through(self, value: object) -> object:
        for function in self.functions:
            value = function(value)
        return value


class Signature:
    """All parameters of a function.

    Attributes:
        arguments: those before `rest`, in order.
        rest: `*names`, or None.
        last: a keyword-only parameter from standard input, which comes last, or None.
        options: by name.
        stdin: the parameter from standard input, which is one of `arguments`, or `last`, or
            None.
    """

    def __init__(self, function: FunctionType) -> None:
        code = function.__code__
        names = code.co_varnames
        count, options = code.co_argcount, code.co_kwonlyargcount
        last_defaults = function.__defaults__ or ()
        defaults: dict[str, object] = dict(
            zip(names[count - len(last_defaults) : count], last_defaults, strict=True)
        )
        defaults.update(function.__kwdefaults__ or {})
        annotations = Annotations(function)

        def parameter(name: str, kind: str) -> Parameter:
            try:
                return Parameter(name, kind, defaults, annotations[name])
            except TypeError as error:
                raise TypeError(f"{function.__name__}(): the parameter {name} {error}") from None

        self.arguments: list[Parameter] = [parameter(name, "argument") for name in names[:count]]
        keywords = [parameter(name, "option") for name in names[count : count + options]]
        self.options: dict[str, Parameter] = {
            one.name: one for one in keywords if one.kind == "option"
        }
        self.rest: Parameter | None = None
        if code.co_flags & VARARGS:
            self.rest = parameter(names[count + options], "rest")
        from_stdin = [one for one in (*self.arguments, *keywords) if one.stdin]
        if len(from_stdin) > 1:
            raise TypeError(f"{function.__name__}(): one argument can come on standard input")
        self.stdin: Parameter | None = from_stdin[0] if from_stdin else None
        self.last: Parameter | None = self.stdin if self.stdin in keywords else None
        self._check(function)

    def _check(self, function: FunctionType) -> None:
        """Check that standard input is an argument with a fixed number, or the last one."""
        complaint = f"{function.__name__}(): "
        if self.stdin is not None and self.last is None:
            if self.rest is not None and self.options:
                where = "keyword-only, to be the last argument"
            elif self.options and self.stdin is not self.arguments[-1]:
                where = "the last argument: options before it change its number"
            elif self.options and not self.stdin.required:
                where = "required: options before it change its number"
            else:
                where = ""
            if where:
                raise TypeError(f"{complaint}{self.stdin.name} from standard input must be {where}")
        taken: dict[str, str] = {}
        for option in self.options.values():
            for name in spellings(option):
                if taken.get(name, option.name) != option.name:
                    raise TypeError(f"{complaint}{taken[name]} and {option.name} are both {name}")
                taken[name] = option.name

    def __iter__(self) -> Iterator[Parameter]:
        yield from self.arguments
        if self.rest is not None:
            yield self.rest
        if self.last is not None:
            yield self.last
        yield from self.options.values()


class Annotations:
    """The annotations of a function's parameters by name; `str` if there is none."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        try:
            self._found: dict[str, Any] = function.__annotations__
        except NameError as error:  # Python 3.14 evaluates them now
            raise TypeError(f"{function.__name__}(): an annotation: {error}") from None

    def __getitem__(self, name: str) -> Any:
        annotation = self._found.get(name, str)
        while isinstance(annotation, str):
            annotation = self._evaluated(annotation)
        return annotation

    def _evaluated(self, text: str) -> Any:
        """The value of an annotation in a string, in the scope of the function's definition."""
        function = self._function
        names = {"Annotated": Annotated, "Literal": Literal, **function.__globals__}
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        try:
            names.update((name, cell.cell_contents) for name, cell in cells)
            return eval(text, names)  # the program's own source text, evaluated like Python does
        except Exception as error:
            raise TypeError(
                f"has an annotation, {text!r}, that cannot be evaluated: {error}"
            ) from None


def spoken(name: str) -> str:
    """The name for clients of a Python name: `dry_run` is `dry-run`, `import_` is `import`."""
    return name.rstrip("_").replace("_", "-") or name


def spellings(option: Parameter) -> dict[str, bool]:
    """The spellings of an option; for a flag, with the value that each sets.

    For a flag that is True by default, the letter stands for the `--no-` form.
    """
    names = {f"--{option.option}": True}
    if option.type is bool and option.default:
        names[f"--no-{option.option}"] = False
    if option.letter is not None:
        names[f"-{option.letter}"] = option.type is not bool or not option.default
    return names


def is_union(annotation: Any) -> bool:
    """Whether it is `A | B`, `Union` or `Optional`."""
    origin = getattr(annotation, "__origin__", None)
    return (
        type(annotation).__name__ in ("UnionType", "Union")
        or getattr(origin, "_name", None) == "Union"
    )


def _octets(raw: str | bytes) -> bytes:
    """An argument's bytes as they were sent."""
    if isinstance(raw, bytes):
        return raw
    import os

    return os.fsencode(raw)


def _number(kind: Callable[[str], object], text: str) -> object:
    """A number in plain notation: Python also accepts `1_0`, spaces, `nan` and other digits."""
    if not text.isascii() or text.strip("0123456789+-.eE"):
        raise ValueError
    value = kind(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError
    return value
