"""What can be silent or slow, for `tests.programs.silence`."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import pytest
from remctl import Credentials

from tests.credentials.conftest import locked, paused
from tests.fix_waits import LARGE
from tests.pools.networks import Firewall
from tests.programs.silence_ground import DRIPS, HOST, KDC, PIECE, Ground, Place
from tests.programs.silence_protocol1 import before_the_answer, second_connection
from tests.support.obliging import Kind, Manner
from tests.support.proxy import Proxy


class Step(Enum):
    """A part of a call, in which something may be silent."""

    RESOLVE = auto()
    CONNECT = auto()
    HANDSHAKE = auto()
    TICKET = auto()  # for the server, with a ticket that is there
    FIRST = auto()  # the first ticket, with a keytab
    CACHE = auto()
    KEYTAB = auto()
    CLIENT_KEYTAB = auto()  # the default one, which libgssapi gets a ticket with
    SEND = auto()
    ANSWER = auto()
    SLOW_ANSWER = auto()  # which never ends
    OLD_HANDSHAKE = auto()  # of protocol 1
    OLD_ANSWER = auto()
    IDLE = auto()  # a connection of a pool
    END = auto()  # of what is done: nothing is to be waited for
    TURN = auto()
    FULL_POOL = auto()
    FILE = auto()
    HOSTS = auto()
    COMMAND = auto()  # a function that gives it
    JOB = auto()
    JOB_SLEEPS = auto()


#: A place, and what makes it silent: the second is entered when the call is to begin.
Silence = tuple[Place, AbstractContextManager[object]]


@dataclass(frozen=True)
class Cause:
    """One thing that is silent.

    Attributes:
        step: where calls meet it.
        sent: whether the command is with the server by then.
        lost: whether a connection can be made first, and is lost when the silence begins.
        names: whether it takes names of our own (root).
        in_process: whether it takes an object of this process.
    """

    name: str
    step: Step
    make: Callable[[Ground], AbstractContextManager[Silence]]
    sent: bool = False
    lost: bool = True
    names: bool = False
    in_process: bool = False


# The way to the server, and the handshake.


@contextmanager
def _no_name(ground: Ground) -> Iterator[Silence]:
    place = ground.place()
    place.host = HOST
    yield place, ground.forgotten()


@contextmanager
def _no_connection(ground: Ground) -> Iterator[Silence]:
    """Nobody accepts, and the queue of those that wait is full: the kernel drops each SYN."""

    @contextmanager
    def full() -> Iterator[None]:
        proxy.pause()
        with contextlib.ExitStack() as stack:
            proxy._listener.listen(0)
            for _ in range(10):
                filler = stack.enter_context(socket.socket())
                filler.settimeout(0.05)
                try:
                    filler.connect((proxy.host, proxy.port))
                except TimeoutError:
                    break
            else:
                raise AssertionError("the queue of the listener does not fill up")
            yield
        proxy._listener.listen(128)
        proxy.resume()

    place = ground.place()
    with Proxy((place.host, place.port)) as proxy:
        place.host, place.port = proxy.host, proxy.port
        yield place, full()


@contextmanager
def _mute(ground: Ground) -> Iterator[Silence]:
    yield ground.place(), ground.server_is(manner=Manner.DEAF)


@contextmanager
def _half_a_handshake(ground: Ground) -> Iterator[Silence]:
    yield ground.place(), ground.server_is(half_a_handshake=True)


# Tickets.


@contextmanager
def _silent_kdc(ground: Ground, place: Place) -> Iterator[None]:
    """The KDC says nothing, and the ticket for the server is not there any more."""
    cache = place.tickets.get("ccache")
    if isinstance(cache, Path):
        cache.write_bytes(ground.tickets[False])
    with paused(ground.realm):
        yield


def _kdc(transport: str) -> Callable[[Ground], AbstractContextManager[Silence]]:
    @contextmanager
    def cause(ground: Ground) -> Iterator[Silence]:
        place = ground.place()
        place.tickets = {"ccache": ground.cache(whole=True)}
        with _over(ground, transport):
            yield place, _silent_kdc(ground, place)

    return cause


def _kdc_for_credentials(transport: str) -> Callable[[Ground], AbstractContextManager[Silence]]:
    """The first ticket of a keytab has been got, and the server's is asked for."""

    @contextmanager
    def cause(ground: Ground) -> Iterator[Silence]:
        place = ground.place()
        with _over(ground, transport), Credentials.from_keytab(ground.new_keytab()) as tickets:
            tickets.renew()
            place.tickets = {"ccache": tickets}
            yield place, paused(ground.realm)

    return cause


def _kdc_first(transport: str) -> Callable[[Ground], AbstractContextManager[Silence]]:
    @contextmanager
    def cause(ground: Ground) -> Iterator[Silence]:
        place = ground.place()
        place.tickets = {"keytab": ground.new_keytab()}
        with _over(ground, transport):
            yield place, paused(ground.realm)

    return cause


def _over(ground: Ground, transport: str) -> AbstractContextManager[None]:
    """Over UDP, which the KDC is asked over first, or TCP."""
    if transport == "UDP":
        return nullcontext()
    return ground.configured(r"(\[libdefaults\]\n)", r"\1 udp_preference_limit = 1\n")


@contextmanager
def _no_name_of_the_kdc(ground: Ground) -> Iterator[Silence]:
    @contextmanager
    def silence() -> Iterator[None]:
        with _silent_kdc(ground, place), ground.forgotten():
            yield

    place = ground.place()
    place.tickets = {"ccache": ground.cache(whole=True)}
    with ground.configured(r"\bkdc = 127\.0\.0\.1", f"kdc = {KDC}"):
        yield place, silence()


@contextmanager
def _locked_cache(ground: Ground) -> Iterator[Silence]:
    place = ground.place()
    place.tickets = {"ccache": (cache := ground.cache(whole=True))}
    yield place, locked(cache)


@contextmanager
def _locked_keytab(ground: Ground) -> Iterator[Silence]:
    place = ground.place()
    place.tickets = {"keytab": (keytab := ground.new_keytab())}
    yield place, locked(keytab)


@contextmanager
def _client_keytab(ground: Ground) -> Iterator[tuple[Place, Path]]:
    """The default keytab, and a default cache that is not there yet."""
    keytab = ground.new_keytab()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KRB5CCNAME", f"FILE:{keytab}.cache")
        patch.setenv("KRB5_CLIENT_KTNAME", str(keytab))
        yield ground.place(), keytab


@contextmanager
def _locked_client_keytab(ground: Ground) -> Iterator[Silence]:
    with _client_keytab(ground) as (place, keytab):
        yield place, locked(keytab)


@contextmanager
def _kdc_for_client_keytab(ground: Ground) -> Iterator[Silence]:
    with _client_keytab(ground) as (place, _):
        yield place, paused(ground.realm)


@contextmanager
def _silent_kcm(ground: Ground) -> Iterator[Silence]:
    place = ground.place()
    place.tickets = {"ccache": "KCM:"}
    path = ground.folder / f"kcm{next(ground.numbers)}"
    setting = rf"\1 kcm_socket = {path}\n"
    with (
        ground.configured(r"(\[libdefaults\]\n)", setting),
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(str(path))
        listener.listen(64)
        yield place, nullcontext()


# The command and its answer.


@contextmanager
def _reads_nothing(ground: Ground) -> Iterator[Silence]:
    yield ground.place(Kind.ANSWER, b"", LARGE), ground.server_reads_nothing()


@contextmanager
def _before_the_answer(ground: Ground) -> Iterator[Silence]:
    yield ground.place(Kind.STALL), ground.server_is(noops=Kind.STALL)


@contextmanager
def _between_tokens(ground: Ground) -> Iterator[Silence]:
    place = ground.place(Kind.HALF)
    place.tokens = 1
    yield place, ground.server_is(noops=Kind.STALL)


@contextmanager
def _within_a_token(ground: Ground) -> Iterator[Silence]:
    place = ground.place(Kind.HALF, PIECE)
    place.tokens = 1
    yield place, ground.server_is(noops=Kind.HALF)


@contextmanager
def _in_drips(ground: Ground) -> Iterator[Silence]:
    yield ground.place(Kind.ANSWER, DRIPS), nullcontext()


@contextmanager
def _idle(ground: Ground) -> Iterator[Silence]:
    """A firewall forgets the connections that there are."""

    @contextmanager
    def silence() -> Iterator[None]:
        firewall.forget()
        yield

    place = ground.place(Kind.QUIET)
    firewall = Firewall(ground.server)
    with firewall:
        place.host, place.port = firewall.host, firewall.port
        yield place, silence()


@contextmanager
def _at_the_end(ground: Ground) -> Iterator[Silence]:
    """The server reads nothing, and so it does not hang up either."""
    place = ground.place(Kind.HALF)
    place.tokens = 1
    yield place, ground.server_reads_nothing()


# This process.


@contextmanager
def _serves(ground: Ground) -> Iterator[Silence]:
    """The server is well; it is the caller that is slow."""
    yield ground.place(Kind.QUIET), nullcontext()


CAUSES = [
    Cause("DNS, the host's name", Step.RESOLVE, _no_name, names=True),
    Cause("SYN dropped", Step.CONNECT, _no_connection),
    Cause("accepted, then mute", Step.HANDSHAKE, _mute),
    Cause("half of a handshake", Step.HANDSHAKE, _half_a_handshake),
    *(
        cause
        for transport in ("UDP", "TCP")
        for cause in (
            Cause(f"KDC over {transport}", Step.TICKET, _kdc(transport)),
            Cause(
                f"KDC over {transport}, with a keytab's ticket",
                Step.TICKET,
                _kdc_for_credentials(transport),
                lost=False,
                in_process=True,
            ),
            Cause(
                f"KDC over {transport}, a keytab's first ticket",
                Step.FIRST,
                _kdc_first(transport),
                lost=False,
            ),
        )
    ),
    Cause("DNS, the KDC's name", Step.TICKET, _no_name_of_the_kdc, names=True),
    Cause("locked ticket cache", Step.CACHE, _locked_cache),
    Cause("locked keytab", Step.KEYTAB, _locked_keytab, lost=False),
    Cause(
        "KDC, a client keytab's first ticket",
        Step.CLIENT_KEYTAB,
        _kdc_for_client_keytab,
        lost=False,
    ),
    Cause("locked client keytab", Step.CLIENT_KEYTAB, _locked_client_keytab, lost=False),
    Cause("KCM", Step.CACHE, _silent_kcm, lost=False),
    Cause("protocol 1, handshake", Step.OLD_HANDSHAKE, second_connection, lost=False),
    Cause("server does not read", Step.SEND, _reads_nothing),
    Cause("before the answer", Step.ANSWER, _before_the_answer, sent=True),
    Cause("between two tokens", Step.ANSWER, _between_tokens, sent=True),
    Cause("within a token", Step.ANSWER, _within_a_token, sent=True),
    Cause("an answer without end", Step.SLOW_ANSWER, _in_drips, sent=True),
    Cause("protocol 1, before the answer", Step.OLD_ANSWER, before_the_answer, sent=True),
    Cause("at the end", Step.END, _at_the_end),
    Cause("idle connection of a pool", Step.IDLE, _idle),
    Cause("turn of another call", Step.TURN, _before_the_answer),
    Cause("full pool", Step.FULL_POOL, _serves),
    Cause("caller's file", Step.FILE, _between_tokens, sent=True),
    Cause("caller's hosts", Step.HOSTS, _serves),
    Cause("caller's function", Step.COMMAND, _serves),
    Cause("caller's job", Step.JOB, _serves),
    Cause("caller's job, in sleep()", Step.JOB_SLEEPS, _serves),
]
