"""Parameters of a function are the arguments of its command."""

import decimal
import enum
import ipaddress
import re
import typing
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from remctl.backend import Annotated, Backend, Count, Literal, Match, Secret, Stdin, UsageError

from tests.backend.conftest import Call
from tests.support.ids import shown

Size = Literal["small", "large"]
Level = typing.Literal["1", 2]
UserId = typing.NewType("UserId", int)


class Colour(enum.Enum):
    RED = "red"
    DARK = "dark blue"


def taker(function: Callable[..., None]) -> Backend:
    """A backend whose command `do` is a function."""
    backend = Backend("test", acl="ANYUSER")
    backend.command("do")(function)
    return backend


class TestNumber:
    @pytest.mark.parametrize(
        ("words", "taken"),
        [
            (["a"], ("a", "b", ())),
            (["1", "2"], ("1", "2", ())),
            (["1", "2", "3", "4"], ("1", "2", ("3", "4"))),
            (["", "-x", "--"], ("", "-x", ("--",))),
        ],
    )
    def test_defaults_and_the_rest(
        self, call: Call, words: list[str], taken: tuple[object, ...]
    ) -> None:
        def do(one, two="b", *rest):  # type: ignore[no-untyped-def]
            print((one, two, rest))

        assert call(taker(do), "do", *words) == (0, f"{taken}\n", "")

    def test_too_few(self, call: Call) -> None:
        def do(one: str, two: str, three: str = "") -> None:
            raise AssertionError

        assert call(taker(do), "do", "1") == (2, "", "test do: insufficient arguments\n")

    def test_too_many(self, call: Call) -> None:
        def do(one: str = "", /) -> None:
            raise AssertionError

        assert call(taker(do), "do", "1", "2") == (2, "", "test do: too many arguments\n")


VALUES: list[tuple[object, str, object]] = [
    (str, "é\n", "é\n"),
    (bytes, "é", "é".encode()),
    (bytes, "\udcff", b"\xff"),
    (int, "-12", -12),
    (float, "1.5e3", 1500.0),
    (Path, "/etc", Path("/etc")),
    (ipaddress.IPv4Address, "127.0.0.1", ipaddress.IPv4Address("127.0.0.1")),
    (decimal.Decimal, "1.10", decimal.Decimal("1.10")),
    (UserId, "7", 7),
    (Size, "small", "small"),
    (Level, "2", 2),
    (Colour, "dark blue", Colour.DARK),
    (int | None, "3", 3),
    (typing.Optional[int], "3", 3),  # noqa: UP045
    (Size | None, "large", "large"),
    (None | Size, "large", "large"),
    (Annotated[int, Match("[0-9]{2}")], "10", 10),
    (Annotated[Annotated[str, Match("a.*")], Match("a+"), "of no meaning here"], "aa", "aa"),
    (Annotated[str, Match("a"), Secret] | None, "a", "a"),
    (typing.Annotated[bytes, Match(b"a+")], "aa", b"aa"),
    (Annotated[date, date.fromisoformat], "2026-01-02", date(2026, 1, 2)),
    (Annotated[int, abs, str], "-3", "3"),
]


@pytest.mark.parametrize(("annotation", "word", "value"), VALUES, ids=shown)
def test_an_argument_becomes_what_its_annotation_says(
    call: Call, annotation: object, word: str, value: object
) -> None:
    taken = []

    def do(argument) -> None:  # type: ignore[no-untyped-def]
        taken.append(argument)

    do.__annotations__["argument"] = annotation
    assert call(taker(do), "do", word) == (0, "", "")
    assert (taken, type(taken[0])) == ([value], type(value))


WRONG: list[tuple[object, str, str]] = [
    (str, "\udcff", "invalid data in argument #1"),
    (int, "x", "invalid argument: x"),
    (int, "", "invalid argument: "),
    (int, "1_0", "invalid argument: 1_0"),
    (int, " 1", "invalid argument:  1"),
    (int, "٣", "invalid argument: ٣"),
    (int, "9" * 5000, f"invalid argument: {'9' * 5000}"),
    (float, "nan", "invalid argument: nan"),
    (float, "1e999", "invalid argument: 1e999"),
    (decimal.Decimal, "x", "invalid argument: x"),
    (ipaddress.IPv4Address, "300.0.0.1", "invalid argument: 300.0.0.1"),
    (Size, "huge", "invalid argument: huge (choose from small, large)"),
    (Colour, "\x1b[31m", "invalid data in argument #1 (choose from red, dark blue)"),
    (Annotated[str, Match("a")], "ab", "invalid argument: ab"),
    (Annotated[str, Match("a$")], "a\n", "invalid data in argument #1"),
    (Annotated[str, Match("a"), Secret], "password", "invalid data in argument #1"),
    (Annotated[date, date.fromisoformat], "today", "invalid argument: today"),
]


@pytest.mark.parametrize(("annotation", "word", "message"), WRONG, ids=shown)
def test_an_argument_that_does_not_fit_is_refused(
    call: Call, annotation: object, word: str, message: str
) -> None:
    def do(argument) -> None:  # type: ignore[no-untyped-def]
        raise AssertionError

    do.__annotations__["argument"] = annotation
    assert call(taker(do), "do", word) == (2, "", f"test do: {message}\n")


def test_every_one_of_the_rest_is_checked(call: Call) -> None:
    def do(*names: Annotated[str, Match("[a-z]+")]) -> None:
        raise AssertionError

    assert call(taker(do), "do", "a", "B") == (2, "", "test do: invalid argument: B\n")


def test_a_function_in_the_annotation_may_say_what_is_wrong(call: Call) -> None:
    def existing(name: str) -> str:
        raise UsageError(f"there is no {name}")

    def do(name: Annotated[str, existing]) -> None:
        raise AssertionError

    assert call(taker(do), "do", "alice") == (2, "", "test do: there is no alice\n")


class TestStdin:
    def test_bytes(self, call: Call) -> None:
        def do(name: str, data: Annotated[bytes, Stdin]) -> None:
            print(name, data)

        assert call(taker(do), "do", "a", stdin=b"\0\xff") == (0, "a b'\\x00\\xff'\n", "")

    def test_text(self, call: Call) -> None:
        def do(text: Annotated[str, Stdin]) -> None:
            print(ascii(text))

        backend = taker(do)
        assert call(backend, "do", stdin="é\r\n".encode()) == (0, "'\\xe9\\r\\n'\n", "")
        assert call(backend, "do", stdin=b"\xff").stderr == (
            "test do: invalid data in argument #1\n"
        )

    def test_in_front_of_others(self, call: Call) -> None:
        def do(text: Annotated[str, Stdin], name: str) -> None:
            print(text, name)

        assert call(taker(do), "do", "name", stdin=b"text") == (0, "text name\n", "")

    def test_behind_any_number(self, call: Call) -> None:
        def do(*names: str, text: Annotated[str, Stdin, Match("[a-z]+")]) -> None:
            print(names, text)

        backend = taker(do)
        assert call(backend, "do", "a", "b", stdin=b"text") == (0, "('a', 'b') text\n", "")
        assert call(backend, "do", stdin=b"text") == (0, "() text\n", "")
        assert call(backend, "do", "a", stdin=b"TEXT") == (
            2,
            "",
            "test do: invalid data in argument #2\n",
        )

    def test_counts_as_an_argument(self, call: Call) -> None:
        def do(name: str, text: Annotated[str, Stdin]) -> None:
            raise AssertionError

        backend = taker(do)
        few, many = "test do: insufficient arguments\n", "test do: too many arguments\n"
        assert call(backend, "do", stdin=b"text") == (2, "", few)
        assert call(backend, "do", "name") == (2, "", few)
        assert call(backend, "do", "name", "more", stdin=b"text") == (2, "", many)

    def test_one_that_is_empty_is_not_missing(self, call: Call) -> None:
        def do(text: Annotated[str, Stdin] = "missing", more: str = "") -> None:
            print(repr(text))

        backend = taker(do)
        assert call(backend, "do", stdin=b"") == (0, "''\n", "")
        assert call(backend, "do") == (0, "'missing'\n", "")
        assert call(backend, "do", "more") == (2, "", "test do: too many arguments\n")


def rest_is_bool(*args: bool) -> None: ...
def argument_is_bool(force: bool = False) -> None: ...
def argument_is_list(names: list[str]) -> None: ...
def bare_list(*, names: list) -> None: ...  # type: ignore[type-arg]
def bool_is_required(*, force: bool) -> None: ...
def two_types(name: int | str) -> None: ...
def a_dict(name: dict[str, str]) -> None: ...
def a_pair(*, name: tuple[str, str]) -> None: ...
def not_a_type(name: typing.Callable[..., None]) -> None: ...
def bytes_with_text(name: Annotated[bytes, Match("a")]) -> None: ...
def text_with_bytes(name: Annotated[str, Match(b"a")]) -> None: ...
def no_such_name(name: "Nothing") -> None: ...  # type: ignore[name-defined]  # noqa: F821
def two_from_stdin(a: Annotated[str, Stdin], b: Annotated[str, Stdin]) -> None: ...
def rest_from_stdin(*a: Annotated[str, Stdin]) -> None: ...
def last_has_default(*, a: Annotated[str, Stdin] = "") -> None: ...
def argument_is_counted(a: Annotated[int, Count] = 0) -> None: ...
def rest_is_counted(*a: Annotated[int, Count]) -> None: ...
def counted_text(*, a: Annotated[str, Count] = "") -> None: ...
def counted_from_nowhere(*, a: Annotated[int, Count]) -> None: ...
def counted_from_none(*, a: Annotated[int | None, Count] = None) -> None: ...
def counted_and_checked(*, a: Annotated[int, Count, Match("1")] = 0) -> None: ...
def counted_secret(*, a: Annotated[int, Count, Secret] = 0) -> None: ...
def number_varies(a: Annotated[str, Stdin], b: str, *, force: bool = False) -> None: ...
def number_varies_more(a: Annotated[str, Stdin], *b: str, force: bool = False) -> None: ...
def may_be_missing(a: Annotated[str, Stdin] = "", *, force: bool = False) -> None: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (rest_is_bool, "the parameter args is a bool, so it must be keyword-only"),
        (argument_is_bool, "the parameter force is a bool, so it must be keyword-only"),
        (argument_is_list, "the parameter names is a list; *names takes many arguments"),
        (bare_list, "the parameter names cannot be a <class 'list'>"),
        (bool_is_required, "the parameter force is a bool, which has a default"),
        (two_types, "the parameter name may be of one type, and None"),
        (a_dict, "the parameter name cannot be a dict[str, str]"),
        (a_pair, "the parameter name may be list[T] or tuple[T, ...]"),
        (not_a_type, "the parameter name cannot be a typing.Callable"),
        (bytes_with_text, "the parameter name is bytes, which Match('a') does not fit"),
        (text_with_bytes, "the parameter name is str, which Match(b'a') does not fit"),
        (no_such_name, "the parameter name has an annotation, 'Nothing', that cannot be evaluated"),
        (two_from_stdin, "one argument can come on standard input"),
        (rest_from_stdin, "the parameter a is many arguments; one can come on standard input"),
        (last_has_default, "the parameter a comes last on standard input, so it can have no"),
        (argument_is_counted, "the parameter a is counted, so it must be keyword-only"),
        (rest_is_counted, "the parameter a is counted, so it must be keyword-only"),
        (counted_text, "the parameter a is counted, so it must be an int with a default"),
        (counted_from_nowhere, "the parameter a is counted, so it must be an int with a default"),
        (counted_from_none, "the parameter a is counted, so it must be an int with a default"),
        (counted_and_checked, "the parameter a is counted, which leaves no text to check"),
        (counted_secret, "the parameter a is counted, which leaves no text to check"),
        (number_varies, "a from standard input must be the last argument"),
        (number_varies_more, "a from standard input must be keyword-only"),
        (may_be_missing, "a from standard input must be required"),
    ],
)
def test_a_function_that_cannot_be_a_command_is_named_with_the_reason(
    function: Callable[..., None], message: str
) -> None:
    """Where it is made one, and not when somebody calls it or asks for help."""
    with pytest.raises(TypeError, match=re.escape(f"{function.__name__}(): {message}")):
        taker(function)


def test_a_group_says_it_too() -> None:
    with pytest.raises(TypeError, match="the parameter name may be of one type"):
        Backend("test").group("group").command("do")(two_types)


def test_a_name_whose_function_cannot_be_a_command_is_still_free(call: Call) -> None:
    backend = Backend("test")
    with pytest.raises(TypeError):
        backend.command("do")(two_types)
    backend.command("do")(lambda: print("done"))
    assert call(backend, "do") == (0, "done\n", "")


@pytest.mark.parametrize("pattern", [7, None])
def test_match_takes_a_pattern(pattern: typing.Any) -> None:
    with pytest.raises(TypeError, match="pattern must be str or bytes"):
        Match(pattern)


def test_annotated_says_something() -> None:
    with pytest.raises(TypeError, match="at least one mark"):
        Annotated[str]
    assert (
        repr(Annotated[str, Match("a"), Secret]) == "Annotated[<class 'str'>, Match('a'), Secret]"
    )
    assert repr(Size) == "Literal['small', 'large']"
