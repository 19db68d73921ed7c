"""Any value as any argument: it works, or what is documented is raised, and nothing is kept."""

import inspect
import socket
from collections.abc import Callable, Iterator

import pytest
import remctl
from remctl import _remctl
from remctl.testing import Realm, Server

from tests.programs.any_argument import GROUPS, Call, Place, try_call

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("no_log")]

# Those that take no argument, or that nobody makes.
NOT_CALLED = {
    "VERSION",
    "__version__",
    "build_info",
    "AsyncStream",
    "BuildInfo",
    "ErrorCode",
    "ErrorKind",
    "Outcome",
    "RemctlNotOpenedError",
    "RemctlOutput",
    "JobRemctl",
    "Stream",
    "preload",  # takes none
}
# Those that take any number of them.
ANY_NUMBER = {name for name in remctl.__all__ if name.endswith("Error")}


@pytest.fixture(scope="module")
def place(realm: Realm, server: Server) -> Iterator[Place]:
    with socket.socket() as sock:
        yield Place(server, realm.make_keytab(realm.user), sock)


Group = Callable[[Place], dict[str, Call]]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_it_works_or_raises_what_is_documented(place: Place, group: Group) -> None:
    """`python -m tests.programs.any_argument` tries more."""
    for name, call in group(place).items():
        try:
            try_call(call, examples=6 * len(call.right))
        except AssertionError as error:
            raise AssertionError(name) from error


def test_all_that_is_public_is_tried(place: Place) -> None:
    """Every call, and every argument of each."""
    every = {name: call for group in GROUPS for name, call in group(place).items()}
    low_level = {name for name in dir(_remctl) if name.startswith("remctl_")} - {"remctl_new"}
    assert low_level <= set(every)
    for name in set(remctl.__all__) - NOT_CALLED:
        thing = getattr(remctl, name)
        if name not in ANY_NUMBER | {"Credentials"}:
            assert set(every[name].right) == set(inspect.signature(thing).parameters), name
        if not isinstance(thing, type) or name in ANY_NUMBER:
            continue
        for verb in dir(thing):
            if verb.startswith("_") or not inspect.isroutine(method := getattr(thing, verb)):
                continue
            takes = set(inspect.signature(method).parameters) - {"self"}
            assert set(every[f"{name}.{verb}"].right if takes else ()) == takes, (name, verb)
