"""Credentials as a Python object: bad arguments, copies, its words."""

import copy
import pickle
from collections.abc import Callable

import pytest
from remctl import Credentials
from remctl._remctl import Credentials as Shared

from tests.credentials.conftest import Service


def test_has_no_constructor() -> None:
    with pytest.raises(TypeError, match=r"from_keytab\(\) or Credentials.from_ccache\(\)"):
        Credentials()


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: Credentials.from_keytab(7), TypeError, "keytab must be a str, not int"),
        (lambda: Credentials.from_keytab("a\0b"), ValueError, "keytab must not contain a NUL"),
        (lambda: Credentials.from_keytab(""), ValueError, "keytab must not be empty"),
        (lambda: Credentials.from_keytab("k", 7), TypeError, "principal must be a str, not int"),
        (lambda: Credentials.from_keytab("k", ""), ValueError, "principal must not be empty"),
        (lambda: Credentials.from_ccache(7), TypeError, "name must be a str, not int"),
        (lambda: Credentials.from_ccache("a\0b"), ValueError, "name must not contain a NUL"),
        (lambda: Credentials.from_ccache(""), ValueError, "name must not be empty"),
        (
            lambda: Credentials.from_ccache().renew("soon"),
            TypeError,
            "timeout must be a number of seconds, not str",
        ),
        (lambda: Credentials.from_ccache().renew(float("nan")), ValueError, "timeout"),
    ],
)
def test_bad_arguments_are_named(
    make: Callable[[], object], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        make()


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
    for make in (Shared, lambda: Shared.__new__(Shared), lambda: object.__new__(Shared)):
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
