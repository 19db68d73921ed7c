"""Any Python value: ordinary ones, and objects whose methods do what no method should."""

from __future__ import annotations

import fractions
import pathlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import remctl
from hypothesis import strategies as st

#: Makes a value. What is made in a test is the test's alone: it can be seen that nobody keeps it.
Recipe = Callable[[], Any]


class Odd(Exception):
    """What the methods of odd objects raise: it comes out as it is."""


class OddType(Odd, TypeError):
    """The same, of a kind that Python's own calls look at."""


class OddValue(Odd, ValueError):
    """As above."""


class OddOverflow(Odd, OverflowError):
    """As above."""


class OddAttribute(Odd, AttributeError):
    """As above."""


METHODS = (
    "__index__",
    "__int__",
    "__float__",
    "__str__",
    "__repr__",
    "__bytes__",
    "__fspath__",
    "__iter__",
    "__len__",
    "__bool__",
    "__eq__",
    "__lt__",
    "__hash__",
    "__buffer__",
    "__call__",
    "__getattr__",
    "write",
    "fileno",
    "submit",
    "encode",
)
RETURNED: tuple[object, ...] = (
    None,
    0,
    -1,
    80,
    2**70,
    1.5,
    float("nan"),
    "text",
    "\0",
    "\ud800",
    b"bytes",
    [],
    object,
)
RAISED = (Odd, OddType, OddValue, OddOverflow, OddAttribute)
BASES = (object, str, int, float, bytes, bytearray, list, tuple, dict, pathlib.PurePosixPath)


def odd(base: type, methods: dict[str, object]) -> Any:
    """An object of a class derived from this one, whose methods raise or return what is said."""

    def method(what: object) -> Callable[..., object]:
        def do(self: object, *arguments: object) -> object:
            if isinstance(what, type) and issubclass(what, Odd):
                raise what
            return what

        return do

    return type("Strange", (base,), {name: method(what) for name, what in methods.items()})()


def odd_ones() -> st.SearchStrategy[Recipe]:
    """Objects with one to three methods of their own."""
    behaviour = st.sampled_from(RETURNED) | st.sampled_from(RAISED)
    methods = st.dictionaries(st.sampled_from(METHODS), behaviour, min_size=1, max_size=3)
    return st.builds(
        lambda base, methods: lambda: odd(base, methods), st.sampled_from(BASES), methods
    )


def scattered(data: bytes) -> memoryview:
    """A view of every second byte."""
    return memoryview(data * 2 or b"..")[::2]


def released() -> memoryview:
    """A view that was released."""
    view = memoryview(b"data")
    view.release()
    return view


def ended() -> Any:
    """An iterator that has ended."""
    iterator = iter([1])
    next(iterator)
    return iterator


def numbers() -> st.SearchStrategy[Any]:
    """Of every kind."""
    return st.one_of(
        st.integers(),
        st.sampled_from([0, 1, -1, 65535, 65536, 2**31, 2**63, 2**64, 10**400, -(10**400)]),
        st.booleans(),
        st.floats(),
        st.complex_numbers(),
        st.decimals(allow_nan=True, allow_infinity=True),
        st.fractions(),
        st.sampled_from([Decimal("sNaN"), fractions.Fraction(10**400), -0.0, 1e308, 5e-324]),
    )


def texts() -> st.SearchStrategy[Any]:
    """Also with NULs and lone surrogates."""
    anything = st.text(st.characters(exclude_categories=()), max_size=30)
    return st.one_of(
        anything,
        anything.map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.binary(max_size=30),
        st.binary(max_size=30).map(bytearray),
        st.binary(max_size=30).map(lambda data: memoryview(data)),
        st.binary(max_size=30).map(scattered),
        st.sampled_from(
            ["", "\0", "\udc80", "\ud800", "9" * 5000, "127.0.0.1", "::1", "4373", b""]
        ),
    )


def others() -> st.SearchStrategy[Any]:
    """What is neither number nor text."""
    return st.sampled_from(
        [None, ..., NotImplemented, int, type, len, remctl, print, slice(1), range(3), Odd("x")]
    )


def values() -> st.SearchStrategy[Recipe]:
    """All of them, also inside one another."""
    plain = st.one_of(numbers(), texts(), others())
    made: list[Recipe] = [
        object,
        lambda: (word for word in ["one", "two"]),
        lambda: iter([]),
        ended,
        released,
        lambda: memoryview(b"x").cast("B", ()),
        remctl.Remctl,
        remctl.AsyncRemctl,
        lambda: remctl.Target("127.0.0.1"),
        remctl.Credentials.from_ccache,
        lambda: remctl.RemctlError("text"),
        remctl.RemctlSimpleResult,
    ]
    single = st.one_of(plain.map(lambda value: lambda: value), odd_ones(), st.sampled_from(made))
    several = st.lists(single, max_size=3)
    return single | st.builds(
        lambda recipes, into: lambda: into([recipe() for recipe in recipes]),
        several,
        st.sampled_from([list, tuple, iter, lambda items: dict(enumerate(items))]),
    )
