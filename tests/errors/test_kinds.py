"""`error.kind` and `error.retryable`: each kind made for real, in every world."""

import asyncio
import copy
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import remctl
import trio
import uvloop
from remctl import ErrorKind, _errors
from remctl.testing import Realm, Server

from tests.errors.worlds import WORLDS, Call, Failure, World
from tests.fix_hostile import Connection, HostileServer, MakeHostile
from tests.fix_many import Runs
from tests.fix_network import DeafServer

SLEEP = ["test", "sleep", "20"]

# These read a keytab before they ask any host; the command line says that it cannot.
BEFORE_ANY_HOST = [world for name, world in WORLDS.items() if "many" in name or "line" in name]


@pytest.fixture(params=list(WORLDS.values()), ids=list(WORLDS))
def world(request: pytest.FixtureRequest) -> World:
    """Each way to make a call."""
    chosen: World = request.param
    return chosen


def before(kind: str, *, retryable: bool) -> Failure:
    """Of a call that failed before its command."""
    return Failure(kind, retryable, may_have_run=False)


def after(kind: str) -> Failure:
    """Of a call that failed when its command had been sent."""
    return Failure(kind, retryable=False, may_have_run=True)


class TestTheTable:
    """What a program can tell apart."""

    def test_a_name_that_nobody_knows(self, world: World) -> None:
        call = Call("nohost.invalid", 4373)
        assert world(call) == before("resolve", retryable=True)

    def test_a_port_where_nobody_listens(self, world: World) -> None:
        assert world(Call("127.0.0.1", 1)) == before("connect", retryable=True)

    @pytest.mark.usefixtures("realm")
    def test_a_server_that_is_silent(self, world: World, deaf: DeafServer) -> None:
        call = Call("127.0.0.1", deaf.port, "host/localhost", timeout=0.2)
        assert world(call) == before("timeout", retryable=True)

    def test_a_call_that_is_too_late(self, world: World, server: Server) -> None:
        if world is WORLDS["command line"]:
            return  # it takes no such limit
        call = Call(server.host, server.port, timeout=0)
        assert world(call) == before("timeout", retryable=False)

    def test_no_ticket(self, world: World, server: Server) -> None:
        call = Call(server.host, server.port, settings={"ccache": "/nonexistent/ccache"})
        assert world(call) == before("ticket", retryable=False)

    def test_a_keytab_that_is_not_there(self, world: World, server: Server) -> None:
        call = Call(server.host, server.port, settings={"keytab": "/nonexistent/keytab"})
        if world in BEFORE_ANY_HOST:
            return
        assert world(call) == before("ticket", retryable=False)

    def test_an_expired_ticket(
        self, world: World, server: Server, realm: Realm, tmp_path: Path
    ) -> None:
        realm.kinit(ccache=tmp_path / "ccache", lifetime=100, ahead=200)
        call = Call(server.host, server.port, settings={"ccache": str(tmp_path / "ccache")})
        assert world(call) == before("ticket", retryable=False)

    def test_no_kdc(self, world: World, server: Server, realm: Realm, tmp_path: Path) -> None:
        realm.kinit(ccache=tmp_path / "ccache")
        call = Call(server.host, server.port, settings={"ccache": str(tmp_path / "ccache")})
        with stopped(realm):
            assert world(call) == before("kdc", retryable=True)

    def test_a_principal_that_the_kdc_does_not_know(self, world: World, server: Server) -> None:
        call = Call(server.host, server.port, "host/unknown")
        assert world(call) == before("authenticate", retryable=False)

    def test_a_command_that_is_denied(self, world: World, server: Server) -> None:
        call = Call(server.host, server.port, command=["test", "denied"])
        assert world(call) == before("denied", retryable=False)

    def test_a_command_that_there_is_not(self, world: World, server: Server) -> None:
        call = Call(server.host, server.port, command=["no", "such"])
        assert world(call) == before("unknown_command", retryable=False)

    def test_a_command_that_is_refused(self, world: World, server: Server) -> None:
        """There is no help for it."""
        call = Call(server.host, server.port, command=["help", "test", "hello"])
        assert world(call) == before("refused", retryable=False)

    def test_a_command_that_takes_too_long(self, world: World, server: Server) -> None:
        call = Call(server.host, server.port, command=SLEEP, timeout=2)
        assert world(call) == after("timeout")

    def test_a_connection_that_breaks(self, world: World, server: Server) -> None:
        call = Call(server.host, server.port, command=["test", "drop"])
        assert world(call) == after("lost")

    def test_a_server_that_hangs_up_in_the_handshake(
        self, world: World, hostile: MakeHostile
    ) -> None:
        server = hostile(Connection.close, handshake=lambda connection: None)
        assert world(_to(server)) == before("lost", retryable=True)

    def test_a_server_that_sends_what_it_must_not(self, world: World, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_message(99)
            connection.wait_closed()

        assert world(_to(hostile(script))) == after("protocol")


def _to(server: HostileServer) -> Call:
    return Call(server.host, server.port, server.principal)


@contextmanager
def stopped(realm: Realm) -> Iterator[None]:
    """No KDC at all."""
    realm.stop_kdc()
    try:
        yield
    finally:
        realm.start_kdc()


class TestMisuse:
    """Calls that are invalid when they are made."""

    def test_a_connection_that_is_not_open(self) -> None:
        with pytest.raises(remctl.RemctlNotOpenedError) as caught:
            remctl.Remctl().run(["test", "hello"])
        assert (caught.value.kind, caught.value.retryable) == (ErrorKind.MISUSE, False)

    def test_output_that_is_pending(self, server: Server) -> None:
        with remctl.Remctl(server.host, server.port) as client:
            client.command(["test", "hello"])
            with pytest.raises(remctl.RemctlError, match="pending") as caught:
                client.run(["test", "hello"])
        assert caught.value.kind is ErrorKind.MISUSE

    def test_a_pool_that_is_closed(self, server: Server) -> None:
        pool = remctl.ConnectionPool(server.host, server.port)
        pool.close()
        with pytest.raises(remctl.RemctlError) as caught:
            pool.run(["test", "hello"])
        assert caught.value.kind is ErrorKind.MISUSE

    def test_a_negative_timeout(self) -> None:
        with pytest.raises(remctl.RemctlError) as caught:
            remctl.Remctl().set_timeout(-1)
        assert caught.value.kind is ErrorKind.MISUSE


#: What each event loop is run with.
RUNNERS: dict[str, Callable[..., Any]] = {
    "asyncio": lambda main, *arguments: asyncio.run(main(*arguments)),
    "uvloop": lambda main, *arguments: uvloop.run(main(*arguments)),
    "trio": trio.run,
}


@pytest.mark.parametrize("run", list(RUNNERS.values()), ids=list(RUNNERS))
class TestMisuseInEventLoops:
    """The same calls, awaited."""

    def test_a_connection_that_is_not_open(self, run: Callable[..., Any]) -> None:
        async def main() -> None:
            await remctl.AsyncRemctl().run(["test", "hello"])

        with pytest.raises(remctl.RemctlNotOpenedError) as caught:
            run(main)
        assert (caught.value.kind, caught.value.retryable) == (ErrorKind.MISUSE, False)

    def test_output_that_is_pending(self, run: Callable[..., Any], server: Server) -> None:
        async def main() -> None:
            async with remctl.AsyncRemctl(server.host, server.port) as client:
                await client.command(["test", "hello"])
                await client.run(["test", "hello"])

        with pytest.raises(remctl.RemctlError, match="pending") as caught:
            run(main)
        assert (caught.value.kind, caught.value.retryable) == (ErrorKind.MISUSE, False)

    def test_a_pool_that_is_closed(self, run: Callable[..., Any], server: Server) -> None:
        async def main() -> None:
            pool = remctl.AsyncConnectionPool(server.host, server.port)
            await pool.close()
            await pool.run(["test", "hello"])

        with pytest.raises(remctl.RemctlError) as caught:
            run(main)
        assert (caught.value.kind, caught.value.retryable) == (ErrorKind.MISUSE, False)

    def test_another_loop_s_connection(self, run: Callable[..., Any], server: Server) -> None:
        client = remctl.AsyncRemctl()

        async def other() -> None:
            await client.run(["test", "hello"])

        async def main() -> None:
            await client.open(server.host, server.port)
            thread = threading.Thread(target=lambda: failures.append(_failure_of(other)))
            thread.start()
            thread.join()
            await client.close()

        failures: list[remctl.RemctlError] = []
        run(main)
        assert [(error.kind, error.retryable) for error in failures] == [("misuse", False)]


def _failure_of(main: Callable[[], Any]) -> remctl.RemctlError:
    with pytest.raises(remctl.RemctlError) as caught:
        asyncio.run(main())
    return caught.value


# Opens when descriptors have run out.
OUT_OF_DESCRIPTORS = """
import os, resource, sys
import asyncio, remctl, trio, uvloop
port, how = int(sys.argv[1]), sys.argv[2]
WHERE = "127.0.0.1", port, "host/localhost"
ALL = resource.getrlimit(resource.RLIMIT_NOFILE)

class scarce:
    def __enter__(self):
        taken = os.open("/dev/null", os.O_RDONLY)
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken, ALL[1]))
    def __exit__(self, *_):
        resource.setrlimit(resource.RLIMIT_NOFILE, ALL)

async def main():
    async with remctl.AsyncRemctl(*WHERE) as client:
        await client.run(["test", "hello"])  # all is loaded, and the loop has what it needs
    client, failure = remctl.AsyncRemctl(), None
    with scarce():
        try: await client.open(*WHERE)
        except remctl.RemctlError as error: failure = error
    return failure

def blocking():
    with remctl.Remctl(*WHERE) as client:
        client.run(["test", "hello"])
    client, failure = remctl.Remctl(), None
    with scarce():
        try: client.open(*WHERE)
        except remctl.RemctlError as error: failure = error
    return failure

run = {"blocking": blocking, "asyncio": lambda: asyncio.run(main()),
       "uvloop": lambda: uvloop.run(main()), "trio": lambda: trio.run(main)}[how]
failure = run()
print(failure.kind, failure.retryable, failure.may_have_run)
"""


@pytest.mark.parametrize("how", ["blocking", *RUNNERS])
def test_descriptors_that_have_run_out_are_this_machine_s(server: Server, how: str) -> None:
    command = [sys.executable, "-c", OUT_OF_DESCRIPTORS, str(server.port), how]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("local False False\n", "")


def test_hosts_that_were_never_started_on(runs: Runs) -> None:
    dead = [remctl.Target("127.0.0.1", 1)] * 3
    outcomes = runs(dead, ["test", "hello"], limit=1, max_failures=0)
    told = [
        (str(outcome.error.kind), outcome.error.retryable, outcome.error.may_have_run)
        for outcome in outcomes
        if outcome.error is not None
    ]
    assert sorted(told) == [("connect", True, False), *[("not_started", True, False)] * 2]


class TestTheAttributes:
    @pytest.mark.parametrize("kind", ErrorKind)
    def test_a_kind_is_a_str(self, kind: ErrorKind) -> None:
        assert kind == kind.value == kind.name.lower()
        assert f"{kind}" == str(kind) == kind.value
        assert pickle.loads(pickle.dumps(kind)) is kind

    @pytest.mark.parametrize("kind", ErrorKind)
    def test_a_kind_can_be_set_and_travels_with_the_error(self, kind: ErrorKind) -> None:
        error = remctl.RemctlError("text")
        error.kind = kind
        for again in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert again.kind is kind
        with pytest.raises(ValueError, match="no such kind"):
            error.kind = "no such kind"  # type: ignore[assignment]

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (remctl.RemctlError("text"), None),
            (remctl.RemctlProtocolError("text"), None),
            (remctl.RemctlProtocolError("text", 5), ErrorKind.UNKNOWN_COMMAND),
            (remctl.RemctlProtocolError("text", 6), ErrorKind.DENIED),
            (remctl.RemctlProtocolError("text", 77), ErrorKind.REFUSED),
            (remctl.RemctlNotOpenedError("text"), ErrorKind.MISUSE),
            (remctl.RemctlTimeoutError("text"), ErrorKind.TIMEOUT),
            (remctl.RemctlCommandError("text"), None),
        ],
    )
    def test_an_exception_made_by_hand(
        self, error: remctl.RemctlError, kind: ErrorKind | None
    ) -> None:
        assert error.kind is kind
        assert not error.retryable

    def test_the_kinds_that_errors_are_made_of_are_those_that_there_are(self) -> None:
        refusals = {"denied", "unknown_command", "refused"}
        made = {
            _errors.make(kind, "").kind  # type: ignore[arg-type]
            for kind in ErrorKind
            if kind not in refusals
        }
        assert made == {kind for kind in ErrorKind if kind not in refusals}
        assert _errors.make("not_opened", "").kind is ErrorKind.MISUSE

    def test_an_error_that_nobody_looks_at_costs_no_enum(self) -> None:
        code = (
            "import sys, remctl\n"
            "before = 'enum' in sys.modules\n"
            "try: remctl.Remctl('127.0.0.1', 1)\n"
            "except remctl.RemctlError as error:\n"
            "    assert error.retryable\n"
            "    print('enum' in sys.modules, error.kind)\n"
            "assert not before\n"
        )
        command = [sys.executable, "-I", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == "False connect\n"


class TestEmptyRefusals:
    """A server may refuse without a text."""

    @pytest.mark.parametrize(
        ("code", "text"),
        [
            (5, "unknown command (error 5)"),
            (6, "access denied (error 6)"),
            (1, "internal server failure (error 1)"),
            (99, "refused by the server (error 99)"),
        ],
    )
    def test_say_what_their_code_means(self, hostile: MakeHostile, code: int, text: str) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_error(code, b"")
            connection.wait_closed()

        server = hostile(script)
        with pytest.raises(remctl.RemctlProtocolError) as caught:
            remctl.remctl(server.host, server.port, server.principal, ["test", "hello"])
        assert str(caught.value) == text
        assert caught.value.code == code

    def test_every_known_code_has_a_meaning(self) -> None:
        for code in remctl.ErrorCode:
            assert "refused by the server" not in str(
                _errors.refusal("", code, None, None, host=None, port=None, command="")
            )
