"""The calls that `tests.programs.silence` makes: on a connection, and with tickets."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from remctl import AsyncRemctl, Credentials, Remctl, aremctl, remctl

from tests.programs.interrupts import done
from tests.programs.silence_causes import Step
from tests.programs.silence_ground import Ground, Kind, Place
from tests.programs.silence_world import FIRST_LOOK, LIMIT, Act, World

#: Does all that comes before, while nothing is silent yet.
Begin = Callable[[World, Ground, Place], Awaitable[Act]]


@dataclass(frozen=True)
class Call:
    """A call.

    Attributes:
        begin: prepares it.
        steps: the parts that it has, in which something may be silent.
        sends: whether it sends a command.
        within: the seconds in which it ends without an error; None: it ends in one, at its limit.
        lost: whether its connection was lost before.
        worlds: where there is such a call.
    """

    name: str
    begin: Begin
    steps: frozenset[Step]
    sends: bool = False
    within: float | None = None
    lost: bool = False
    worlds: tuple[str, ...] = ("blocking", "asyncio", "uvloop", "trio")


KEYTAB = frozenset({Step.FIRST, Step.KEYTAB})
CACHE = frozenset({Step.CACHE})
LARGE = 1_000_000  # bytes of output, which never come
HANDSHAKE = frozenset({Step.HANDSHAKE, Step.TICKET, Step.CLIENT_KEYTAB}) | KEYTAB | CACHE
OPENING = HANDSHAKE | {Step.RESOLVE, Step.CONNECT, Step.OLD_HANDSHAKE}
ANSWERED = frozenset({Step.SEND, Step.ANSWER, Step.SLOW_ANSWER, Step.OLD_ANSWER})


def _where(place: Place) -> tuple[str, int, str]:
    return place.host, place.port, place.principal


# Opening.


async def _open(w: World, _: Ground, place: Place) -> Act:
    r = w.client(place)
    return lambda: r.open(*_where(place), timeout=LIMIT)


async def _open_socket(w: World, _: Ground, place: Place) -> Act:
    r = w.client(place)

    def act() -> Any:
        sock = socket.create_connection((place.host, place.port))
        w.later(sock.close)
        return r.open_socket(sock, principal=place.principal, timeout=LIMIT)

    return act


def _constructor(limit: str) -> Begin:
    async def begin(w: World, _: Ground, place: Place) -> Act:
        keywords = {limit: LIMIT, **place.tickets}
        if w.blocking:
            return lambda: Remctl(*_where(place), **keywords).close()

        async def act() -> None:
            async with AsyncRemctl(*_where(place), **keywords):
                pass

        return act

    return begin


def _simple(**more: int) -> Begin:
    async def begin(w: World, _: Ground, place: Place) -> Act:
        call: Any = remctl if w.blocking else aremctl
        keywords = {"timeout": LIMIT, **place.tickets, **more}
        return lambda: call(*_where(place), place.command, **keywords)

    return begin


# Commands on a connection: one that is open, or one that was lost.

_Verb = Callable[[World, Any, Place], Any]


def _run(_: World, r: Any, place: Place) -> Any:
    return r.run(place.command, timeout=LIMIT)


def _run_limited(_: World, r: Any, place: Place) -> Any:
    return r.run(place.command, timeout=LIMIT, max_output=LARGE)


async def _iterate(w: World, r: Any, place: Place) -> None:
    await done(r.command(place.command))
    await w.all(r)


def _command(_: World, r: Any, place: Place) -> Any:
    return r.command(place.command, timeout=LIMIT)


async def _stream(w: World, r: Any, place: Place) -> None:
    stream, leave = await w.enter(r.stream(place.command, timeout=LIMIT))
    try:
        await w.all(stream)
    finally:
        await done(leave())


async def _lines(w: World, r: Any, place: Place) -> None:
    stream, leave = await w.enter(r.stream(place.command, timeout=LIMIT))
    try:
        await w.all(stream.lines())
    finally:
        await done(leave())


def _noop(_: World, r: Any, __: Place) -> Any:
    return r.noop(timeout=LIMIT)


def _run_into_a_file(w: World, r: Any, place: Place) -> Any:
    return r.run(place.command, timeout=LIMIT, stdout=w.slow_file())


def _on_open(verb: _Verb, **keywords: Any) -> Begin:
    async def begin(w: World, _: Ground, place: Place) -> Act:
        r = await w.opened(place, **keywords)
        return lambda: verb(w, r, place)

    return begin


def _on_lost(verb: _Verb) -> Begin:
    async def begin(w: World, ground: Ground, place: Place) -> Act:
        r = await w.lost(ground, place)
        return lambda: verb(w, r, place)

    return begin


def _in_turn(verb: _Verb) -> Begin:
    async def begin(w: World, ground: Ground, place: Place) -> Act:
        r, other = await w.opened(place), ground.place(Kind.STALL)
        w.meanwhile(lambda: r.run(other.command))
        w.later(r.close)
        await w.until(lambda: ground.ran(other))
        return lambda: verb(w, r, place)

    return begin


async def _with_output_to_come(w: World, place: Place) -> Any:
    r = await w.opened(place)
    await done(r.command(place.command))
    for _ in range(place.tokens):
        await done(r.output())
    return r


async def _output(w: World, _: Ground, place: Place) -> Act:
    r = await _with_output_to_come(w, place)
    return lambda: r.output(timeout=LIMIT)


# Ends.


async def _close(w: World, _: Ground, place: Place) -> Act:
    r = await _with_output_to_come(w, place)
    return lambda: r.close()


async def _stream_end(w: World, _: Ground, place: Place) -> Act:
    r = await w.opened(place)
    stream, leave = await w.enter(r.stream(place.command))
    await done(next(stream) if w.blocking else anext(stream))
    return leave


_VERBS: dict[str, tuple[_Verb, bool, frozenset[Step]]] = {
    "run": (_run, True, ANSWERED),
    "command": (_command, True, frozenset({Step.SEND})),
    "stream": (_stream, True, ANSWERED),
    "lines": (_lines, True, ANSWERED),
    "noop": (_noop, False, frozenset({Step.ANSWER})),
}
_RECONNECT = "run", "command", "stream"

CONNECTION = [
    Call("open", _open, OPENING),
    Call("open_socket", _open_socket, HANDSHAKE),
    Call("Remctl(timeout=)", _constructor("timeout"), OPENING),
    # A keytab's time is no part of connecting.
    Call("Remctl(connect_timeout=)", _constructor("connect_timeout"), OPENING - KEYTAB),
    *(
        Call(name, _on_open(verb), steps, sends=sends)
        for name, (verb, sends, steps) in _VERBS.items()
    ),
    Call(
        "run, set_timeout",
        _on_open(lambda _, r, place: r.run(place.command), timeout=LIMIT),
        frozenset({Step.ANSWER, Step.OLD_ANSWER}),
        sends=True,
    ),
    Call("run(max_output=)", _on_open(_run_limited), ANSWERED, sends=True),
    Call("output", _output, frozenset({Step.ANSWER, Step.OLD_ANSWER}), sends=True),
    Call(
        "iteration, set_timeout",
        _on_open(_iterate, timeout=LIMIT),
        frozenset({Step.ANSWER, Step.OLD_ANSWER}),
        sends=True,
    ),
    *(
        Call(f"{name}, lost before", _on_lost(verb), OPENING, sends=sends, lost=True)
        for name, (verb, sends, _) in _VERBS.items()
        if name in _RECONNECT
    ),
    *(
        Call(f"{name}, in turn", _in_turn(verb), frozenset({Step.TURN}), sends=sends)
        for name, (verb, sends, _) in _VERBS.items()
        if name != "lines"
    ),
    Call("run into a file", _on_open(_run_into_a_file), frozenset({Step.FILE}), sends=True),
    Call("remctl()", _simple(), OPENING | ANSWERED, sends=True),
    Call("remctl(max_output=)", _simple(max_output=LARGE), OPENING | ANSWERED, sends=True),
    Call("close", _close, frozenset({Step.END}), within=0.0),
    Call("stream, left", _stream_end, frozenset({Step.END}), within=0.0),
]


# Credentials. A cache of another's may be read, with a keytab the KDC is asked.


def _credentials(place: Place) -> Credentials:
    if "keytab" in place.tickets:
        return Credentials.from_keytab(place.tickets["keytab"])
    return Credentials.from_ccache(place.tickets["ccache"])


def _of_credentials(blocking: str, asynchronous: str) -> Begin:
    async def begin(w: World, _: Ground, place: Place) -> Act:
        credentials = _credentials(place)
        w.later(credentials.close)
        name = blocking if w.blocking else asynchronous
        return lambda: getattr(credentials, name)(timeout=LIMIT)

    return begin


async def _environ(w: World, _: Ground, place: Place) -> Act:
    credentials = _credentials(place)
    w.later(credentials.close)

    async def act() -> None:
        _, leave = await w.enter(credentials.environ(timeout=LIMIT))
        await done(leave())

    return act


async def _properties(w: World, _: Ground, place: Place) -> Act:
    credentials = _credentials(place)

    def act() -> None:
        for name in ("valid", "expires", "principal", "name"):
            getattr(credentials, name)
        credentials.close()

    return act


async def _make(_: World, __: Ground, place: Place) -> Act:
    return lambda: _credentials(place).close()


_THREADS = ("blocking",)  # they are plain functions, in a loop too

CREDENTIALS = [
    Call("check", _of_credentials("check", "acheck"), CACHE),
    Call("renew", _of_credentials("renew", "arenew"), KEYTAB),
    Call("environ", _environ, KEYTAB),
    # Of a cache that others can read only the name is passed on.
    Call("environ of a cache", _environ, CACHE, within=0.0),
    Call("properties, close", _properties, KEYTAB | CACHE, within=0.0),
    Call("from_ccache", _make, CACHE, within=FIRST_LOOK, worlds=_THREADS),
    Call("from_keytab", _make, KEYTAB, within=FIRST_LOOK, worlds=_THREADS),
]
