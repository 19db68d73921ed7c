"""What the tests of Net::Remctl::Backend expect (perl/t/backend of remctl 3.18), expected here.

Each case is one call of theirs, with the status, the output and the errors that they want. Where
ours differ, the difference has its name, and `docs/reference/backend.md` has all of them.
"""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from remctl.backend import Annotated, Backend, Count, Match, Short, Stdin

from tests.backend.conftest import Call, Result

Word = Annotated[str, Match(r"\w+")]


class Called:
    """What functions were called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def function(self, name: str, status: int, like: Callable[..., object]) -> Any:
        """A function that notes its arguments, with the parameters of another."""

        def function(*arguments: object, **options: object) -> int:
            self.calls.append((name, *arguments, *([options] if options else [])))
            return status

        function.__wrapped__ = like  # type: ignore[attr-defined]
        return function


class Case(NamedTuple):
    """One call of theirs: what it is to end in."""

    words: str
    status: int = 0
    called: tuple[object, ...] | None = None
    stderr: str = ""
    stdin: bytes | None = None


def any_number(*arguments: str) -> None: ...
def one_or_more(one: str, /, *arguments: str) -> None: ...
def one_or_two(one: str, two: str = "", /) -> None: ...
def checked(one: str, two: Word = "", /) -> None: ...
def first_from_stdin(one: Annotated[str, Stdin], two: Word, /) -> None: ...
def last_from_stdin(one: str, two: Annotated[Word, Stdin], /) -> None: ...


# basic.t: `cmd1` with more and more that it asks of its arguments.
BASIC: list[tuple[Callable[..., object], Case]] = [
    (any_number, Case("cmd1 arg1 arg2", 1, ("cmd1", "arg1", "arg2"))),
    (any_number, Case("cmd2 arg1 arg2", 2, ("cmd2", "arg1", "arg2"))),
    (one_or_more, Case("cmd1", 255, None, "cmd1: insufficient arguments")),
    (one_or_more, Case("cmd1 arg1", 1, ("cmd1", "arg1"))),
    (one_or_two, Case("cmd1 arg1 arg2", 1, ("cmd1", "arg1", "arg2"))),
    (one_or_two, Case("cmd1 arg1 arg2 arg3", 255, None, "cmd1: too many arguments")),
    (one_or_two, Case("cmd1 arg1 arg2 arg3", 255, None, "foo cmd1: too many arguments")),
    (checked, Case("cmd1 arg1 arg2", 1, ("cmd1", "arg1", "arg2"))),
    (checked, Case("cmd1 arg1 arg-2", 255, None, "foo cmd1: invalid argument: arg-2")),
    (
        first_from_stdin,
        Case("cmd1 arg2", 1, ("cmd1", "some\0data", "arg2"), stdin=b"some\0data"),
    ),
    (
        last_from_stdin,
        Case("cmd1 arg1", 255, None, "foo cmd1: invalid data in argument #2", b"some\0data"),
    ),
    (last_from_stdin, Case("cmd1 arg1", 1, ("cmd1", "arg1", "stin"), stdin=b"stin")),
    (any_number, Case("unknown", 255, None, "Unknown command unknown")),
]

# nested.t.
NESTED = [
    Case("nest cmd1 foo bar", 1, ("cmd1", "foo", "bar")),
    Case("nest cmd2", 2, ("cmd2",)),
    Case("command foo bar", 1, ("cmd1", "foo", "bar")),
    Case("nest", 1, ("cmd1",)),
    Case("nest nest bar foo", 1, ("cmd1", "foo")),
    Case("nest nest foo", 2, ("cmd2",)),
    Case("nest unknown", 255, None, "Unknown command nest unknown"),
    Case("nest nest unknown", 255, None, "Unknown command nest nest unknown"),
    Case("nest nest bar", 255, None, "frobnicate nest nest bar: insufficient arguments"),
]

# options.t.
EVERY = {
    "debug": 2,
    "help": True,
    "input": "bar",
    "output": "foo",
    "sort": False,
    "version": True,
}
OPTIONS = [
    Case("options", 0, ("options",)),
    Case("options --debug --debug -hv --output=foo --no-sort -i bar", 0, ("options", EVERY)),
    Case("options --input foo", 0, ("options", {"input": "foo"})),
    Case("options -i foo mixed --debug", 0, ("options", "mixed", "--debug", {"input": "foo"})),
    Case("options --foo", 255, None, "options: unknown option: foo"),
    Case(
        "number --number=foo",
        255,
        None,
        'number: value "foo" invalid for option number (number expected)',
    ),
]


def ours(name: str, theirs: Case) -> Result:
    """The result that is right here for what they expect, by the differences of the reference."""
    status, stderr = theirs.status, theirs.stderr
    if status == 255:
        status = 2  # a call that is wrong: 255 is that of a program that is
    if stderr.startswith("Unknown command "):
        # One form for all errors: the words that were found, and the one that was not.
        *found, word = stderr.removeprefix("Unknown command ").split()
        stderr = f"{' '.join([name, *found])}: unknown command: {word}"
    elif stderr and not stderr.startswith(f"{name} "):
        stderr = f"{name} {stderr}"  # a backend has a name
    stderr = stderr.replace(
        'value "foo" invalid for option number (number expected)',
        "invalid value for option number: foo",
    )
    return Result(status, "", f"{stderr}\n" if stderr else "")


def check(call: Call, backend: Backend, name: str, called: Called, case: Case) -> None:
    """Call a backend, and compare all that comes of it."""
    assert call(backend, *case.words.split(), stdin=case.stdin) == ours(name, case)
    assert called.calls == ([] if case.called is None else [case.called])


@pytest.mark.parametrize(("like", "case"), BASIC)
def test_arguments(call: Call, like: Callable[..., object], case: Case) -> None:
    called, backend = Called(), Backend("foo")
    backend.command("cmd1")(called.function("cmd1", 1, like))
    backend.command("cmd2")(called.function("cmd2", 2, any_number))
    check(call, backend, "foo", called, case)


def nested(called: Called, *, alone: bool = True) -> Backend:
    """The commands of nested.t."""
    backend = Backend("frobnicate", "Frobnicate remctl help:")
    nest = backend.group("nest")
    deeper = nest.group("nest")
    backend.command("command")(called.function("cmd1", 1, any_number))
    if alone:
        nest.default(called.function("cmd1", 1, lambda: None))
    nest.command("cmd1")(called.function("cmd1", 1, any_number))
    nest.command("cmd2")(called.function("cmd2", 2, lambda: None))
    deeper.command("bar")(called.function("cmd1", 1, one_or_more))
    deeper.command("foo")(called.function("cmd2", 2, any_number))
    return backend


@pytest.mark.parametrize("case", NESTED)
def test_nested_commands(call: Call, case: Case) -> None:
    called = Called()
    check(call, nested(called), "frobnicate", called, case)


def test_a_nest_without_code_of_its_own(call: Call) -> None:
    """There `Unknown command nest`: here the command is known, and lacks a word."""
    called = Called()
    assert call(nested(called, alone=False), "nest") == (
        2,
        "",
        "frobnicate nest: insufficient arguments\n",
    )
    assert called.calls == []


def with_options(
    *arguments: str,
    debug: Annotated[int, Count] = 0,
    help: Annotated[bool, Short("h")] = False,
    input: Annotated[str, Short("i")] = "",
    output: str = "",
    sort: bool = True,
    version: Annotated[bool, Short("v")] = False,
) -> None: ...
def with_number(*, number: int = 0) -> None: ...


@pytest.mark.parametrize("case", OPTIONS)
def test_options(call: Call, case: Case) -> None:
    """What is not given is not passed, so that the function has its own defaults."""
    called, backend = Called(), Backend("test")
    backend.command("options")(called.function("options", 0, with_options))
    backend.command("number")(called.function("number", 0, with_number))
    check(call, backend, "test", called, case)


LONG_SUMMARY = (
    "does the thing and then the other thing unless the second thing is contradicted by the first"
    " thing in which case the third thing is done after the screaming stops"
)


class TestHelp:
    """Theirs is written by hand as `syntax`; ours is made of the parameters: `<arg1> [<arg2>]`."""

    @staticmethod
    def add(backend: Backend, name: str, like: Callable[..., object], summary: str = "") -> None:
        function = Called().function(name, 0, like)
        function.__doc__ = summary
        backend.command(name)(function)

    @staticmethod
    def two(arg1: str, arg2: str = "") -> None: ...

    def backend(self, banner: str = "", cmd2: str = "") -> Backend:
        backend = Backend("foo", banner)
        self.add(backend, "cmd1", self.two, "cmd1 all over the args")
        self.add(backend, "cmd2", lambda: None, cmd2)
        return backend

    def test_without_a_summary(self, call: Call) -> None:
        """A command has a line in the help, whether or not there is anything to say of it."""
        text = "foo cmd1 <arg1> [<arg2>]  cmd1 all over the args\nfoo cmd2\n"
        assert call(self.backend(), "help") == (0, text, "")

    def test_a_long_summary(self, call: Call) -> None:
        text = """\
foo cmd1 <arg1> [<arg2>]  cmd1 all over the args
foo cmd2                  does the thing and then the other thing unless the
                          second thing is contradicted by the first thing in
                          which case the third thing is done after the
                          screaming stops
"""
        assert call(self.backend(cmd2=LONG_SUMMARY), "help") == (0, text, "")

    @pytest.mark.parametrize("newline", ["", "\n"])
    def test_a_banner(self, call: Call, newline: str) -> None:
        text = """\
Foo manipulation remctl help:
  foo cmd1 <arg1> [<arg2>]  cmd1 all over the args
  foo cmd2                  does the thing and then the other thing unless the
                            second thing is contradicted by the first thing in
                            which case the third thing is done after the
                            screaming stops
"""
        banner = f"Foo manipulation remctl help:{newline}"
        assert call(self.backend(banner, LONG_SUMMARY), "help") == (0, text, "")

    def test_a_long_syntax_does_not_move_the_others(self, call: Call) -> None:
        def long(lots_of_long_options_beyond_fifty_columns: str) -> None: ...

        backend = self.backend("Foo manipulation remctl help:", "is short")
        self.add(backend, "cmd3", long, "actually does something very simple")
        text = """\
Foo manipulation remctl help:
  foo cmd1 <arg1> [<arg2>]  cmd1 all over the args
  foo cmd2                  is short
  foo cmd3 <lots-of-long-options-beyond-fifty-columns>
                            actually does something very simple
"""
        assert call(backend, "help") == (0, text, "")

    def test_a_long_syntax_alone(self, call: Call) -> None:
        def long(lots_of_long_options_beyond_fifty_columns: str) -> None: ...

        backend = Backend("foo", "Foo manipulation remctl help:")
        self.add(backend, "cmd3", long, "actually does something very simple")
        text = """\
Foo manipulation remctl help:
  foo cmd3 <lots-of-long-options-beyond-fifty-columns>
                                        actually does something very simple
"""
        assert call(backend, "help") == (0, text, "")

    def test_nested_commands(self, call: Call) -> None:
        """In the order of the program, where theirs is that of the alphabet."""
        backend = Backend("frobnicate", "Frobnicate remctl help:")

        @backend.command
        def command(a: str, b: str, c: str, d: str, e: str) -> None:
            """It is nothing but args!"""

        nest = backend.group("nest")

        @nest.default
        def alone() -> None:
            """the nested command with no subcommand"""

        @nest.command
        def cmd1(arg1: str, arg2: str = "") -> None: ...

        @nest.command
        def cmd2() -> None:
            """apply cmd1 to the nest of arg1"""

        @nest.group("nest").command
        def foo(arg1: str) -> None:
            """even more nesting!"""

        text = """\
Frobnicate remctl help:
  frobnicate command <a> <b> <c> <d> <e>  It is nothing but args!
  frobnicate nest                         the nested command with no subcommand
  frobnicate nest cmd1 <arg1> [<arg2>]
  frobnicate nest cmd2                    apply cmd1 to the nest of arg1
  frobnicate nest nest foo <arg1>         even more nesting!
"""
        assert call(backend, "help") == (0, text, "")

    def test_with_standard_output_closed(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """There `Cannot write to STDOUT`: here the reason is in the log, and not the client's."""
        with open(os.devnull, "w") as closed:
            pass
        for stdout in (closed, None):
            monkeypatch.setattr("sys.stdout", stdout)
            assert self.backend().run(["help"]) == 255
            assert capfd.readouterr().err == "foo: internal error\n"
