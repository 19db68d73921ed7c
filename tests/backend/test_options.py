"""Keyword-only parameters are options."""

from collections.abc import Callable
from typing import Any

import pytest
from remctl.backend import Annotated, Backend, Count, Literal, Match, Short

from tests.backend.conftest import Call

Colour = Literal["red", "blue"]

backend = Backend("test", acl="ANYUSER")


@backend.command()
def do(
    *arguments: str,
    debug: Annotated[bool, Short("d")] = False,
    sort: bool = True,
    dry_run: Annotated[bool | None, Short("n")] = None,
    input: Annotated[str, Short("i")] = "",
    size: Annotated[int, Short("s"), Match("[0-9]+")] = 0,
    colour: Colour = "red",
    tag: Annotated[list[str], Short("t")] = [],  # noqa: B006
    number: tuple[int, ...] = (),
    from_: str = "",
    verbose: Annotated[int, Count, Short("v")] = 0,
    quiet: Annotated[bool, Short("q")] = True,
) -> None:
    """Show what is given."""
    given = {
        "debug": debug,
        "sort": sort,
        "dry_run": dry_run,
        "input": input,
        "size": size,
        "colour": colour,
        "tag": tag,
        "number": number,
        "from_": from_,
        "verbose": verbose,
        "quiet": quiet,
    }
    print(arguments, {key: value for key, value in given.items() if value != DEFAULTS[key]})


DEFAULTS = do.__kwdefaults__ or {}


@pytest.mark.parametrize(
    ("words", "arguments", "options"),
    [
        ([], (), {}),
        (["a", "-d"], ("a", "-d"), {}),
        (["-"], ("-",), {}),
        (["--", "-d"], ("-d",), {}),
        (["-d", "--", "--"], ("--",), {"debug": True}),
        (["--debug", "--no-sort"], (), {"debug": True, "sort": False}),
        (["--sort"], (), {}),
        (["--quiet", "a"], ("a",), {}),
        (["--no-quiet"], (), {"quiet": False}),
        (["-q"], (), {"quiet": False}),
        (["-v"], (), {"verbose": 1}),
        (["-vv", "--verbose"], (), {"verbose": 3}),
        (["-vdv", "-v"], (), {"debug": True, "verbose": 3}),
        (["--dry-run"], (), {"dry_run": True}),
        (["-dn", "a"], ("a",), {"debug": True, "dry_run": True}),
        (["-dni", "file", "a"], ("a",), {"debug": True, "dry_run": True, "input": "file"}),
        (["-difile"], (), {"debug": True, "input": "file"}),
        (["-i=x"], (), {"input": "=x"}),
        (["-i", "--", "a"], ("a",), {"input": "--"}),
        (["--input=file"], (), {"input": "file"}),
        (["--input="], (), {}),
        (["--input=a=b"], (), {"input": "a=b"}),
        (["--input", "-d"], (), {"input": "-d"}),
        (["-s3", "--colour=blue"], (), {"size": 3, "colour": "blue"}),
        (["-ta", "--tag", "b", "-t", "c"], (), {"tag": ["a", "b", "c"]}),
        (["--number=1", "--number=2"], (), {"number": (1, 2)}),
        (["--from", "x"], (), {"from_": "x"}),
    ],
)
def test_options(
    call: Call, words: list[str], arguments: tuple[str, ...], options: dict[str, Any]
) -> None:
    assert call(backend, "do", *words) == (0, f"{arguments} {options}\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--foo"], "unknown option: foo"),
        (["-dx"], "unknown option: x"),
        (["--deb"], "unknown option: deb"),
        (["--sort", "--no-sort"], "option sort is given twice"),
        (["--no-sort", "--sort"], "option sort is given twice"),
        (["--sort=yes"], "option sort does not take an argument"),
        (["--verbose=2"], "option verbose does not take an argument"),
        (["--no-verbose"], "unknown option: no-verbose"),
        (["--no-debug"], "unknown option: no-debug"),
        (["--dry_run"], "unknown option: dry_run"),
        (["--\x1b"], "unknown option"),
        (["--input"], "option input requires an argument"),
        (["-di"], "option i requires an argument"),
        (["--debug=yes"], "option debug does not take an argument"),
        (["-dd"], "option debug is given twice"),
        (["-i", "a", "--input=b"], "option input is given twice"),
        (["--size=x"], "invalid value for option size: x"),
        (["--size=\x07"], "invalid value for option size"),
        (["--colour=green"], "invalid value for option colour: green (choose from red, blue)"),
        (["--number=1", "--number=x"], "invalid value for option number: x"),
    ],
)
def test_what_is_wrong_with_options(call: Call, words: list[str], message: str) -> None:
    assert call(backend, "do", *words) == (2, "", f"test do: {message}\n")


def test_one_without_a_default_has_to_be_given(call: Call) -> None:
    backend = Backend("test")

    @backend.command
    def do(*, shell: str) -> None:
        print(shell)

    assert call(backend, "do", "--shell=sh") == (0, "sh\n", "")
    assert call(backend, "do") == (2, "", "test do: option shell is missing\n")


def test_a_command_without_options_takes_all_words_as_arguments(call: Call) -> None:
    backend = Backend("test")

    @backend.command
    def do(*arguments: str) -> None:
        print(arguments)

    words = ("--", "-5", "--help")
    assert call(backend, "do", *words) == (0, f"{words}\n", "")


@pytest.mark.parametrize("letter", ["", "ab", "-", "é", 1])
def test_short_takes_a_letter(letter: Any) -> None:
    with pytest.raises(ValueError, match="letter must be one ASCII letter or digit"):
        Short(letter)


def same_letter(*, a: Annotated[str, Short("x")] = "", b: Annotated[str, Short("x")] = "") -> None:
    """Two options of one letter."""


def same_word(*, keep: bool = True, no_keep: bool = False) -> None: ...
def same_positive(*, no_keep: bool = True, keep: bool = True) -> None: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (same_letter, "a and b are both -x"),
        (same_word, "keep and no_keep are both --no-keep"),
        (same_positive, "no_keep and keep are both --no-keep"),
    ],
)
def test_two_options_of_the_same_name(function: Callable[..., None], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Backend("test").command(function)


def test_an_argument_has_no_letter() -> None:
    def do(a: Annotated[str, Short("x")]) -> None: ...

    with pytest.raises(TypeError, match="is an argument, which has no Short letter"):
        Backend("test").command(do)


def test_a_count_goes_on_from_its_default(call: Call) -> None:
    backend = Backend("test")

    @backend.command
    def do(*, level: Annotated[int, Count] = 3) -> None:
        print(level)

    assert call(backend, "do", "--level", "--level").stdout == "5\n"
