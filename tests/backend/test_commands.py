"""Functions become commands, alone and in groups."""

import functools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from remctl.backend import Annotated, Backend, Match

from tests.backend.conftest import Call


@pytest.fixture
def nested() -> Backend:
    """Commands in groups: `frob command`, `frob nest`, `frob nest one`, `frob nest nest two`."""
    backend = Backend("frob", acl="ANYUSER")
    nest = backend.group("nest")
    deeper = nest.group("nest")

    @backend.command
    def command(*arguments: str) -> None:
        print("command", *arguments)

    @nest.default
    def alone() -> int:
        print("alone")
        return 3

    @nest.command
    def one(*arguments: str) -> None:
        print("one", *arguments)

    @deeper.command
    def two(argument: str) -> None:
        print("two", argument)

    return backend


@pytest.mark.parametrize(
    ("words", "status", "stdout"),
    [
        ("command", 0, "command\n"),
        ("command one two", 0, "command one two\n"),
        ("nest", 3, "alone\n"),
        ("nest one nest", 0, "one nest\n"),
        ("nest nest two x", 0, "two x\n"),
    ],
)
def test_the_function_that_the_words_name_is_called(
    call: Call, nested: Backend, words: str, status: int, stdout: str
) -> None:
    assert call(nested, *words.split()) == (status, stdout, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "frob: insufficient arguments"),
        ("unknown", "frob: unknown command: unknown"),
        ("Command", "frob: unknown command: Command"),
        ("\a", "frob: unknown command"),
        ("nest unknown", "frob nest: unknown command: unknown"),
        ("nest nest", "frob nest nest: insufficient arguments"),
        ("nest nest unknown", "frob nest nest: unknown command: unknown"),
        ("nest nest two", "frob nest nest two: insufficient arguments"),
        ("nest nest two x y", "frob nest nest two: too many arguments"),
        ("--unknown", "frob: unknown command: --unknown"),
        ("nest --conf", "frob nest: unknown command: --conf"),
        ("nest summary", "frob nest: unknown command: summary"),
        ("conf", "frob: unknown command: conf"),
    ],
)
def test_words_that_name_none(call: Call, nested: Backend, words: str, message: str) -> None:
    assert call(nested, *words.split()) == (2, "", f"{message}\n")


def test_the_decorators_leave_the_function_as_it_is() -> None:
    backend = Backend("test")

    def one(number: int) -> int:
        return number + 1

    assert backend.command(one) is one
    assert backend.command("two")(one) is one
    assert backend.command("three", acl="ANYUSER", user=0)(one) is one


def test_a_name_is_the_functions_or_another(call: Call) -> None:
    backend = Backend("test")

    @backend.command
    def dry_run() -> None:
        print("dry")

    @backend.command
    def import_() -> None:
        print("import")

    @backend.command("übernehmen")
    def other() -> None:
        print("other")

    for word, stdout in {"dry-run": "dry", "import": "import", "übernehmen": "other"}.items():
        assert call(backend, word) == (0, f"{stdout}\n", "")
    assert call(backend, "dry_run").status == 2


def test_parameters_are_those_below_a_decorator(call: Call) -> None:
    def loudly(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def wrapper(*args: Any, **keywords: Any) -> None:
            print("calling")
            function(*args, **keywords)

        return wrapper

    backend = Backend("test")

    @backend.command
    @loudly
    def do(name: Annotated[str, Match("a+")], *, times: int = 1) -> None:
        print(name * times)

    assert call(backend, "do", "--times=2", "a") == (0, "calling\naa\n", "")
    assert call(backend, "do", "b").stderr == "test do: invalid argument: b\n"


class Class:
    """Not a function."""


async def coroutine() -> None: ...
def generator() -> Iterator[int]:
    yield 1


def keywords(**keywords: str) -> None: ...


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (print, "is not a function"),
        (functools.partial(print), "is not a function"),
        (coroutine, "must be a plain function, not a coroutine or a generator"),
        (generator, "must be a plain function, not a coroutine or a generator"),
        (keywords, "must not take \\*\\* arguments"),
    ],
)
def test_what_cannot_be_a_command(what: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Backend("test").command("do")(what)


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\n", "a\0", "#a", "-a", "a\\", "ALL", "EMPTY", "\xa0"]
)
def test_a_name_fits_into_a_line_of_the_configuration(name: str) -> None:
    backend = Backend("test")
    with pytest.raises(ValueError, match=r"cannot be the name|meaning of its own"):
        backend.command(name)(lambda: None)
    with pytest.raises(ValueError, match=r"cannot be the name|meaning of its own"):
        backend.group(name)
    if name not in ("ALL", "EMPTY"):
        with pytest.raises(ValueError, match="cannot be the name"):
            Backend(name)


def test_a_name_is_a_string() -> None:
    wrong: Any = 7
    with pytest.raises(TypeError, match="a name must be a str, not int"):
        Backend(wrong)
    with pytest.raises(TypeError, match="7 is not a function"):
        Backend("test").command(wrong)


def test_a_name_is_taken_once(nested: Backend) -> None:
    with pytest.raises(ValueError, match="frob has a command"):
        nested.command("command")(lambda: None)
    with pytest.raises(ValueError, match="frob has a nest"):
        nested.group("nest")


def test_a_default_has_no_parameters_and_no_second() -> None:
    backend = Backend("test")

    def one(number: int = 0) -> None: ...

    with pytest.raises(TypeError, match="must have no parameters"):
        backend.default(one)
    with pytest.raises(TypeError, match="must have no parameters"):
        backend.default(lambda *names: None)
    backend.default(lambda: None)
    with pytest.raises(ValueError, match="test has a default"):
        backend.default(lambda: None)


def test_who_and_whom_belong_to_the_first_two_words() -> None:
    group = Backend("test").group("group", acl="ANYUSER", user="nobody")
    with pytest.raises(ValueError, match="belong to test group: remctld looks no further"):
        group.command("do", acl="ANYUSER")
    with pytest.raises(ValueError, match="belong to test group: remctld looks no further"):
        group.group("deeper", user=0)
    with pytest.raises(ValueError, match="belong to test group: remctld looks no further"):
        group.command("do", sudo=0)


@pytest.mark.parametrize("acl", [(), [1], 7])
def test_an_acl_is_strings(acl: Any) -> None:
    with pytest.raises(TypeError):
        Backend("test", acl=acl)


@pytest.mark.parametrize("user", [1.5, True, b"root"])
def test_a_user_is_a_name_or_a_number(user: Any) -> None:
    with pytest.raises(TypeError, match="user must be a name or a number"):
        Backend("test", user=user)
    with pytest.raises(TypeError, match="sudo must be a name or a number"):
        Backend("test", sudo=user)


def test_a_banner_is_a_text() -> None:
    wrong: Any = ["Test:"]
    with pytest.raises(TypeError, match="banner must be a str, not list"):
        Backend("test", wrong)


def test_the_words_are_several(nested: Backend) -> None:
    with pytest.raises(TypeError, match="arguments must be a list of words, not 'command'"):
        nested.run("command")


FUTURE = """
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Annotated, Literal

from remctl.backend import Backend, Match

backend = Backend("test", acl="ANYUSER")


def make(word: str) -> None:
    Name = Annotated[str, Match(word)] if word else None
    Local = int

    @backend.command
    def closed(name: Later, number: Local, size: Literal["1", "2"] | None = None) -> Nothing:
        print(name, number, size)
        Local  # in an annotation alone a name is no closure


Later = Annotated_ = __import__("remctl.backend").backend.Annotated[str, Match("a+")]


def plain(name: Annotated[str, Match("a+")], number: "int" = 0, *, flag: bool = False) -> Nothing:
    print(name, number, flag)


backend.command(plain)
"""


def test_annotations_may_be_strings(tmp_path: Path, call: Call) -> None:
    """As `from __future__ import annotations` makes them; evaluated when it is made a command."""
    namespace: dict[str, Any] = {}
    exec(compile(FUTURE, "future", "exec"), namespace)
    backend = namespace["backend"]
    assert call(backend, "plain", "--flag", "aa", "3") == (0, "aa 3 True\n", "")
    assert call(backend, "plain", "b").stderr == "test plain: invalid argument: b\n"
    assert call(backend, "plain", "a", "b").stderr == "test plain: invalid argument: b\n"
    namespace["make"]("")
    assert call(backend, "closed", "a", "3", "2") == (0, "a 3 2\n", "")
    assert call(backend, "closed", "b", "3").stderr == "test closed: invalid argument: b\n"
    assert call(backend, "--conf").status == 0


LAZY = """
from remctl.backend import Annotated, Backend, Match

backend = Backend("test", acl="ANYUSER")


@backend.command
def do(name: Later) -> None:
    print(name)


Later = Annotated[str, Match("a+")]
"""


if sys.version_info >= (3, 14):

    def test_annotations_are_evaluated_where_the_function_is_made_a_command() -> None:
        namespace: dict[str, Any] = {}
        with pytest.raises(TypeError, match=r"do\(\): an annotation: name 'Later' is not defined"):
            exec(compile(LAZY, "lazy", "exec"), namespace)


if sys.version_info >= (3, 12):

    def test_an_annotation_may_be_a_type_statements(call: Call) -> None:
        namespace: dict[str, Any] = {"Annotated": Annotated, "Match": Match}
        exec('type Name = Annotated[str, Match("a+")]\ndef do(name: Name): print(name)', namespace)
        backend = Backend("test")
        backend.command(namespace["do"])
        assert call(backend, "do", "aa") == (0, "aa\n", "")
        assert call(backend, "do", "b").status == 2


def test_text_is_utf8_whatever_the_locale_says(tmp_path: Path) -> None:
    script = tmp_path / "test"
    script.write_text(
        "from remctl.backend import Backend\n"
        "backend = Backend('test')\n"
        "@backend.command\n"
        "def show(text: str): print(ascii(text), text)\n"
        "backend.main()\n"
    )
    for locale in ("C", "POSIX", "C.UTF-8"):
        done = subprocess.run(
            [sys.executable, "-I", "-X", "utf8=0", script, "show", "é€"],
            capture_output=True,
            env={"LC_ALL": locale},
            check=True,
        )
        assert done.stdout == b"'\\xe9\\u20ac' " + "é€\n".encode()
