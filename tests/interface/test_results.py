"""What calls return, and that it can be copied, compared and sent elsewhere."""

import copy
import multiprocessing
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import remctl
from remctl import _remctl
from remctl._errors import make
from remctl.testing import Server

from tests.support.ids import shown

Result = remctl.RemctlSimpleResult

COPIES: Sequence[Callable[[Any], Any]] = [copy.copy, copy.deepcopy] + [
    lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))  # type: ignore[misc]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
]
copied = pytest.mark.parametrize("copied", COPIES)


def same(one: object, other: object) -> bool:
    """Whether two exceptions are alike in all that a caller sees."""
    if type(one) is not type(other) or repr(one) != repr(other) or str(one) != str(other):
        return False
    return vars(one) == vars(other)


class TestSimpleResult:
    def test_is_empty_by_default_as_the_old_binding_s_was(self) -> None:
        result = Result()
        assert (result.stdout, result.stderr, result.status) == (None, None, None)

    def test_has_a_useful_repr(self) -> None:
        assert (
            repr(Result(b"out", None, 3))
            == "RemctlSimpleResult(stdout=b'out', stderr=None, status=3)"
        )
        assert eval(repr(Result(b"o", b"e", 0)), vars(remctl)) == Result(b"o", b"e", 0)

    def test_equality(self) -> None:
        assert Result(b"a", None, 0) == Result(b"a", None, 0)
        assert Result(b"a", None, 0) != Result(b"a", b"", 0)
        assert Result(b"a", None, 0) != Result(b"a", None, 1)
        assert Result() != object()

    def test_check_returns_the_result_where_the_status_is_0(self) -> None:
        result = Result(b"out", None, 0)
        assert result.check() is result

    @pytest.mark.parametrize("status", [1, 255])
    def test_check_raises_where_it_is_not(self, status: int) -> None:
        result = Result(b"out", b"err", status)
        with pytest.raises(
            remctl.RemctlCommandError, match=f"^command exited with status {status}: err$"
        ) as caught:
            result.check()
        assert caught.value.result is result
        assert isinstance(caught.value, remctl.RemctlError)

    @copied
    def test_copies(self, copied: Callable[[Any], Any]) -> None:
        result = Result(b"\0\xff" * 10, None, 255)
        assert copied(result) == result

    def test_its_name_is_the_package_s(self) -> None:
        assert Result.__module__ == "remctl"

    def test_hashes_by_value(self) -> None:
        assert hash(Result(b"a", None, 0)) == hash(Result(b"a", None, 0))
        assert len({Result(b"a"), Result(b"a"), Result(b"b"), Result(None, b"a")}) == 3

    def test_can_be_changed_and_given_attributes_as_the_old_binding_s_could(self) -> None:
        result = Result()
        result.stdout, result.status = b"out", 3
        result.name = "mine"  # type: ignore[attr-defined]
        assert result == Result(b"out", None, 3)
        assert vars(result) == {"stdout": b"out", "stderr": None, "status": 3, "name": "mine"}

    @pytest.mark.parametrize(
        ("stdout", "text"),
        [
            (None, ""),
            (b"", ""),
            ("käse\n".encode(), "käse\n"),
            (b"caf\xe9", "caf\N{REPLACEMENT CHARACTER}"),
        ],
    )
    def test_text(self, stdout: bytes | None, text: str) -> None:
        assert Result(stdout, b"err", 0).text == text

    def test_where_it_came_from_is_for_check_alone(self, server: Server) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            ours = client.run(["test", "mix", "3"])
        again = remctl.remctl(server.host, server.port, command=["test", "mix", "3"])
        by_hand = Result(ours.stdout, ours.stderr, ours.status)
        assert ours == again == by_hand
        assert hash(ours) == hash(by_hand)
        assert repr(ours) == repr(by_hand)
        assert vars(ours) == vars(by_hand)

    @copied
    def test_a_copy_came_from_the_same_place(
        self, copied: Callable[[Any], Any], server: Server
    ) -> None:
        command = ["test", "mix", "3"]
        result = copied(remctl.remctl(server.host, server.port, command=command))
        text = f"^test mix on {server.host} exited with status 3: err 2$"
        with pytest.raises(remctl.RemctlCommandError, match=text) as caught:
            result.check()
        assert (caught.value.host, caught.value.command) == (server.host, "test mix")


class TestOutput:
    @copied
    @pytest.mark.parametrize(
        "token",
        [
            remctl.RemctlOutput("output", b"\xff", 1, None, None),
            remctl.RemctlOutput("done", None, None, None, None),
            _remctl.Output(("error", b"no", None, None, 5)),
        ],
    )
    def test_copies(self, copied: Callable[[Any], Any], token: Any) -> None:
        again = copied(token)
        assert type(again) is type(token)
        assert again == token
        assert again.type == token.type


def full() -> remctl.RemctlError:
    """An exception with all that there can be."""
    error = make(
        "timeout",
        "too late",
        host="host.example.com",
        port=4373,
        command="test hello",
        hint="Ask again.",
        partial=Result(b"half", None),
        may_have_run=False,
    )
    error.other = "a user's own"  # type: ignore[attr-defined]
    return error


EXCEPTIONS = [
    full(),
    remctl.RemctlError(),
    remctl.RemctlError("two", "texts"),
    remctl.RemctlError(1, b"2", None, [3]),
    remctl.RemctlNotOpenedError("x", 7),
    remctl.RemctlTimeoutError(),
    remctl.RemctlTimeoutError(110, "timed out"),
    remctl.RemctlTimeoutError("text", 5, "file", None, "other", 6, 7),
    remctl.RemctlProtocolError("Unknown command", 5, "more"),
    remctl.RemctlCommandError("text"),
    remctl.RemctlCommandError(),
    remctl.RemctlError("broken"),
    remctl.RemctlNotOpenedError("no currently open connection"),
    remctl.RemctlTimeoutError("error receiving token: timed out"),
    remctl.RemctlProtocolError("Unknown command", 5),
    remctl.RemctlProtocolError("strange", 77),
    remctl.RemctlProtocolError("no network"),
    remctl.RemctlProtocolError(),
    remctl.RemctlCommandError(Result(b"out", None, 3)),
]


class TestExceptions:
    @copied
    @pytest.mark.parametrize("error", EXCEPTIONS, ids=shown)
    def test_copies(self, copied: Callable[[Any], Any], error: remctl.RemctlError) -> None:
        assert same(copied(error), error)

    @copied
    @pytest.mark.parametrize("error", EXCEPTIONS, ids=shown)
    def test_copies_keep_what_was_added(
        self, copied: Callable[[Any], Any], error: remctl.RemctlError
    ) -> None:
        error = copy.copy(error)
        error.host = "host.example.com"
        assert same(copied(error), error)
        assert copied(error).host == "host.example.com"

    def test_subclasses_of_users_are_copied_too(self) -> None:
        error = Refused("Access denied", 6)
        again = copy.copy(error)
        assert type(again) is Refused
        assert again.code is remctl.ErrorCode.ACCESS

    def test_from_another_process(self) -> None:
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool, pytest.raises(remctl.RemctlCommandError) as caught:
            pool.apply(Result(b"out", b"err", 3).check)
        assert caught.value.result == Result(b"out", b"err", 3)


class Refused(remctl.RemctlProtocolError):
    """A subclass of a user's."""


class Named(remctl.RemctlTimeoutError):
    """A subclass whose constructor has arguments of its own."""

    def __init__(self, *, name: str) -> None:
        super().__init__(f"{name} is late")
        self.name = name


@copied
def test_a_subclass_with_arguments_of_its_own_is_copied(copied: Callable[[Any], Any]) -> None:
    error = Named(name="web1")
    error.may_have_run = False
    assert (str(error), error.args) == ("web1 is late", ("web1 is late",))
    assert same(copied(error), error)
