"""Any value as any argument of whatever is public.

    python -m tests.programs.any_argument [EXAMPLES [CALL...]]

tries so many values (1000) for each call, or for those named. A call works, or raises what is
documented: a TypeError or ValueError that names the argument, or a RemctlError; what a method of
the value raises comes out as it is. Nothing keeps the value.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import itertools
import socket
import sys
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import remctl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from remctl import _remctl
from remctl.testing import Realm, Server

from tests.fix_realm import make_server
from tests.programs.any_value import Odd, Recipe, values

COMMAND = ["test", "hello"]


@dataclass(frozen=True)
class Place:
    """Where calls go: a server that is there; a keytab, and a socket that is not connected."""

    server: Server
    keytab: Path
    sock: socket.socket

    @property
    def target(self) -> dict[str, Any]:
        """As arguments."""
        server = self.server
        return {"host": server.host, "port": server.port, "principal": server.principal}


@dataclass(frozen=True)
class Call:
    """Something public, as a function of keywords, and arguments that are right."""

    function: Callable[..., object]
    right: Mapping[str, Any]
    # Those for which a value is not tried that reaches further than a test should.
    near: tuple[str, ...] = ()


def reaches_far(parameter: str, value: object) -> bool:
    """Whether it may be a name to be looked up, another machine, or a descriptor of others."""
    if parameter == "sock":
        return hasattr(type(value), "fileno")
    if parameter == "fd":
        return hasattr(type(value), "__index__")
    if parameter == "address":
        return isinstance(value, tuple) and value[:1] not in (("127.0.0.1",), ("::1",))
    if parameter == "hosts":
        return isinstance(value, memoryview)  # iter() of a released one is a fault of CPython's
    if type(value) in (str, bytes):
        return bool(value)
    return isinstance(value, (str, bytes))  # which may do as it likes when it is asked for more


# What an exception may say in place of a parameter's name.
WORDS = {"source_ip": "source", "hosts": "a host", "second": "first"}


# How a connection is made. Nothing is sent where there is no time for it.
OPENING: dict[str, Any] = {"timeout": 0, "ccache": None, "keytab": None, "source_ip": None}

# The same, with what objects have that make more than one.
KEEPING: dict[str, Any] = {**OPENING, "keepalive": 60, "connect_timeout": None}


def simple_calls(place: Place) -> dict[str, Call]:
    """One call, one command; one call, many hosts."""

    def many(**arguments: Any) -> object:
        outcomes = remctl.run_many(**arguments)
        try:
            return list(itertools.islice(outcomes, 3))
        finally:
            outcomes.close()

    def every(**arguments: Any) -> object:
        outcomes = remctl.for_each(**arguments)
        try:
            return list(itertools.islice(outcomes, 3))
        finally:
            outcomes.close()

    async def aevery(**arguments: Any) -> object:
        async with remctl.afor_each(**arguments) as outcomes:
            return [outcome async for outcome, _ in _zip(outcomes, range(3))]

    async def job(r: remctl.JobRemctl) -> bool:
        return await r.noop()

    async def amany(**arguments: Any) -> object:
        async with remctl.arun_many(**arguments) as outcomes:
            return [outcome async for outcome, _ in _zip(outcomes, range(3))]

    one = {**place.target, "command": COMMAND, **OPENING}
    target = remctl.Target(**place.target)
    each = {
        **one,
        **KEEPING,
        "hosts": [target],
        "limit": 2,
        "retries": 0,
        "batch": None,
        "max_failures": None,
        "max_output": None,
        "stdout": None,
        "stderr": None,
        "executor": None,
    }
    del each["host"]
    jobs = {**each, "job": job}
    for name in ("command", "stdout", "stderr"):
        del jobs[name]
    return {
        "remctl": Call(remctl.remctl, {**one, "max_output": None}),
        "aremctl": Call(_awaited(remctl.aremctl), {**one, "max_output": None}),
        "run_many": Call(many, each, near=("hosts",)),
        "arun_many": Call(_awaited(amany), each, near=("hosts",)),
        "for_each": Call(every, jobs, near=("hosts",)),
        "afor_each": Call(_awaited(aevery), jobs, near=("hosts",)),
    }


async def _zip(outcomes: Any, numbers: range) -> Any:
    for number in numbers:
        try:
            yield await anext(outcomes), number
        except StopAsyncIteration:
            return


def verbs(place: Place) -> dict[str, Call]:
    """The methods of a connection, in both worlds, each on one of its own."""
    command = {"command": COMMAND, "timeout": 5}
    files = {"stdout": None, "stderr": None}
    to_open = {**place.target, "timeout": 0}
    over_socket = {"sock": place.sock, **place.target, "timeout": 0}
    del over_socket["port"]
    arguments: dict[str, dict[str, Any]] = {
        "open": to_open,
        "open_socket": over_socket,
        "command": command,
        "output": {"timeout": 5},
        "run": command | files | {"max_output": None},
        "stream": command | {"raise_errors": True},
        "noop": {"timeout": 5},
        "set_timeout": {"timeout": 1},
        "set_ccache": {"ccache": None},
        "set_source_ip": {"source": "127.0.0.1"},
    }

    def blocking(name: str) -> Callable[..., object]:
        def verb(**given: Any) -> object:
            with remctl.Remctl(**place.target) as connection:
                result = getattr(connection, name)(**given)
                return list(result) if name == "stream" else result

        return verb

    def in_loop(name: str) -> Callable[..., object]:
        async def verb(**given: Any) -> object:
            async with remctl.AsyncRemctl(**place.target) as connection:
                result = getattr(connection, name)(**given)
                if name == "stream":
                    async with result as stream:
                        return [token async for token in stream]
                return await result if inspect.isawaitable(result) else result

        return _awaited(verb)

    found = {}
    for name, right in arguments.items():
        found[f"Remctl.{name}"] = Call(blocking(name), right, near=("sock",))
        found[f"AsyncRemctl.{name}"] = Call(in_loop(name), right, near=("sock",))
    made = {**place.target, **KEEPING, "timeout": 5}
    found["Remctl"] = Call(remctl.Remctl, made, near=("host",))
    found["AsyncRemctl"] = Call(remctl.AsyncRemctl, made)
    return found


def pool_calls(place: Place) -> dict[str, Call]:
    """Pools, in both worlds."""
    made = {
        **place.target,
        "min_size": 1,
        "max_size": 2,
        "max_idle": 10,
        "max_lifetime": 20,
        **KEEPING,
        "timeout": 5,
    }
    run = {"command": COMMAND, "timeout": 5, "stdout": None, "stderr": None, "max_output": None}

    def blocking(use: Callable[..., object]) -> Callable[..., object]:
        def call(**given: Any) -> object:
            with remctl.ConnectionPool(**place.target, min_size=0) as pool:
                return use(pool, **given)

        return call

    def lend(pool: remctl.ConnectionPool, **given: Any) -> object:
        with pool.connection(**given) as lent:
            return lent.opened

    def in_loop(use: Callable[..., Any]) -> Callable[..., object]:
        async def call(**given: Any) -> object:
            async with remctl.AsyncConnectionPool(**place.target, min_size=0) as pool:
                return await use(pool, **given)

        return _awaited(call)

    async def alend(pool: remctl.AsyncConnectionPool, **given: Any) -> object:
        async with pool.connection(**given) as lent:
            return lent.opened

    timeout = {"timeout": 5}
    return {
        "ConnectionPool": Call(remctl.ConnectionPool, made),
        "ConnectionPool.open": Call(blocking(remctl.ConnectionPool.open), timeout),
        "ConnectionPool.run": Call(blocking(remctl.ConnectionPool.run), run),
        "ConnectionPool.connection": Call(blocking(lend), timeout),
        "AsyncConnectionPool": Call(remctl.AsyncConnectionPool, made),
        "AsyncConnectionPool.open": Call(in_loop(remctl.AsyncConnectionPool.open), timeout),
        "AsyncConnectionPool.run": Call(in_loop(remctl.AsyncConnectionPool.run), run),
        "AsyncConnectionPool.connection": Call(in_loop(alend), timeout),
    }


def objects(place: Place) -> dict[str, Call]:
    """Tickets, targets, results and errors."""
    keytab = {"keytab": place.keytab, "principal": None}

    def renew(**given: Any) -> object:
        with remctl.Credentials.from_keytab(place.keytab) as credentials:
            credentials.renew(**given)
        return None

    async def arenew(**given: Any) -> object:
        with remctl.Credentials.from_keytab(place.keytab) as credentials:
            await credentials.arenew(**given)
        return None

    def check(**given: Any) -> object:
        with remctl.Credentials.from_keytab(place.keytab) as credentials:
            credentials.check(**given)
        return None

    def environ(**given: Any) -> object:
        with (
            remctl.Credentials.from_keytab(place.keytab) as credentials,
            credentials.environ(**given) as variables,
        ):
            return dict(variables)

    async def acheck(**given: Any) -> object:
        with remctl.Credentials.from_keytab(place.keytab) as credentials:
            await credentials.acheck(**given)
        return None

    def shown(kind: type) -> Callable[..., object]:
        def call(first: object, second: object) -> object:
            made = kind(first, second)
            return str(made), repr(made)

        return call

    two = {"first": "text", "second": 5}
    result = {"stdout": b"out", "stderr": None, "status": 0}
    return {
        "Credentials.from_keytab": Call(remctl.Credentials.from_keytab, keytab),
        "Credentials.from_ccache": Call(remctl.Credentials.from_ccache, {"name": None}),
        "Credentials.renew": Call(renew, {"timeout": 5}),
        "Credentials.arenew": Call(_awaited(arenew), {"timeout": 5}),
        "Credentials.check": Call(check, {"timeout": 5}),
        "Credentials.environ": Call(environ, {"timeout": 5}),
        "Credentials.acheck": Call(_awaited(acheck), {"timeout": 5}),
        "Target": Call(remctl.Target, place.target),
        "Target.parse": Call(remctl.Target.parse, {"text": "host:1", "principal": None}),
        "RemctlSimpleResult": Call(remctl.RemctlSimpleResult, result),
        "RemctlError": Call(shown(remctl.RemctlError), two),
        "RemctlProtocolError": Call(shown(remctl.RemctlProtocolError), two),
        "RemctlTimeoutError": Call(shown(remctl.RemctlTimeoutError), two),
        "RemctlCommandError": Call(shown(remctl.RemctlCommandError), two),
    }


def low_level(place: Place) -> dict[str, Call]:
    """The C library's functions, one to one, each with a handle of its own."""
    where = place.target
    words = [word.encode() for word in COMMAND]
    opening = {"r": None, "host": where["host"], "principal": where["principal"]}
    arguments: dict[str, dict[str, Any]] = {
        "remctl_set_ccache": {"r": None, "ccache": "FILE:/nonexistent"},
        "remctl_set_source_ip": {"r": None, "source": "127.0.0.1"},
        "remctl_set_timeout": {"r": None, "timeout": 1},
        "remctl_open": opening | {"port": where["port"]},
        "remctl_open_fd": opening | {"fd": -1},
        "remctl_open_sockaddr": opening | {"address": ("127.0.0.1", where["port"])},
        "remctl_command": {"r": None, "command": words},
        "remctl_commandv": {"r": None, "command": words},
        "remctl_output": {"r": None},
        "remctl_noop": {"r": None},
        "remctl_close": {"r": None},
        "remctl_error": {"r": None},
    }

    def with_handle(name: str) -> Callable[..., object]:
        function = getattr(_remctl, name)

        def call(*, r: object, **given: Any) -> object:
            if r is not None:
                return function(r, **given)
            handle = _remctl.remctl_new()
            _remctl.remctl_set_timeout(handle, 1)
            if name in ("remctl_command", "remctl_commandv", "remctl_noop"):
                assert _remctl.remctl_open(handle, *where.values())
            return function(handle, **given)

        return call

    found = {
        name: Call(with_handle(name), right, near=("host", "fd", "address"))
        for name, right in arguments.items()
    }
    one = {**where, "command": words}
    found["_remctl.remctl"] = Call(_remctl.remctl, one, near=("host", "port"))
    return found


def _awaited(function: Callable[..., Any]) -> Callable[..., object]:
    def call(**given: Any) -> object:
        async def main() -> object:
            return await function(**given)

        return asyncio.run(main())

    return call


GROUPS = (simple_calls, verbs, pool_calls, objects, low_level)


def names_it(parameter: str, error: Exception) -> bool:
    """Whether an exception says which argument it is about, or which of the value's methods.

    A function of the caller's may have something to say of the Target that it is given.
    """
    text = str(error)
    words = [parameter, WORDS.get(parameter, parameter), "Strange", "Target", "__"]
    return any(word in text for word in words)


def attempt(call: Call, parameter: str, value: object) -> str | None:
    """Make a call with this value; what is wrong with the result, or None."""
    if parameter in call.near and reaches_far(parameter, value):
        return None
    try:
        call.function(**{**call.right, parameter: value})
    except (Odd, remctl.RemctlError):
        pass
    except (TypeError, ValueError) as error:
        if not names_it(parameter, error):
            return f"does not name it: {error!r}"
    except OSError as error:
        if not {"sock", "fd"} & set(call.right) and parameter not in ("stdout", "stderr"):
            return f"is no documented exception: {error!r}"
    except Exception as error:
        return f"is no documented exception: {error!r}"
    return None


def judge(call: Call, parameter: str, recipe: Recipe) -> str | None:
    """The same, and nobody keeps the value."""
    value = recipe()
    kept: weakref.ref[Any] | None = None
    if type(value).__name__ == "Strange" and type(value).__weakrefoffset__:
        kept = weakref.ref(value)
    wrong = attempt(call, parameter, value)
    del value
    if wrong is None and kept is not None and kept() is not None:
        gc.collect()
        if kept() is not None:
            return "is kept"
    return wrong


def try_call(call: Call, examples: int, *, others: bool = False) -> None:
    """Try so many values for its arguments; `others` each time."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=not others,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(parameter=st.sampled_from(sorted(call.right)), recipe=values())
    def trial(parameter: str, recipe: Recipe) -> None:
        wrong = judge(call, parameter, recipe)
        assert wrong is None, f"{parameter}={_shown(recipe)}: {wrong}"

    trial()


def _shown(recipe: Recipe) -> str:
    try:
        return repr(recipe())
    except Exception as error:
        return f"<{error!r}>"


def main(examples: str = "1000", *names: str) -> int:
    """Try that many for each call, or for those named, and print what was wrong."""
    found = 0
    with (
        Realm() as realm,
        realm.environ(),
        make_server(realm) as server,
        socket.socket() as sock,
    ):
        place = Place(server, realm.make_keytab(realm.user), sock)
        every = {name: call for group in GROUPS for name, call in group(place).items()}
        for name in names or every:
            try:
                try_call(every[name], int(examples), others=True)
            except AssertionError as error:
                found += 1
                print(f"{name}: {error}", flush=True)
            else:
                print(f"{name}: {examples} values", flush=True)
    print(f"{found} calls with something wrong")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
