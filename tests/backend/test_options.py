"""Keyword-only parameters are options."""

from typing import Any

import pytest
from remctl.backend import Annotated, Backend, Literal, Match, Short

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
        (["--sort"], "unknown option: sort"),
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


def test_two_options_of_the_same_name(call: Call) -> None:
    backend = Backend("test", acl="ANYUSER")

    @backend.command
    def do(*, a: Annotated[str, Short("x")] = "", b: Annotated[str, Short("x")] = "") -> None: ...

    assert call(backend, "--conf").stderr.endswith("test: do(): a and b are both -x\n")


def test_an_argument_has_no_letter(call: Call) -> None:
    backend = Backend("test", acl="ANYUSER")

    @backend.command
    def do(a: Annotated[str, Short("x")]) -> None: ...

    assert "is an argument, which has no Short letter" in call(backend, "--conf").stderr
