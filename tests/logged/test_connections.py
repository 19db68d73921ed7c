"""What the logger `remctl` says of connections, in both worlds."""

import asyncio
import contextlib
import io
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import remctl
from remctl import AsyncRemctl, Remctl, RemctlError, RemctlTimeoutError, Target, run_many
from remctl._arguments import Hidden
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_pools import InLoop
from tests.fix_protocol1 import Protocol1Server
from tests.logged.conftest import MADE, Log
from tests.support.forks import in_child
from tests.support.proxy import Proxy
from tests.support.traces import wait_until

HELLO = ['command "test hello": 2 arguments, 9 bytes', 'status 0 of "test hello" after N ms, 12 ']
HELLO[1] += "bytes of output"


def _stream(client: Remctl, _: Server, command: list[Any]) -> object:
    return list(client.stream(command))


def _many(_: Remctl, server: Server, command: list[Any], **how: Any) -> None:
    target = Target("127.0.0.1", server.port, server.principal)
    for outcome in run_many([target], command, **how):
        outcome.check()


def _executor(_: Remctl, server: Server, command: list[Any]) -> None:
    with ThreadPoolExecutor(1) as executor:
        _many(_, server, command, executor=executor)


def _simple(_: Remctl, server: Server, command: list[Any]) -> object:
    return remctl.remctl("127.0.0.1", server.port, server.principal, command)


def _asimple(_: Remctl, server: Server, command: list[Any]) -> object:
    return asyncio.run(remctl.aremctl("127.0.0.1", server.port, server.principal, command))


#: Whatever sends a command and raises for a refusal.
HIDDEN_CALLS: dict[str, Callable[[Remctl, Server, list[Any]], object]] = {
    "run": lambda client, _, command: client.run(command),
    "files": lambda client, _, command: client.run(command, stdout=io.BytesIO()),
    "stream": _stream,
    "remctl": _simple,
    "aremctl": _asimple,
    "run_many": _many,
    "executor": _executor,
}


@pytest.fixture
def client(server: Server, log: Log) -> Remctl:
    """A connection that was made, and what was said of that forgotten."""
    client = Remctl("127.0.0.1", server.port, server.principal)
    log.lines()
    return client


class TestWhatIsSaid:
    def test_of_a_connection_and_a_command(self, server: Server, log: Log) -> None:
        with Remctl("localhost", server.port, source_ip="127.0.0.1") as client:
            assert log.lines() == MADE
            client.run(["test", "hello"])
            assert log.lines() == HELLO
            client.noop()
            assert log.lines() == ["NOOP answered after N ms"]
        assert log.lines() == ["closed"]

    def test_in_an_event_loop(self, server: Server, log: Log, in_loop: InLoop) -> None:
        async def main() -> None:
            async with AsyncRemctl("localhost", server.port, source_ip="127.0.0.1") as client:
                assert log.lines() == MADE
                await client.run(["test", "hello"])
                assert log.lines() == HELLO
                await client.noop()
                assert log.lines() == ["NOOP answered after N ms"]
            assert log.lines() == ["closed"]

        in_loop(main)

    def test_by_the_simple_call(self, server: Server, log: Log) -> None:
        remctl.remctl("127.0.0.1", server.port, server.principal, ["test", "hello"])
        made = [MADE[0], MADE[1].replace("host/localhost", server.principal)]
        assert log.lines() == [*made, *HELLO, "closed"]

    def test_by_run_many(self, server: Server, log: Log, in_loop: InLoop) -> None:
        hosts = [remctl.Target("127.0.0.1", server.port, server.principal)] * 2
        made = [MADE[0], MADE[1].replace("host/localhost", server.principal)]
        list(remctl.run_many(hosts, ["test", "hello"]))
        assert sorted(log.lines()) == sorted([*made, *HELLO, "closed"] * 2)

        async def main() -> None:
            async for _ in remctl.arun_many(hosts, ["test", "hello"]):
                pass

        in_loop(main)
        assert sorted(log.lines()) == sorted([*made, *HELLO, "closed"] * 2)

    def test_by_run_many_that_tries_again(self, log: Log) -> None:
        list(remctl.run_many(["localhost"], ["test", "hello"], port=1, retries=1))
        why = "cannot connect to localhost (port 1): Connection refused"
        failed = f"failed (connect): {why}"
        assert log.lines() == [failed, f"another try in N s: {why}", failed]

    def test_of_output_token_by_token(self, client: Remctl, log: Log) -> None:
        client.command(["test", "hello"])
        assert log.lines() == HELLO[:1]
        list(client)
        assert log.lines() == HELLO[1:]
        with client.stream(["test", "hello"]) as stream:
            list(stream)
        assert log.lines() == HELLO

    def test_of_a_refusal_its_number(self, client: Remctl, log: Log) -> None:
        with pytest.raises(RemctlError):
            client.run(["no", "such command", "secret"])
        assert log.lines() == [
            'command "no such command": 3 arguments, 20 bytes',
            'error 5 of "no such command" after N ms, 0 bytes of output',
        ]

    def test_of_a_server_that_is_not_there(self, log: Log) -> None:
        with pytest.raises(RemctlError) as caught:
            Remctl("localhost", 1)
        assert log.lines() == [f"failed (connect): {caught.value}"]

    def test_of_a_socket_of_the_caller_s(self, server: Server, log: Log) -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as sock, Remctl() as client:
            client.open_socket(sock, "localhost")
            assert log.records[0].getMessage().startswith("localhost (a socket): authenticated")

    def test_of_a_server_of_protocol_1(self, protocol1: Protocol1Server, log: Log) -> None:
        with Remctl("localhost", protocol1.port, protocol1.principal) as client:
            client.run(["test", "hello"])
        said = log.lines()
        assert "the server speaks protocol 1" in said
        assert any(line.startswith('status 0 of "test hello"') for line in said)

    def test_a_record_says_where(self, client: Remctl, server: Server, log: Log) -> None:
        client.run(["test", "hello"])
        record = log.records[0]
        assert record.name == "remctl"
        assert record.levelno == logging.DEBUG
        assert record.threadName == threading.current_thread().name
        assert record.getMessage().startswith(f"127.0.0.1 (port {server.port}): ")


class TestWhatIsNotSaid:
    def test_arguments_beyond_the_second_word(self, client: Remctl, log: Log) -> None:
        client.run(["test", "args", "a nonce", b"another nonce"])
        client.run(["test", "args", "a nonce", "x" * 2_000_000])  # which takes several tokens
        with pytest.raises(RemctlError):
            client.run(["no", "such", "nonce"])
        assert "nonce" not in " ".join(log.lines())

    def test_words_that_are_hidden(self, client: Remctl, log: Log) -> None:
        with pytest.raises(RemctlError):
            client.run([Hidden(b"first nonce"), Hidden(b"second nonce")])
        said = log.lines()
        assert said[0] == 'command "*** ***": 2 arguments, 23 bytes'
        assert "nonce" not in " ".join(said)

    @pytest.mark.parametrize("call", list(HIDDEN_CALLS))
    def test_words_that_are_hidden_in_any_call(
        self, client: Remctl, server: Server, log: Log, call: str
    ) -> None:
        secret = [Hidden(b"first nonce"), Hidden(b"second nonce")]
        with pytest.raises(RemctlError) as raised:
            HIDDEN_CALLS[call](client, server, secret)
        assert raised.value.command == "*** ***"
        assert "nonce" not in " ".join([*log.lines(), str(raised.value)])

    def test_the_half_of_a_character(self, client: Remctl, log: Log) -> None:
        for text in ("€" * 50, "a" + "ü" * 50, "x" * 98 + "🎈"):
            with pytest.raises(RemctlError) as raised:
                client.run([text])
            command = raised.value.command or ""
            assert command in text
            assert len(command.encode()) > 96

    def test_more_than_the_beginning_of_a_word(self, client: Remctl, log: Log) -> None:
        with pytest.raises(RemctlError):
            client.run(["x" * 101])
        assert f'command "{"x" * 100}": 1 argument, 101 bytes' in log.lines()

    def test_what_would_begin_a_new_line(self, client: Remctl, log: Log) -> None:
        with pytest.raises(RemctlError):
            client.run(["a\nb", "\x1b[1m"])
        assert log.lines()[0].startswith('command "a\\nb \\x1b[1m": ')

    def test_what_the_server_says(self, hostile: MakeHostile, log: Log) -> None:
        def script(connection: Connection) -> None:
            connection.recv_command()
            connection.send_error(7, b"not you, with your nonce")

        server = hostile(script)
        client = Remctl(server.host, server.port, server.principal)
        with pytest.raises(RemctlError, match="nonce"):
            client.run(["test", "it", "nonce"])
        assert "nonce" not in " ".join(log.lines())


class TestWhy:
    """A connection is dropped, or made again."""

    def test_a_call_that_fails_has_said_what_came_before(self, client: Remctl, log: Log) -> None:
        with pytest.raises(RemctlTimeoutError):
            client.run(["test", "sleep", "20"], timeout=0.1)
        assert log.lines() == [
            'command "test sleep": 3 arguments, 11 bytes',
            "dropped (timeout): error receiving token: timed out",
        ]
        client.run(["test", "hello"])
        assert log.lines()[:2] == ["reconnecting: the connection is lost", MADE[0]]

    def test_what_happens_is_said_while_the_call_waits(
        self, client: Remctl, server: Server, log: Log
    ) -> None:
        def run() -> None:
            with contextlib.suppress(RemctlError):
                client.run(["test", "sleep", "20"])

        thread = threading.Thread(target=run)
        thread.start()
        wait_until(lambda: len(log.records) == 1)
        assert log.records[0].threadName == thread.name
        client.close()
        thread.join()
        assert log.lines()[-1].startswith("dropped (lost): ")

    def test_the_server_hung_up(self, own_server: Server, log: Log) -> None:
        client = Remctl("127.0.0.1", own_server.port, own_server.principal)
        own_server.stop()
        own_server.start()
        log.lines()
        client.run(["test", "hello"])
        assert log.lines()[:2] == ["reconnecting: unexpected end of file", MADE[0]]

    def test_the_network_was_cut(self, server: Server, log: Log) -> None:
        with Proxy(("127.0.0.1", server.port)) as proxy:
            client = Remctl("127.0.0.1", proxy.port, server.principal)
            client.command(["test", "sleep", "20"])
            log.lines()
            proxy.cut()
            with pytest.raises(RemctlError) as caught:
                client.output()
            assert log.lines() == [f"dropped (lost): {caught.value}"]

    def test_a_stream_was_left(self, client: Remctl, log: Log) -> None:
        with client.stream(["test", "sleep", "20"]):
            log.lines()
        assert log.lines() == ["dropped: the stream was left before its end"]

    def test_a_task_was_cancelled(self, server: Server, log: Log) -> None:
        async def main() -> None:
            async with AsyncRemctl("127.0.0.1", server.port, server.principal) as client:
                task = asyncio.create_task(client.run(["test", "sleep", "20"]))
                while not any("command" in one.getMessage() for one in log.records):
                    await asyncio.sleep(0.01)
                log.lines()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert log.lines() == ["dropped: the call was cut short"]

        asyncio.run(main())

    def test_the_process_was_forked(self, client: Remctl, log: Log) -> None:
        def in_the_child() -> str:
            client.run(["test", "hello"])
            return "\n".join(log.lines())

        said = in_child(in_the_child).splitlines()
        assert said[0] == (
            "reconnecting: the connection was made by the parent process and stays with it"
        )
        assert said[-2:] == HELLO
        assert log.lines() == []
        client.run(["test", "hello"])
        assert log.lines() == HELLO

    def test_the_object_is_garbage(self, server: Server, log: Log) -> None:
        Remctl("localhost", server.port)
        assert log.lines()[-1] == "closed"


class TestTasks:
    def test_each_of_many_says_its_own(self, server: Server, log: Log) -> None:
        async def one(number: int) -> None:
            async with AsyncRemctl("127.0.0.1", server.port, server.principal) as client:
                await client.run(["test", "status", str(number)])

        async def main() -> None:
            await asyncio.gather(*(one(number) for number in range(20)))

        asyncio.run(main())
        said = log.lines()
        # A connection of another test may be collected meanwhile.
        assert said.count("closed") >= 20
        assert len([line for line in said if line != "closed"]) == 4 * 20
        for number in range(20):
            line = f'status {number} of "test status" after N ms, 0 bytes of output'
            assert said.count(line) == 1


def raising(error: BaseException) -> Callable[[logging.LogRecord], bool]:
    """A filter that raises."""

    def fail(record: logging.LogRecord) -> bool:
        raise error

    return fail


class TestHandlers:
    """What a handler does."""

    def test_one_that_raises_spoils_no_call(
        self, client: Remctl, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[Any] = []
        monkeypatch.setattr("sys.unraisablehook", lambda args: seen.append(args.exc_value))
        logger = logging.getLogger("remctl")
        error = ValueError("of the handler's")
        fail = raising(error)
        logger.addFilter(fail)
        try:
            assert client.run(["test", "hello"]).stdout == b"hello world\n"
        finally:
            logger.removeFilter(fail)
        assert seen == [error, error]

    def test_one_that_ends_the_program_ends_the_call(self, client: Remctl, log: Log) -> None:
        logger = logging.getLogger("remctl")
        fail = raising(KeyboardInterrupt())
        logger.addFilter(fail)
        try:
            with pytest.raises(KeyboardInterrupt):
                client.run(["test", "hello"])
        finally:
            logger.removeFilter(fail)
        assert client.run(["test", "hello"]).stdout == b"hello world\n"

    def test_one_that_uses_remctl_itself(self, client: Remctl, server: Server, log: Log) -> None:
        answers = []

        class Calling(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                where = "127.0.0.1", server.port, server.principal
                answers.append(remctl.remctl(*where, ["test", "hello"]).stdout)

        logger = logging.getLogger("remctl")
        handler = Calling()
        logger.addHandler(handler)
        try:
            client.run(["test", "hello"])
        finally:
            logger.removeHandler(handler)
        assert answers == [b"hello world\n"] * 2
        assert log.lines() == HELLO

    def test_a_level_that_changes_counts_from_the_next_call_on(
        self, client: Remctl, log: Log
    ) -> None:
        logger = logging.getLogger("remctl")
        client.command(["test", "hello"])
        log.lines()
        logger.setLevel(logging.INFO)
        list(client)
        client.run(["test", "hello"])
        assert log.lines() == []
        client.command(["test", "hello"])
        logger.setLevel(logging.DEBUG)
        list(client)
        client.run(["test", "hello"])
        assert log.lines() == HELLO


class TestOnTheSameConnection:
    def test_a_handler_may_use_it_when_the_call_has_ended(self, client: Remctl, log: Log) -> None:
        """In the middle it is told that the connection is in use."""
        answers: list[object] = []

        class Asking(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                try:
                    answers.append(client.noop())
                except RemctlError as error:
                    answers.append(str(error))

        logger = logging.getLogger("remctl")
        handler = Asking()
        logger.addHandler(handler)
        try:
            assert client.run(["test", "hello"]).status == 0
        finally:
            logger.removeHandler(handler)
        busy = (
            "the connection is busy: this call comes from a signal handler that interrupted "
            "another call on it"
        )
        assert answers == [busy, True]
        assert log.lines() == HELLO
