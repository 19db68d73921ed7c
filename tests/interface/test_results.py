"""What calls return, and that it can be copied, compared and sent elsewhere."""

import copy
import multiprocessing
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import remctl
from remctl import _remctl

Result = remctl.RemctlSimpleResult

COPIES: Sequence[Callable[[Any], Any]] = [copy.copy, copy.deepcopy] + [
    lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))  # type: ignore[misc]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
]
copied = pytest.mark.parametrize("copied", COPIES)


def same(one: object, other: object) -> bool:
    """Whether two exceptions are alike in all that a caller sees."""
    return type(one) is type(other) and str(one) == str(other) and vars(one) == vars(other)


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
            remctl.RemctlCommandError, match=f"^command exited with status {status}$"
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


EXCEPTIONS = [
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
    @pytest.mark.parametrize("error", EXCEPTIONS, ids=repr)
    def test_copies(self, copied: Callable[[Any], Any], error: remctl.RemctlError) -> None:
        assert same(copied(error), error)

    @copied
    @pytest.mark.parametrize("error", EXCEPTIONS, ids=repr)
    def test_copies_keep_what_was_added(
        self, copied: Callable[[Any], Any], error: remctl.RemctlError
    ) -> None:
        error = copy.copy(error)
        error.host = "host.example.com"  # type: ignore[attr-defined]
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
