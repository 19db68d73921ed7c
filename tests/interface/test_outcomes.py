"""`Target` and `Outcome`: where a command runs, and how it ended."""

import copy
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import remctl
from remctl import Outcome, RemctlSimpleResult, Target

from tests.support.ids import shown

COPIES: Sequence[Callable[[Any], Any]] = [copy.copy, copy.deepcopy] + [
    lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))  # type: ignore[misc]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
]
copied = pytest.mark.parametrize("copied", COPIES)

TARGETS = [
    Target("host"),
    Target("host", 4373),
    Target("host", None, "host/other"),
    Target("host", 4373, "host/other"),
    Target("höst", 0),
]


class Sub(Target):
    """A subclass of a user's."""


class TestTarget:
    def test_has_defaults(self) -> None:
        assert (Target("host").port, Target("host").principal) == (None, None)
        target = Target(principal="p", port="4373", host="host")
        assert (target.host, target.port, target.principal) == ("host", 4373, "p")

    @pytest.mark.parametrize("name", ["host", "port", "principal", "other"])
    def test_cannot_be_changed(self, name: str) -> None:
        target = Target("host")
        with pytest.raises(AttributeError):
            setattr(target, name, "x")
        with pytest.raises(AttributeError):
            delattr(target, name)
        assert target == Target("host")

    def test_compares_and_hashes_by_value(self) -> None:
        assert len(set(TARGETS)) == len(TARGETS)
        assert Target("host", "4373") == Target("host", 4373)
        assert hash(Target("host", "4373")) == hash(Target("host", 4373))
        assert Target("host") != Target("host", 4373)
        assert Target("host") != object()

    def test_a_host_and_no_more_equals_its_name(self) -> None:
        assert {Target("host"): 1}["host"] == 1  # type: ignore[index]
        assert {"host": 1}[Target("host")] == 1  # type: ignore[index]
        assert Target("host") != "other"
        assert Target("host", 4373) != "host"
        assert Target("host", None, "p") != "host"

    @pytest.mark.parametrize("target", [*TARGETS, Sub("host", 1)], ids=shown)
    def test_its_repr_makes_it(self, target: Target) -> None:
        assert eval(repr(target), {"Target": Target, "Sub": Sub}) == target

    @copied
    @pytest.mark.parametrize("target", [*TARGETS, Sub("host", 1)], ids=shown)
    def test_copies(self, copied: Callable[[Any], Any], target: Target) -> None:
        assert copied(target) == target
        assert hash(copied(target)) == hash(target)
        assert type(copied(target)) is type(target)

    @pytest.mark.parametrize(
        ("text", "target"),
        [
            ("host", Target("host")),
            ("host:4373", Target("host", 4373)),
            ("10.0.0.1:1", Target("10.0.0.1", 1)),
            ("[::1]:65535", Target("::1", 65535)),
            ("[::1]", Target("::1")),
            ("::1", Target("::1")),
            ("fe80::1%eth0", Target("fe80::1%eth0")),
            ("höst:4444", Target("höst", 4444)),
        ],
    )
    def test_is_parsed_from_a_text(self, text: str, target: Target) -> None:
        assert Target.parse(text) == target
        assert Target.parse(str(target)) == target
        assert Target.parse(text, "host/other").principal == "host/other"
        assert type(Sub.parse(text)) is Sub

    @pytest.mark.parametrize(
        "text",
        [
            *("", ":1", "host:", "host:x", "host:0", "host:65536", "host:-1", "host:+1", "host: 1"),
            *("host:1_0", "host:\u0661", "host:" + "1" * 5000, "host:1:", "x:y:z", "::g"),
            *("[::1", "[::1]x", "[::1]:", "[::1]:x", "[host]:1", "[]:1"),
        ],
    )
    def test_a_text_in_another_form_is_a_value_error(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"^text names no target: write HOST, HOST:PORT or "):
            Target.parse(text)

    @pytest.mark.parametrize("text", [None, b"host:1", 7, Target("host")])
    def test_only_a_str_is_parsed(self, text: Any) -> None:
        with pytest.raises(TypeError, match=r"^text must be a str, not "):
            Target.parse(text)

    def test_matches_patterns(self) -> None:
        match Target("host", 1, "p"):
            case Target(host, port, principal):
                assert (host, port, principal) == ("host", 1, "p")

    @pytest.mark.parametrize(
        ("arguments", "kind", "text"),
        [
            ((7,), TypeError, "^host must be a str, not int$"),
            ((b"host",), TypeError, "^host must be a str, not bytes$"),
            ((None,), TypeError, "^host must be a str, not NoneType$"),
            (("",), ValueError, "^host must not be empty$"),
            (("a\0b",), ValueError, "^host must not contain a NUL character$"),
            (("host", "x"), TypeError, "^port must be a number: 'x'$"),
            (("host", 65536), ValueError, "^invalid port number: 65536$"),
            (("host", None, 7), TypeError, "^principal must be a str, not int$"),
            (("host", None, "a\0b"), ValueError, "^principal must not contain a NUL character$"),
        ],
    )
    def test_an_argument_that_makes_no_sense_is_named(
        self, arguments: tuple[Any, ...], kind: type[Exception], text: str
    ) -> None:
        with pytest.raises(kind, match=text):
            Target(*arguments)


class TestOutcome:
    good = RemctlSimpleResult(b"out", None, 0)
    bad = RemctlSimpleResult(None, b"no\n", 3)

    def test_of_a_result(self) -> None:
        outcome = Outcome(Target("host"), self.good, seconds=1.5, tries=2)
        assert outcome.target == Target("host")
        assert (outcome.result, outcome.error) == (self.good, None)
        assert (outcome.seconds, outcome.tries) == (1.5, 2)
        assert outcome.ok
        assert outcome.check() is self.good
        assert (outcome.host, outcome.status) == ("host", 0)
        assert (outcome.stdout, outcome.stderr) == (b"out", None)

    def test_of_a_status_other_than_0(self) -> None:
        outcome = Outcome(Target("host"), self.bad)
        assert not outcome.ok
        assert (outcome.status, outcome.stdout, outcome.stderr) == (3, None, b"no\n")
        with pytest.raises(remctl.RemctlCommandError) as caught:
            outcome.check()
        assert caught.value.result is self.bad

    def test_of_an_error(self) -> None:
        error = remctl.RemctlTimeoutError("too late")
        error.partial = RemctlSimpleResult(b"out", b"err")
        outcome = Outcome(Target("host", 1), error=error)
        assert not outcome.ok
        assert outcome.host == "host"
        assert (outcome.status, outcome.stdout, outcome.stderr) == (None, None, None)
        with pytest.raises(remctl.RemctlTimeoutError) as caught:
            outcome.check()
        assert caught.value is error

    @pytest.mark.parametrize("value", [None, 0, "text"])
    def test_of_a_job(self, value: object) -> None:
        outcome = Outcome(Target("h"), value=value, seconds=0.5)
        assert outcome.ok
        assert outcome.value == value
        assert (outcome.result, outcome.error) == (None, None)
        assert outcome.check() == RemctlSimpleResult(None, None, 0)
        assert repr(outcome) == f"Outcome(Target('h'), value={value!r}, seconds=0.500, tries=1)"
        with pytest.raises(ValueError, match="an outcome has a result or an error"):
            Outcome(Target("h"), self.good, value=value)

    @pytest.mark.parametrize("both", [(None, None), (good, remctl.RemctlError("x"))])
    def test_it_is_one_of_the_two(self, both: tuple[Any, Any]) -> None:
        with pytest.raises(ValueError, match=r"^an outcome has a result or an error, "):
            Outcome(Target("host"), *both)

    def test_has_a_useful_repr(self) -> None:
        assert repr(Outcome(Target("h"), self.bad, seconds=0.25)) == (
            f"Outcome(Target('h'), result={self.bad!r}, seconds=0.250, tries=1)"
        )
        error = remctl.RemctlError("x")
        assert repr(Outcome(Target("h"), error=error, tries=3)) == (
            "Outcome(Target('h'), error=RemctlError('x'), seconds=0.000, tries=3)"
        )

    @copied
    def test_copies(self, copied: Callable[[Any], Any]) -> None:
        again = copied(Outcome(Target("host", 1), self.bad, seconds=1.5, tries=2))
        assert (again.target, again.result) == (Target("host", 1), self.bad)
        assert (again.error, again.seconds, again.tries) == (None, 1.5, 2)
        again = copied(Outcome(Target("host"), value=[1]))
        assert (again.value, again.ok) == ([1], True)
        error = remctl.RemctlError("x")
        error.may_have_run = False
        again = copied(Outcome(Target("host"), error=error))
        assert (str(again.error), again.error.may_have_run) == ("x", False)
