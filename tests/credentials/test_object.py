"""Credentials as a Python object: bad arguments, copies, its words."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from remctl import Credentials
from remctl._remctl import Credentials as Shared

from tests.credentials.conftest import Service


def test_has_no_constructor() -> None:
    with pytest.raises(TypeError, match=r"from_keytab\(\) or Credentials.from_ccache\(\)"):
        Credentials()


def from_keytab(*args: Any) -> Callable[[], object]:
    return lambda: Credentials.from_keytab(*args)


def from_ccache(*args: Any) -> Callable[[], object]:
    return lambda: Credentials.from_ccache(*args)


def renew(timeout: Any) -> Callable[[], object]:
    return lambda: Credentials.from_ccache().renew(timeout)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (from_keytab(7), TypeError, "keytab must be a str, not int"),
        (from_keytab("a\0b"), ValueError, "keytab must not contain a NUL"),
        (from_keytab(""), ValueError, "keytab must not be empty"),
        (from_keytab("k", 7), TypeError, "principal must be a str, not int"),
        (from_keytab("k", ""), ValueError, "principal must not be empty"),
        (from_ccache(7), TypeError, "name must be a str, not int"),
        (from_ccache("a\0b"), ValueError, "name must not contain a NUL"),
        (from_ccache(""), ValueError, "name must not be empty"),
        (renew("soon"), TypeError, "timeout must be a number of seconds, not str"),
        (renew(float("nan")), ValueError, "timeout"),
    ],
)
def test_bad_arguments_are_named(
    call: Callable[[], object], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        call()


@pytest.mark.parametrize("copies", [copy.copy, copy.deepcopy, pickle.dumps])
def test_is_neither_copied_nor_pickled(
    service: Service, copies: Callable[[object], object]
) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    with pytest.raises(TypeError, match="cannot pickle 'Credentials' object"):
        copies(credentials)
    with pytest.raises(TypeError, match="cannot pickle"):
        copies(credentials._shared)


def test_what_it_is_made_on_is_whole_or_not_there() -> None:
    kind: Any = Shared
    for make in (kind, lambda: kind.__new__(kind), lambda: object.__new__(kind)):
        with pytest.raises(TypeError):
            make()


def test_its_words_say_what_it_is_and_no_secret(service: Service) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    credentials.renew()
    words = f"remctl.Credentials keytab FILE:{service.keytab} of {service.principal}"
    assert repr(credentials) == f"<{words}>"
    credentials.close()
    assert repr(credentials) == f"<{words} closed>"
    assert repr(Credentials.from_ccache("FILE:/nowhere")) == (
        "<remctl.Credentials ticket cache FILE:/nowhere>"
    )


def test_is_not_given_other_attributes(service: Service) -> None:
    credentials = Credentials.from_keytab(service.keytab)
    with pytest.raises(AttributeError):
        credentials.keytab = "other"  # type: ignore[attr-defined]
