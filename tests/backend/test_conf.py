"""`--conf` prints the lines for `remctld.conf`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from remctl.backend import Annotated, Backend, Count, Secret, Short, Stdin

from tests.backend.conftest import Call, program


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of the program, which can be run."""
    path = program(tmp_path, "pass\n")
    monkeypatch.setattr(sys, "argv", [str(path)])
    return str(path)


def options(call: Call, backend: Backend, name: str = "do") -> dict[str, str]:
    """The options in the line of a subcommand."""
    status, stdout, stderr = call(backend, "--conf", "ANYUSER")
    assert (status, stderr) == (0, "")
    (line,) = (line for line in stdout.splitlines() if line.split()[1] == name)
    return dict(word.split("=", 1) for word in line.split()[3:] if "=" in word)


def test_a_line_for_each_subcommand(call: Call, installed: str) -> None:
    backend = Backend("accounts", "Accounts:", acl=["file:/acl/a", "princ:b@C"], user="nobody")
    group = backend.group("quota", user=0)
    backend.command("show")(lambda: None)
    backend.command("open", acl="ANYUSER")(lambda: None)
    group.command("get")(lambda: None)
    about = "help=--help summary=--summary user"
    assert call(backend, "--conf") == (
        0,
        f"""\
accounts EMPTY {installed} help=--help summary=--heading user=nobody file:/acl/a princ:b@C
accounts quota {installed} {about}=0 file:/acl/a princ:b@C
accounts show {installed} {about}=nobody file:/acl/a princ:b@C
accounts open {installed} {about}=nobody ANYUSER
""",
        "",
    )


def test_sudo_is_the_first_two_words_or_the_backends(call: Call, installed: str) -> None:
    backend = Backend("test", acl="ANYUSER", user="daemon", sudo="nobody")
    backend.command("by-name", sudo="root")(lambda: None)
    backend.command("by-number", user="bin", sudo=0)(lambda: None)
    backend.group("nest").command("inner")(lambda: None)
    lines = [line.split()[1:] for line in call(backend, "--conf").stdout.splitlines()]
    assert [(word, *rest[-3:-1]) for word, _, *rest in lines] == [
        ("EMPTY", "user=daemon", "sudo=nobody"),
        ("by-name", "user=daemon", "sudo=root"),
        ("by-number", "user=bin", "sudo=#0"),
        ("nest", "user=daemon", "sudo=nobody"),
    ]


def test_the_acl_may_be_given_when_it_is_printed(call: Call, installed: str) -> None:
    backend = Backend("test")
    backend.command("one")(lambda: None)
    backend.command("two", acl="ANYUSER")(lambda: None)
    about = "help=--help summary=--summary"
    assert call(backend, "--conf", "file:/a", "file:/b").stdout == (
        f"test EMPTY {installed} help=--help file:/a file:/b\n"
        f"test one {installed} {about} file:/a file:/b\n"
        f"test two {installed} {about} ANYUSER\n"
    )
    assert call(backend, "--conf") == (1, "", "test: test one has no acl: nobody could run it\n")


def test_clients_do_not_see_it(call: Call, installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where remctld passes on everything (`test ALL`)."""
    backend = Backend("test", acl="ANYUSER")
    monkeypatch.setenv("REMOTE_USER", "alice@EXAMPLE.ORG")
    assert call(backend, "--conf") == (2, "", "test: unknown command: --conf\n")


@pytest.mark.parametrize("acl", ["", "file:/a b", "file:/a\\", "a=b", "a-1=b"])
def test_what_is_no_word_of_the_configuration(call: Call, installed: str, acl: str) -> None:
    backend = Backend("test", acl=["ANYUSER", acl])
    backend.command("do")(lambda: None)
    status, stdout, stderr = call(backend, "--conf")
    assert (status, stdout) == (1, "")
    assert stderr.startswith("test: test EMPTY: ")


def test_a_path_with_a_space_is_no_word(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(program(tmp_path, "pass\n", "a b"))])
    assert "cannot be one word" in call(Backend("test", acl="ANYUSER"), "--conf").stderr


def test_a_program_that_cannot_run_is_told(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "missing")])
    status, _, stderr = call(Backend("test", acl="ANYUSER"), "--conf")
    assert (status, stderr) == (0, f"test: {tmp_path}/missing is not executable\n")


def plain(a: str, b: str = "") -> None: ...
def second(a: str, b: Annotated[str, Stdin]) -> None: ...
def first(a: Annotated[str, Stdin], b: str, *c: str) -> None: ...
def optional(a: str, b: Annotated[str, Stdin] = "") -> None: ...
def keyword(a: str, *, b: Annotated[str, Stdin]) -> None: ...
def behind_optional(a: str = "", *, b: Annotated[str, Stdin]) -> None: ...
def behind_rest(*a: str, b: Annotated[str, Stdin]) -> None: ...
def behind_options(a: Annotated[str, Stdin], *, force: bool = False) -> None: ...
def behind_all(*a: str, b: Annotated[str, Stdin], force: bool = False) -> None: ...


@pytest.mark.parametrize(
    ("function", "number"),
    [
        (plain, None),
        (second, 3),
        (first, 2),
        (optional, 3),
        (keyword, 3),
        (behind_optional, "last"),
        (behind_rest, "last"),
        (behind_options, "last"),
        (behind_all, "last"),
    ],
)
def test_standard_input_is_a_number_where_it_has_one(
    call: Call, installed: str, function: Callable[..., None], number: int | str | None
) -> None:
    backend = Backend("test")
    backend.command("do")(function)
    backend.group("group").command("do")(function)
    assert options(call, backend).get("stdin") == (None if number is None else str(number))
    deeper = number + 1 if isinstance(number, int) else number
    assert options(call, backend, "group").get("stdin") == (None if deeper is None else str(deeper))


def test_commands_of_a_group_may_differ_where_remctld_can_tell(call: Call, installed: str) -> None:
    backend = Backend("test")
    group = backend.group("group")

    @group.command
    def get(name: str) -> None: ...

    @group.command
    def set(name: str, value: Annotated[str, Stdin]) -> None: ...

    assert options(call, backend, "group")["stdin"] == "4"


def too_many(a: str, b: str) -> None: ...
def any_number(*a: str) -> None: ...
def with_option(a: str, *, b: str = "") -> None: ...
def with_options(a: str = "", *, b: list[str] = []) -> None: ...  # noqa: B006


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (second, first),
        (second, behind_rest),
        (second, too_many),
        (second, any_number),
        (second, with_option),
        (second, with_options),
        (behind_rest, plain),
    ],
)
def test_commands_of_a_group_that_remctld_could_not_serve(
    call: Call, installed: str, one: Callable[..., None], two: Callable[..., None]
) -> None:
    for functions in ((one, two), (two, one)):
        backend = Backend("test", acl="ANYUSER")
        group = backend.group("group")
        names = [
            f"test group {group.command(each).__name__.replace('_', '-')}" for each in functions
        ]
        assert call(backend, "--conf").stderr == (
            f"test: {' and '.join(names)} are one line of remctld.conf,"
            " and differ in what comes on standard input\n"
        )


def one_secret(a: str, b: Annotated[str, Secret]) -> None: ...
def two_secrets(a: Annotated[str, Secret], b: str, c: Annotated[str, Secret] = "") -> None: ...
def on_stdin(a: str, b: Annotated[str, Secret, Stdin]) -> None: ...
def with_flag(a: Annotated[str, Secret], *, force: bool = False) -> None: ...
def with_value(a: Annotated[str, Secret], *, size: int = 0) -> None: ...
def in_option(a: str, *, key: Annotated[str, Secret] = "", force: bool = False) -> None: ...


@pytest.mark.parametrize(
    ("function", "places"),
    [
        (plain, None),
        (one_secret, "3"),
        (two_secrets, "2,4"),
        (on_stdin, None),  # remctld logs it as **DATA**
        (with_flag, "2,3,4"),  # do A, do --force A, do --force -- A
        (with_value, "2,3,4,5"),  # do --size 3 -- A
        (in_option, "2,3,4,5"),  # do --force --key A
    ],
)
def test_secrets_are_masked_wherever_they_may_stand(
    call: Call, installed: str, function: Callable[..., None], places: str | None
) -> None:
    backend = Backend("test")
    backend.command("do")(function)
    assert options(call, backend).get("logmask") == places


def secret_rest(*a: Annotated[str, Secret]) -> None: ...
def secret_list(*, a: Annotated[list[str], Secret] = []) -> None: ...  # noqa: B006
def behind_a_count(a: Annotated[str, Secret], *, v: Annotated[int, Count] = 0) -> None: ...
def behind_a_list(a: Annotated[str, Secret], *, b: list[str] = []) -> None: ...  # noqa: B006


@pytest.mark.parametrize("function", [secret_rest, secret_list, behind_a_list, behind_a_count])
def test_a_secret_that_may_stand_anywhere_cannot_be_masked(
    call: Call, installed: str, function: Callable[..., None]
) -> None:
    backend = Backend("test", acl="ANYUSER")
    backend.command("do")(function)
    assert call(backend, "--conf") == (
        1,
        "",
        "test: test do: the position of a varies, and remctld masks arguments by number;"
        " pass a secret on standard input\n",
    )


def test_what_is_printed_does_not_depend_on_where(tmp_path: Path) -> None:
    text = "from remctl.backend import Backend\nBackend('test', acl='ANYUSER').main()\n"
    program(tmp_path, text)
    printed: Any = subprocess.check_output(["./backend", "--conf"], cwd=tmp_path, text=True)
    assert printed == f"test EMPTY {tmp_path}/backend help=--help ANYUSER\n"


def test_a_bundle_is_masked_with_its_letter(call: Call, installed: str) -> None:
    backend = Backend("test")

    @backend.command
    def do(*, key: Annotated[str, Secret, Short("k")] = "", loud: bool = False) -> None: ...

    assert options(call, backend)["logmask"] == "2,3,4,5"
