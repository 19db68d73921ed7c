"""`typing.get_type_hints()` is true for all that is public."""

import datetime
import inspect
import socket
import subprocess
import sys
import types
import typing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

import pytest
import remctl
import remctl.backend
import remctl.testing
from remctl._binary_file import BinaryFile
from remctl._many.asynchronous import Outcomes

MODULES = (remctl, remctl.testing, remctl.backend)


def functions(thing: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions of a public name: itself, or a class's methods and properties."""
    if inspect.isfunction(thing):
        yield thing.__qualname__, thing
    elif inspect.isclass(thing):
        for owner in thing.__mro__:
            if owner.__module__.partition(".")[0] != "remctl":
                continue
            for name, member in vars(owner).items():
                function = getattr(member, "fget", None) or getattr(member, "__func__", member)
                public = not name.startswith("_") or name.startswith("__")
                if public and inspect.isfunction(function):
                    yield f"{thing.__qualname__}.{name}", function


ALL: dict[str, Callable[..., Any]] = {
    f"{module.__name__}.{name}": function
    for module in MODULES
    for public in module.__all__
    for name, function in functions(getattr(module, public))
} | {f"run_many.{name}": one for name, one in functions(Outcomes) if "__init__" not in name}


def mentions(hint: Any, what: object) -> bool:
    """Whether a type is a part of another."""
    return hint is what or any(mentions(part, what) for part in typing.get_args(hint))


@pytest.mark.parametrize("name", list(ALL))
def test_they_can_be_evaluated_and_hide_nothing(name: str) -> None:
    function = ALL[name]
    hints = typing.get_type_hints(function)
    assert set(inspect.signature(function).parameters) - {"self", "cls"} <= set(hints) | {
        parameter
        for parameter, one in inspect.signature(function).parameters.items()
        if one.annotation is inspect.Parameter.empty
    }
    for parameter, hint in hints.items():
        written = function.__annotations__[parameter]
        if isinstance(written, str) and mentions(hint, object):
            # A command's arguments are objects of any kind.
            assert "object" in written or "Command" in written, (parameter, written)


def test_they_say_what_is_what() -> None:
    def hints(function: Callable[..., Any]) -> dict[str, Any]:
        return typing.get_type_hints(function)

    for client in (remctl.Remctl, remctl.AsyncRemctl):
        assert hints(client.open_socket)["sock"] is socket.socket
        assert hints(client.run)["stdout"] == BinaryFile | None
        assert mentions(hints(client.__init__)["ccache"], remctl.Credentials)
    assert hints(remctl.Remctl.__exit__)["traceback"] == types.TracebackType | None
    assert hints(remctl.run_many)["executor"] == Executor | None
    assert hints(remctl.arun_many)["return"] is Outcomes
    assert mentions(hints(remctl.ConnectionPool.__init__)["ccache"], remctl.Credentials)
    expires = remctl.Credentials.expires.fget  # type: ignore[attr-defined]
    assert hints(expires)["return"] == datetime.datetime | None
    assert hints(remctl.remctl)["ccache"] == hints(remctl.aremctl)["ccache"]
    if sys.version_info >= (3, 11):
        assert hints(remctl.Remctl.__enter__)["return"] is typing.Self


@pytest.mark.parametrize("module", ["_types", "_own_types"])
def test_what_annotations_name_is_loaded_by_nothing_else(module: str) -> None:
    code = (
        "import sys\n"
        f"from remctl import remctl, Remctl, {module}\n"
        "late = {'typing', 'concurrent.futures', 'remctl._credentials', 'remctl._binary_file'}\n"
        "print(sorted(late & set(sys.modules)))\n"
        f"try: {module}.nothing\n"
        "except AttributeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.stdout == f"[]\nmodule 'remctl.{module}' has no attribute 'nothing'\n", done.stderr


@pytest.mark.parametrize("name", ["open", "open_socket", "command", "output", "run", "noop"])
def test_the_help_of_a_verb_names_its_arguments_units_and_errors(name: str) -> None:
    for client in (remctl.Remctl, remctl.AsyncRemctl):
        verb = getattr(client, name)
        text = inspect.getdoc(verb) or ""
        for parameter in list(inspect.signature(verb).parameters)[1:]:
            assert f"``{parameter}``" in text, parameter
        assert "in seconds" in text
        assert "RemctlTimeoutError" in text
        assert "TypeError or ValueError" in text or "ValueError or TypeError" in text


@pytest.mark.parametrize(
    "kind",
    [remctl.RemctlError, remctl.RemctlSimpleResult, remctl.Outcome],
    ids=lambda x: x.__name__,
)
def test_the_help_of_an_object_explains_its_attributes(kind: type) -> None:
    text = inspect.getdoc(kind) or ""
    names = {*vars(kind), *kind.__annotations__}
    for name in names - {"args"}:
        if not name.startswith("_"):
            assert f"``{name}``" in text or f"`{name}()`" in text, name
