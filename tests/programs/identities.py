"""Whose each command is, whatever comes in between: the one that a small model has, or an error.

    python -m tests.programs.identities [sequences [steps]]

tries that many sequences. From 1000 on they are others each time.
"""

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from remctl import (
    ConnectionPool,
    Credentials,
    Remctl,
    RemctlError,
    RemctlTimeoutError,
    Target,
    aremctl,
    preload,
    remctl,
    run_many,
)

from tests.programs.identities_ground import FOLDERS, KEYTAB, USERS, WHO, Ground, grounds
from tests.support.forks import in_child
from tests.support.sequences import for_sequences

PATIENCE = 30.0  # seconds
IMPATIENCE = 0.2  # where the KDC may be silent

# As a caller may name them; a relative one is another file in each folder.
NAMES = ["a", "FILE:a", "{top}/a", "FILE:{top}/b", "{top}/b"]
NOBODY = None  # an error, and never a command

User = str | None


@dataclass
class Kept:
    """What an object keeps, as the model has it."""

    cache: Path | None = None  # None: the service is the client's, with tickets of its own
    user: User = None  # of the first open
    connected: bool = False
    chosen: bool = False  # set_ccache() was called since it was opened


class Identities(RuleBasedStateMachine):
    """Caches that change, variables, folders, and calls, in the hands of hypothesis."""

    ground: Ground

    def __init__(self) -> None:
        super().__init__()
        ground = self.ground
        self.caches: dict[Path, str] = {}
        self.folder = "first"
        self.silent = 0  # so many calls more
        self.client: Remctl | None = None
        self.pool: ConnectionPool | None = None
        self.kept = Kept()
        self.pooled = Kept()
        os.chdir(ground.top / self.folder)
        for number, _ in enumerate(self.every_cache()):
            self.fill(number, USERS[number % 2], number < 2)
        self.variable = self.every_cache()[0]
        os.environ["KRB5CCNAME"] = str(self.variable)
        self.make_a_pool(None)
        self.connect()

    # What the model knows.

    def every_cache(self) -> list[Path]:
        """The files that the names may mean."""
        top = self.ground.top
        return [top / "a", top / "b", *(top / folder / "a" for folder in FOLDERS)]

    def meant(self, name: str) -> tuple[str, Path]:
        """A name as a caller gives it, and the file that it names now."""
        given = name.format(top=self.ground.top)
        return given, self.ground.top / self.folder / given.removeprefix("FILE:")

    def holder(self, cache: Path) -> User:
        """Whose tickets are in a cache now."""
        return self.caches.get(cache, NOBODY)

    def of_now(self) -> User:
        """Whose a call is that names no tickets."""
        return self.holder(self.variable)

    def again(self, kept: Kept) -> User:
        """Whose a connection is that has to be made once more."""
        if kept.cache is None:
            return kept.user
        now = self.holder(kept.cache)
        return now if kept.user in (now, None) or kept.chosen else NOBODY

    @property
    def timeout(self) -> float:
        """How long a call may take."""
        return IMPATIENCE if self.silent else PATIENCE

    def check(self, user: User, call: Callable[[], str], what: str, hurried: bool = False) -> bool:
        """Call, and see whose it was; whether there was an answer.

        `hurried`: its time was short, because the KDC may have been silent when it began.
        """
        hurried = hurried or self.silent > 0
        seen, error = None, None
        try:
            seen = call()
        except RemctlError as raised:
            error = raised
        if error is None:
            assert seen == user, (what, user, seen)
            self.ground.commands[what] += 1
        else:
            # A time that is short for the KDC's sake may be so for the command.
            late = hurried and isinstance(error, RemctlTimeoutError)
            assert late or not error.may_have_run, (what, error)
            assert hurried or user is NOBODY, (what, user, error)
            self.ground.commands["errors"] += 1
        if self.silent == 1:
            self.ground.realm.resume_kdc()
        self.silent = max(0, self.silent - 1)
        return error is None

    def name(self, text: str) -> str:
        """A principal as the server has printed it, without its realm."""
        return text.strip().removesuffix(f"@{self.ground.realm.name}")

    @property
    def where(self) -> tuple[str, int, str]:
        """The way to the server."""
        return "127.0.0.1", self.ground.proxy.port, self.ground.principal

    # What changes.

    @rule(cache=st.integers(0, 3), user=st.sampled_from(USERS), whole=st.booleans())
    def fill(self, cache: int, user: str, whole: bool) -> None:
        """A cache gets a user's tickets, in place of those of before."""
        path = self.every_cache()[cache]
        self.ground.put(path, user, whole)
        self.caches[path] = user

    @rule(cache=st.integers(0, 3), really=st.sampled_from([False, False, True]))
    def empty(self, cache: int, really: bool) -> None:
        """A cache is destroyed, now and then."""
        path = self.every_cache()[cache]
        if not really:
            return
        path.unlink(missing_ok=True)
        self.caches.pop(path, None)

    @rule(name=st.sampled_from(NAMES))
    def set_variable(self, name: str) -> None:
        """For calls from now on. Its file is that of the folder at the time of the call."""
        os.environ["KRB5CCNAME"], self.variable = self.meant(name)

    @rule(folder=st.sampled_from(FOLDERS))
    def change_folder(self, folder: str) -> None:
        """A relative name means another file."""
        os.chdir(self.ground.top / folder)
        self.folder = folder
        given = os.environ["KRB5CCNAME"].removeprefix("FILE:")
        self.variable = self.ground.top / folder / given

    @rule()
    def lose(self) -> None:
        """All connections end."""
        self.ground.proxy.cut()
        self.kept.connected = self.pooled.connected = False

    @rule(calls=st.integers(1, 2), really=st.sampled_from([False, False, True]))
    def the_kdc_is_silent(self, calls: int, really: bool) -> None:
        """For so many calls, now and then."""
        if really and not self.silent:
            self.ground.realm.pause_kdc()
            self.silent = calls

    # Calls of their own.

    @rule()
    def call(self) -> None:
        """With the default cache."""
        self.check(self.of_now(), self.simple(), "calls")

    @rule()
    def acall(self) -> None:
        """The same in an event loop."""

        async def one() -> str:
            return (await aremctl(*self.where, WHO, timeout=self.timeout)).text

        self.check(self.of_now(), lambda: self.name(asyncio.run(one())), "calls in a loop")

    @rule(name=st.sampled_from(NAMES))
    def call_with(self, name: str) -> None:
        """With a cache that is named."""
        given, cache = self.meant(name)
        self.check(self.holder(cache), self.simple(ccache=given), "calls with ccache=")

    @rule()
    def call_with_a_keytab(self) -> None:
        """With the keytab of this folder."""
        user = self.ground.services[self.folder]
        self.check(user, self.simple(keytab=KEYTAB), "calls with keytab=")

    def simple(self, **tickets: str) -> Callable[[], str]:
        """A call for one command."""
        return lambda: self.name(
            remctl(*self.where, WHO, timeout=self.timeout, **tickets).text  # type: ignore[arg-type]
        )

    @rule(change=st.booleans(), user=st.sampled_from(USERS), name=st.sampled_from(NAMES))
    def many(self, change: bool, user: str, name: str) -> None:
        """Several hosts, between which the variable, or whose the cache is, changes."""
        cache, first = self.variable, self.of_now()
        host, port, principal = self.where
        outcomes = run_many([Target(host, port, principal)] * 3, WHO, limit=1, timeout=self.timeout)
        kept = Kept(cache)
        hurried = self.silent > 0
        for number, outcome in enumerate(outcomes):
            expected = first if number == 0 else self.again(kept)
            seen = partial(lambda one: self.name(one.check().text), outcome)
            if self.check(expected, seen, "hosts of many", hurried):
                kept.user = expected
            if change and cache in self.every_cache():
                self.fill(self.every_cache().index(cache), user, True)
            self.set_variable(name)

    # A connection.

    def make(self, **tickets: object) -> Remctl:
        """A client, in place of the one before."""
        if self.client is not None:
            self.client.close()
        self.client = Remctl(**tickets)  # type: ignore[arg-type]
        return self.client

    @rule()
    def connect(self) -> None:
        """With the default cache."""
        self.open(self.make(), Kept(self.variable))

    @rule(name=st.sampled_from(NAMES), whole=st.booleans())
    def connect_with(self, name: str, whole: bool) -> None:
        """With a cache that is named, or Credentials of it; in another folder by then."""
        given, cache = self.meant(name)
        client = self.make(ccache=Credentials.from_ccache(given) if whole else given)
        self.change_folder("second" if self.folder == "first" else "first")
        self.open(client, Kept(cache))

    @rule(renew=st.booleans())
    def connect_with_a_keytab(self, renew: bool) -> None:
        """With Credentials of the keytab of this folder, new tickets included."""
        credentials = Credentials.from_keytab(KEYTAB)
        user = self.ground.services[self.folder]
        client = self.make(ccache=credentials)
        if renew:
            with contextlib.suppress(RemctlError):
                credentials.renew(timeout=self.timeout)
        self.change_folder("second" if self.folder == "first" else "first")
        self.open(client, Kept(None, user))

    def open(self, client: Remctl, kept: Kept) -> None:
        """Open it: the client is settled then."""
        self.kept = kept

        def one() -> str:
            client.open(*self.where, timeout=self.timeout)
            return self.run_on(client)

        if self.check(self.again(kept), one, "connections"):
            kept.user, kept.connected = self.again(kept), True
        else:
            client.close()
            self.client = None

    def run_on(self, client: Remctl) -> str:
        """Whose a command on a connection is."""
        return self.name(client.run(WHO, timeout=self.timeout).text)

    @rule(name=st.sampled_from(NAMES))
    def set_ccache(self, name: str) -> None:
        """For the next connection that it makes."""
        if self.client is None:
            return
        given, cache = self.meant(name)
        self.client.set_ccache(given)
        self.kept.cache, self.kept.chosen = cache, True

    @rule(user=st.sampled_from([None, *USERS]))
    def run(self, user: User) -> None:
        """A command on the connection; if it was lost, others may have its cache by then."""
        client, kept = self.client, self.kept
        if client is None:
            return
        self.meanwhile(kept, user)
        expected = kept.user if kept.connected else self.again(kept)
        if self.check(expected, lambda: self.run_on(client), "commands on a connection"):
            if not kept.connected:
                kept.chosen = False
            kept.connected, kept.user = True, expected
        else:
            kept.connected = False

    def meanwhile(self, kept: Kept, user: User) -> None:
        """All connections end, and an object's cache gets the tickets of a user."""
        if user is not None:
            self.lose()
            if kept.cache is not None:
                self.fill(self.every_cache().index(kept.cache), user, True)

    @rule()
    def fork(self) -> None:
        """A command in a child, which makes a connection of its own."""
        client, kept = self.client, self.kept
        if client is None:
            return

        def child() -> str:
            try:
                return self.run_on(client)
            except RemctlError as error:
                return f"error: {error}"

        said = in_child(child)
        if said.startswith("error: "):
            assert self.silent or self.again(kept) is NOBODY, (kept, said)
        else:
            assert said == self.again(kept), (kept, said)
            self.ground.commands["commands in a child"] += 1

    # A pool.

    @rule(name=st.sampled_from([None, *NAMES]))
    def make_a_pool(self, name: str | None) -> None:
        """One that keeps the default cache of this moment, or has one that is named."""
        self.close_the_pool()
        given, cache = (None, self.variable) if name is None else self.meant(name)
        self.pool = ConnectionPool(*self.where, ccache=given, min_size=0, max_size=1)
        self.pooled = Kept(cache)

    @rule(user=st.sampled_from([None, *USERS]))
    def run_in_the_pool(self, user: User) -> None:
        """A command on one of its connections, which may have been lost."""
        pool, kept = self.pool, self.pooled
        if pool is None:
            return
        self.meanwhile(kept, user)
        expected = kept.user if kept.connected else self.again(kept)

        def one() -> str:
            return self.name(pool.run(WHO, timeout=self.timeout).text)

        silent = self.silent
        if self.check(expected, one, "commands in a pool"):
            kept.connected, kept.user = True, expected
        elif silent:  # it goes on to open a connection, as who had the tickets then
            self.close_the_pool()

    def close_the_pool(self) -> None:
        """Its connections end."""
        if self.pool is not None:
            self.pool.close()
        self.pool = None

    def teardown(self) -> None:
        """All has an end."""
        if self.silent:
            self.ground.realm.resume_kdc()
        self.close_the_pool()
        if self.client is not None:
            self.client.close()


def try_sequences(sequences: int, steps: int) -> Counter[str]:
    """Try so many sequences of so many steps; the commands that were somebody's, by kind."""
    preload()
    with grounds() as ground:
        run_state_machine_as_test(
            type("OnGround", (Identities,), {"ground": ground}),
            settings=for_sequences(sequences, steps),
        )
        return ground.commands


def main(sequences: str = "1000", steps: str = "30") -> None:
    """Try that many."""
    seen = try_sequences(int(sequences), int(steps))
    print(f"{sequences} sequences, {sum(seen.values())} calls, each as the model has it:")
    for what, number in seen.most_common():
        print(f"{number:8} {what}")


if __name__ == "__main__":
    main(*sys.argv[1:])
