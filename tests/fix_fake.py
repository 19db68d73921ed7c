"""A server that is real, and one that is not, with the same commands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import remctl
from remctl.testing import Answer, Call, Command, Realm, fake_remctl

from tests.fix_realm import FOLDER


@dataclass
class Target:
    """A server that is real or not, and what its functions have raised."""

    port: int
    exceptions: list[BaseException]

    def client(self) -> remctl.Remctl:
        """A connection to it."""
        return remctl.Remctl("localhost", self.port)


def lines(call: Call) -> Answer:
    """So many lines."""
    return "".join(f"line {number}\n" for number in range(int(call.args[0])))


def both(call: Call) -> Answer:
    """Something on each stream, and a status."""
    return ("out", b"err\xff", int(call.args[0]))


asked: list[tuple[str, ...]] = []  # of `test args`


def arguments(call: Call) -> Answer:
    """The arguments."""
    asked.append(call.args)
    return repr(call.args)


def standard_input(call: Call) -> Answer:
    """Standard input on one stream, the arguments on the other."""
    return (call.stdin, repr(call.args), 0)


def broken(call: Call) -> Answer:
    """What fails."""
    raise LookupError("broken")


COMMANDS: dict[str, dict[str, Any]] = {
    "test": {
        "lines": lines,
        "both": both,
        "args": arguments,
        "last": Command(standard_input, stdin="last"),
        "third": Command(standard_input, stdin=3),
        "broken": broken,
        "user": lambda call: call.user,
        "where": lambda call: f"{call.host} {call.port}",
    },
    "first": {"ALL": lambda call: f"all {call.command}", "never": lambda call: "never"},
    "bare": {"EMPTY": lambda call: f"empty {call.command}", "not": lambda call: "not"},
    "ALL": {"everywhere": lambda call: f"everywhere {call.command}"},
}


@pytest.fixture(scope="module", params=["real", "fake"])
def real_or_fake(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The real server and the fake one."""
    if request.param == "real":
        realm: Realm = request.getfixturevalue("realm")
        drop = {"drop": FOLDER / "drop"}
        with realm.server({**COMMANDS, "test": {**COMMANDS["test"], **drop}}) as server:
            yield Target(server.port, server.exceptions)
    else:
        gone = {"drop": remctl.RemctlError("error receiving token: unexpected end of file")}
        with fake_remctl({**COMMANDS, "test": {**COMMANDS["test"], **gone}}) as fake:
            yield Target(23456, fake.exceptions)
