"""The help: `--help`, `--summary`, and the same words without dashes."""

import pytest
from remctl.backend import Annotated, Backend, Count, Literal, Match, Secret, Short, Stdin

from tests.backend.conftest import Call

Colour = Literal["red", "blue"]


@pytest.fixture
def backend() -> Backend:
    """One command of each kind."""
    backend = Backend("frob", "Frobnicate:", acl="ANYUSER")
    nest = backend.group("nest")

    @backend.command
    def one(first: str, second: str = "", *more: str) -> None:
        """Do one thing.

        And this is
        how:

            indented
        """

    @backend.command
    def two(
        password: Annotated[str, Secret, Stdin],
        *,
        force: Annotated[bool, Short("f")] = False,
        keep: bool = True,
        dry_run: bool = False,
        verbose: Annotated[int, Count, Short("v")] = 0,
        size: Annotated[int, Short("s")] = 0,
        tag: list[str] = [],  # noqa: B006
        colour: Colour,
    ) -> None:
        """Do another thing, and say so in a summary that is longer than what is left of the line,
        and than one line.
        """

    @nest.default
    def alone() -> None:
        """Show the nest"""

    @nest.command
    def three(*names: Annotated[str, Match("a")], colour: Colour = "red") -> None: ...

    return backend


def test_the_help_has_a_line_for_each_command(call: Call, backend: Backend) -> None:
    text = """\
Frobnicate:
  frob nest                                Show the nest
  frob nest three [--colour=<red|blue>] [<names>...]
  frob one <first> [<second>] [<more>...]  Do one thing.
  frob two [-f|--force] [--no-keep] [--dry-run] [-v|--verbose]... \
[-s|--size=<size>] [--tag=<tag>]... --colour=<red|blue> <password>
                                           Do another thing, and say so in a
                                           summary that is longer than what is
                                           left of the line, and than one line.
"""
    for word in ("help", "--help", "summary", "--summary"):
        assert call(backend, word) == (0, text, "")


def test_the_help_of_one_command_is_its_docstring(call: Call, backend: Backend) -> None:
    text = """\
frob one <first> [<second>] [<more>...]

Do one thing.

And this is
how:

    indented
"""
    assert call(backend, "--help", "one") == (0, text, "")
    assert call(backend, "help", "one") == (0, text, "")


def test_a_command_without_a_docstring_has_its_syntax(call: Call, backend: Backend) -> None:
    text = "frob nest three [--colour=<red|blue>] [<names>...]\n"
    assert call(backend, "--help", "nest", "three") == (0, text, "")


def test_a_group_has_help_of_its_own(call: Call, backend: Backend) -> None:
    text = """\
frob nest                               Show the nest
frob nest three [--colour=<red|blue>] [<names>...]
"""
    text = text.replace(" " * 31 + "Show", "  Show")
    for words in (("--help", "nest"), ("nest", "help"), ("nest", "--help")):
        assert call(backend, *words) == (0, text, "")
    assert call(backend, "nest", "help", "three").status == 0


def test_a_summary_of_one_is_a_piece_of_the_whole(call: Call, backend: Backend) -> None:
    whole = call(backend, "--summary").stdout
    parts = [call(backend, "--summary", name).stdout for name in ("nest", "one", "two")]
    assert call(backend, "--heading").stdout + "".join(parts) == whole


def test_the_heading_has_what_is_called_without_a_subcommand(call: Call, backend: Backend) -> None:
    @backend.default
    def alone() -> None:
        """Show all."""

    text = "Frobnicate:\n  frob                                     Show all.\n"
    assert call(backend, "--heading") == (0, text, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--help unknown", "frob: unknown command: unknown"),
        ("--help nest unknown", "frob: unknown command: unknown"),
        ("--summary unknown", "frob: unknown command: unknown"),
        ("--help one more", "frob: too many arguments"),
        ("--heading one", "frob: too many arguments"),
        ("nest help four", "frob nest: unknown command: four"),
    ],
)
def test_help_for_nothing(call: Call, backend: Backend, words: str, message: str) -> None:
    assert call(backend, *words.split()) == (2, "", f"{message}\n")


def test_a_command_may_be_called_help(call: Call, backend: Backend) -> None:
    @backend.command
    def help() -> None:
        print("mine")

    assert call(backend, "help") == (0, "mine\n", "")
    assert call(backend, "--help").stdout.startswith("Frobnicate:\n")


def test_without_a_banner_nothing_is_indented(call: Call) -> None:
    backend = Backend("frob")
    backend.command("one")(lambda: None)
    assert call(backend, "--help") == (0, "frob one\n", "")
    assert call(backend, "--heading") == (0, "", "")
