"""A model of a connection: what each verb must do, whatever came before.

    python -m tests.programs.model [sequences [steps [world...]]]

tries that many sequences in each world, or in those named. From 1000 on they are others each time.
"""

import contextlib
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from remctl import RemctlError, RemctlNotOpenedError, RemctlProtocolError, RemctlTimeoutError
from remctl.testing import Realm

from tests.programs.worlds import WORLDS, World
from tests.support.obliging import Kind, Manner, ObligingServer
from tests.support.sequences import for_sequences

Token = tuple[str, bytes | None, int | None, int | None, int | None]

PATIENCE = 30.0  # seconds; nothing that is answered takes so long
IMPATIENCE = 0.2  # where no answer comes; a handshake takes less, on a busy machine too


@dataclass(frozen=True)
class Failure:
    """An exception that must come: its type, what its text has in it."""

    type: type[RemctlError]
    text: str


NOT_OPENED = Failure(RemctlNotOpenedError, "no currently open connection")
NO_CONNECTION = Failure(RemctlError, "no connection open")
PENDING = Failure(RemctlError, "output of the previous command is pending")
NOT_AGAIN = Failure(RemctlError, "cannot be made again")
END = Failure(RemctlError, "unexpected end of file")
CLOSED = Failure(RemctlError, "closed during the call")
# A socket may have been reset before it is given to open_socket().
REFUSED = Failure(RemctlError, "unexpected end of file|Connection reset|not connected")
SILENCE = Failure(RemctlTimeoutError, "receiving token: timed out")


def tokens(kind: Kind, nonce: bytes) -> list[Token | Failure]:
    """What `output()` gives for a command, one after another."""
    first: Token = ("output", nonce, 1, None, None)
    end: Token = ("status", None, None, 3, None)
    every: dict[Kind, list[Token | Failure]] = {
        Kind.ANSWER: [first, ("output", b"err " + nonce, 2, None, None), end],
        Kind.QUIET: [("status", None, None, 0, None)],
        Kind.MANY: [first, *[("output", b"x", 1, None, None)] * 199, end],
        Kind.REFUSE: [("error", b"unknown " + nonce, None, None, 5)],
        Kind.STALL: [SILENCE],
        Kind.HALF: [first, SILENCE],
        Kind.HANG_UP: [END],
        Kind.RESET: [END],
        Kind.CUT: [first, END],
        Kind.EXTRA: [first, end],
        Kind.PART: [first, end],
        Kind.LAST: [first, end],
    }
    return every[kind]


class Model(RuleBasedStateMachine):
    """The verbs in any order, in the hands of hypothesis."""

    def __init__(self, server: ObligingServer, world: Callable[[], World]) -> None:
        super().__init__()
        self.server = server
        self.server.manner = Manner.SERVE
        self.server.record.clear()
        self.world = world()
        self.opened = False
        self.connected = False  # as far as the object knows
        self.fresh = True  # nothing has come on it, nor its end, that nobody has seen
        self.reconnects = True
        self.pending: list[Token | Failure] = []
        self.kind: Kind | None = None
        self.said = True  # whether the last error says that its command may have run
        self.sent: list[bytes] = []  # what the server must have a record of
        self.count = 0

    # What the model knows.

    def lost(self) -> None:
        """The connection was dropped."""
        self.connected = False
        self.pending = []

    def nonce(self) -> bytes:
        """A word that was never used."""
        self.count += 1
        return b"nonce %d" % self.count

    def expect(
        self, failure: Failure | None, call: Callable[[], Any], ran: bool | None = None
    ) -> Any:
        """Call, and see that it does what it must; what it returns.

        `ran`: what its error has to say of whether the command may have run.
        """
        if failure is None:
            return call()
        raised: RemctlError | None = None
        result = None
        try:
            result = call()
        except RemctlError as error:
            raised = error
        assert raised is not None, f"{result} instead of {failure}"
        self.said = raised.may_have_run
        assert isinstance(raised, failure.type), (raised, failure)
        assert re.search(failure.text, str(raised)), (raised, failure)
        if ran is not None:
            assert raised.may_have_run is ran, raised
        if failure is not CLOSED:  # after which the closing itself has said something
            said = self.world.error()
            if isinstance(raised, RemctlProtocolError):  # which names the command and the host, too
                assert str(raised).endswith(f": {said}"), (raised, said)
            else:
                assert str(raised) == said
        return None

    def sending(self) -> Failure | None:
        """What has to become of sending a command now, and what follows from it."""
        if not self.opened:
            return NOT_OPENED
        if self.pending:
            return PENDING
        if self.connected and self.fresh:
            return None
        self.lost()
        if not self.reconnects:
            return NOT_AGAIN
        if self.server.manner is Manner.RESET:
            return REFUSED
        if self.server.manner is Manner.DEAF:
            return SILENCE
        self.connected = self.fresh = True
        return None

    def send(self, kind: Kind, call: Callable[[list[bytes]], Any]) -> Any:
        """Send a command by some verb; what the verb returns."""
        nonce = self.nonce()
        failure = self.sending()
        self.world.set_timeout(IMPATIENCE if failure is SILENCE else PATIENCE)
        result = self.expect(failure, lambda: call([kind.value.encode(), nonce]), ran=False)
        if failure is None:
            self.server.wait_for(nonce)
            self.sent.append(nonce)
            self.kind = kind
            self.pending = tokens(kind, nonce)
        return result

    def read(self, token: Callable[[], Any]) -> Any:
        """Read the next token by some verb, which must be what the model has."""
        expected = self.pending.pop(0)
        if isinstance(expected, Failure):
            self.world.set_timeout(IMPATIENCE if expected is SILENCE else PATIENCE)
            self.expect(expected, token, ran=True)
            self.lost()
            return None
        self.world.set_timeout(PATIENCE)
        got = token()
        assert tuple(got) == expected
        if not self.pending:
            self.answered()
        return got

    def answered(self) -> None:
        """The whole answer was read."""
        if self.kind is Kind.LAST:
            self.server.wait_for_end()
        if self.kind in (Kind.EXTRA, Kind.PART, Kind.LAST):
            self.fresh = False

    # The verbs.

    @initialize(begin=st.booleans())
    def begin(self, begin: bool) -> None:
        """Most things are done on an open connection."""
        if begin:
            self.open()

    @rule()
    def open(self) -> None:
        """It opens, or fails, and an open connection is closed in either case."""
        failure = {Manner.SERVE: None, Manner.RESET: REFUSED, Manner.DEAF: SILENCE}[
            self.server.manner
        ]
        self.world.set_timeout(IMPATIENCE if failure is SILENCE else PATIENCE)
        self.expect(failure, lambda: self.world.open(self.server))
        self.lost()
        self.opened = self.connected = failure is None
        self.fresh = self.reconnects = True

    @rule()
    def open_socket(self) -> None:
        """The same over a socket; such a connection cannot be made again."""
        failure = {Manner.SERVE: None, Manner.RESET: REFUSED, Manner.DEAF: SILENCE}[
            self.server.manner
        ]
        self.world.set_timeout(IMPATIENCE if failure is SILENCE else PATIENCE)
        self.expect(failure, lambda: self.world.open_socket(self.server))
        self.lost()
        self.opened = self.connected = failure is None
        self.fresh = True
        self.reconnects = False

    @rule()
    def close(self) -> None:
        """It never fails."""
        self.world.close()
        self.opened = False
        self.lost()

    @rule(kind=st.sampled_from(Kind))
    def command(self, kind: Kind) -> None:
        """It is sent, or refused."""
        self.send(kind, self.world.command)

    @rule(most=st.integers(1, 5))
    def output(self, most: int) -> None:
        """Some of what is pending, or "done"."""
        for _ in range(most):
            if not self.opened:
                self.expect(NOT_OPENED, self.world.output)
            elif not self.connected:
                self.expect(NO_CONNECTION, self.world.output)
            elif self.pending:
                self.read(self.world.output)
            else:
                assert tuple(self.world.output()) == ("done", None, None, None, None)

    @rule()
    def read_all(self) -> None:
        """All of it."""
        while self.pending:
            self.read(self.world.output)

    @rule(kind=st.sampled_from(Kind))
    def run(self, kind: Kind) -> None:
        """An answer, or the reason why there is none."""
        nonce = self.nonce()
        again = not (self.connected and self.fresh)
        failure = self.sending()
        expected: list[Token | Failure] = []
        if failure is None:
            self.sent.append(nonce)
            self.kind = kind
            expected = tokens(kind, nonce)
            if isinstance(expected[-1], Failure):
                failure = expected[-1]
            elif kind is Kind.REFUSE:
                failure = Failure(RemctlProtocolError, "unknown " + nonce.decode())
        self.world.set_timeout(IMPATIENCE if failure is SILENCE else PATIENCE)
        # A server that refuses it has said so; one that is silent may have done it.
        ran = bool(expected) and kind is not Kind.REFUSE
        # Unless the limit passed in the handshake of a reconnection.
        unsure = again and failure is SILENCE and ran
        command = [kind.value.encode(), nonce]
        answer = self.expect(failure, lambda: self.world.run(command), ran=None if unsure else ran)
        if unsure and not self.said:
            self.lost()
            self.server.wait_for_end()  # what it has now is all that it was sent
            self.sent.remove(nonce)  # which the record must not have either
            return
        if not expected:
            return
        if isinstance(expected[-1], Failure):
            self.server.wait_for(nonce)  # which may come late where the server is slow
            self.lost()
            return
        self.answered()
        if failure is None:
            answers = [token for token in expected if not isinstance(token, Failure)]
            for stream, got in ((1, answer.stdout), (2, answer.stderr)):
                parts = [token[1] for token in answers if token[2] == stream]
                assert got == (b"".join(part or b"" for part in parts) if parts else None)
            assert answer.status == answers[-1][3]

    @rule(kind=st.sampled_from(Kind), most=st.integers(0, 5) | st.none())
    def stream(self, kind: Kind, most: int | None) -> None:
        """Some of its tokens or all; leaving it before its answer is there drops the connection."""
        stream = self.send(kind, self.world.stream)
        if stream is None:
            return
        while self.pending and most != 0:
            self.read(stream.next)
            most = None if most is None else most - 1
        if self.connected and not self.pending:
            assert stream.next() is None
        stream.close()
        assert stream.next() is None
        if self.pending:
            self.left_early()

    def left_early(self) -> None:
        """Who reads ahead may have had the whole answer, and then keeps the connection."""
        whole = not isinstance(self.pending[-1], Failure)
        self.pending = []
        self.connected = False
        if whole and self.world.reads_ahead:
            self.world.set_timeout(PATIENCE)
            self.answered()
            with contextlib.suppress(RemctlError):
                self.connected = self.world.noop()

    @rule()
    def noop(self) -> None:
        """True, or the reason why there is no connection."""
        failure = None
        if not self.opened:
            failure = NOT_OPENED
        elif self.pending:
            failure = PENDING
        elif not self.connected:
            failure = NO_CONNECTION
        elif not self.fresh:
            failure = Failure(RemctlError, "unexpected (end of file|data)")
        self.world.set_timeout(PATIENCE)
        answer = self.expect(failure, self.world.noop)
        if failure is None:
            assert answer is True
        elif failure not in (NOT_OPENED, PENDING):
            self.lost()

    # What happens to it.

    def under_way(self) -> bytes | None:
        """The nonce of a command that will be sent; None where it is refused, as it has to be."""
        nonce = self.nonce()
        failure = self.sending()
        self.world.set_timeout(IMPATIENCE if failure is SILENCE else PATIENCE)
        if failure is not None:
            command = [Kind.STALL.value.encode(), nonce]
            self.expect(failure, lambda: self.world.run(command), ran=False)
            return None
        self.sent.append(nonce)
        return nonce

    @rule(kind=st.sampled_from([Kind.STALL, Kind.HALF]))
    def closed_under_a_run(self, kind: Kind) -> None:
        """By another thread, or task."""
        nonce = self.under_way()
        if nonce is None:
            return

        def running() -> bool:
            return nonce in self.server.record

        command = [kind.value.encode(), nonce]
        self.expect(CLOSED, lambda: self.world.run_and_close(command, running), ran=True)
        self.opened = False
        self.lost()

    @rule(kind=st.sampled_from([Kind.STALL, Kind.HALF]))
    def given_up(self, kind: Kind) -> None:
        """A run that is interrupted, or cancelled: the object stays open, and its own."""
        nonce = self.under_way()
        if nonce is None:
            return
        self.world.run_and_give_up(
            [kind.value.encode(), nonce], lambda: nonce in self.server.record
        )
        self.lost()

    @rule()
    def used_in_a_child(self) -> None:
        """It makes a connection of its own there, and nothing changes here."""
        if not self.opened or not self.reconnects or self.server.manner is not Manner.SERVE:
            return
        nonce = self.nonce()
        self.world.set_timeout(PATIENCE)
        if self.world.run_in_a_child([Kind.QUIET.value.encode(), nonce]):
            self.sent.append(nonce)

    @rule()
    def the_server_hangs_up(self) -> None:
        """While nothing is on its way; the object has not seen it yet."""
        if self.pending:
            return
        self.server.hang_up()
        self.fresh = False

    @rule(manner=st.sampled_from(Manner))
    def the_server_changes(self, manner: Manner) -> None:
        """For connections from now on."""
        self.server.manner = manner

    @rule()
    def the_server_is_well(self) -> None:
        """Most of the time."""
        self.server.manner = Manner.SERVE

    @invariant()
    def what_it_says_of_itself(self) -> None:
        """The object and the model agree, and so does the server: no command came that was
        refused here, none came twice, and all came in order.
        """
        assert self.world.opened == self.opened
        assert self.server.record == self.sent

    def teardown(self) -> None:
        """All has an end."""
        self.world.close()
        self.server.hang_up()
        self.world.end()


def try_sequences(realm: Realm, world: Callable[[], World], sequences: int, steps: int) -> int:
    """Try so many sequences of so many steps; the number of commands that the server had."""
    total = 0

    class Counting(Model):
        def teardown(self) -> None:
            nonlocal total
            total += len(self.sent)
            super().teardown()

        def __init__(self) -> None:
            super().__init__(server, world)

    with contextlib.closing(ObligingServer(realm)) as server:
        run_state_machine_as_test(
            Counting,
            settings=for_sequences(sequences, steps),
        )
    assert threading.active_count() < 20
    return total


def main(sequences: str = "10000", steps: str = "25", *worlds: str) -> None:
    """Try that many in each world."""
    with Realm() as realm, realm.environ():
        for name in worlds or WORLDS:
            commands = try_sequences(realm, WORLDS[name], int(sequences), int(steps))
            print(f"{name}: {sequences} sequences, {commands} commands, each as the model has it")


if __name__ == "__main__":
    main(*sys.argv[1:])
