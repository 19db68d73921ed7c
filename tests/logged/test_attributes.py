"""What a record says to machines: attributes, on every one of them."""

import asyncio
import logging
import threading
from typing import Any

import pytest
import remctl
from remctl import AsyncRemctl, ConnectionPool, Remctl, RemctlError, RemctlTimeoutError
from remctl.testing import Server

from tests.fix_pools import InLoop
from tests.logged.conftest import Log

NAMES = ["host", "port", "connection", "command", "seconds", "bytes", "status", "kind"]


def facts(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says."""
    found = {name: getattr(record, f"remctl_{name}") for name in NAMES}
    return {name: value for name, value in found.items() if value is not None}


def said(log: Log) -> list[dict[str, Any]]:
    """What all of them say that have come, but for where: that is the same in each."""
    found = [facts(record) for record in log.records]
    log._caplog.clear()
    assert all(one.pop("host") for one in found)
    assert all(one.pop("port") for one in found)
    return found


def short(time: object) -> bool:
    """Whether it may be the time of a call here."""
    return isinstance(time, float) and 0 < time < 60


def check_a_command(records: list[dict[str, Any]]) -> None:
    """Two records: a command, and its end."""
    numbers = {one.pop("connection") for one in records}
    assert len(numbers) == 1
    begin, end = records
    assert short(end.pop("seconds"))
    assert begin == {"command": "test hello", "bytes": 9}
    assert end == {"command": "test hello", "bytes": 12, "status": 0}


def test_of_a_connection(server: Server, log: Log) -> None:
    with Remctl("localhost", server.port) as client:
        assert all(facts(one)["host"] == "localhost" for one in log.records)
        assert all(facts(one)["port"] == server.port for one in log.records)
        made = said(log)
        client.noop()
        (noop,) = said(log)
    (closed,) = said(log)
    for one in [*made, noop]:
        assert short(one.pop("seconds"))
    assert made[-1] == noop == closed == {"connection": closed["connection"]}


def test_of_a_command(server: Server, log: Log) -> None:
    with Remctl("localhost", server.port) as client:
        said(log)
        client.run(["test", "hello"])
        check_a_command(said(log))
        list(client.stream(["test", "hello"]))
        check_a_command(said(log))


def test_in_an_event_loop(server: Server, log: Log, in_loop: InLoop) -> None:
    async def main() -> None:
        async with AsyncRemctl("localhost", server.port) as client:
            said(log)
            await client.run(["test", "hello"])
            check_a_command(said(log))

    in_loop(main)


def test_of_a_status(server: Server, log: Log) -> None:
    with Remctl("localhost", server.port) as client:
        client.run(["test", "status", "3"])
        assert facts(log.records[-1])["status"] == 3


@pytest.mark.parametrize(
    ("command", "kind"), [(["no", "such"], "unknown_command"), (["test", "a\0b"], "refused")]
)
def test_of_a_refusal_its_kind(server: Server, log: Log, command: list[str], kind: str) -> None:
    with Remctl("localhost", server.port) as client:
        with pytest.raises(RemctlError) as caught:
            client.run(command)
        end = facts(log.records[-1])
    assert end["kind"] == kind == caught.value.kind
    assert "status" not in end
    assert short(end["seconds"])


def test_of_a_failure_its_kind(server: Server, log: Log) -> None:
    """That is the end of a command too."""
    with Remctl("localhost", server.port) as client:
        with pytest.raises(RemctlTimeoutError):
            client.run(["test", "sleep", "20"], timeout=0.1)
        end = facts(log.records[-1])
    assert (end["kind"], end["command"], end["bytes"]) == ("timeout", "test sleep", 0)
    assert 0.05 < end["seconds"] < 20


def test_of_an_open_that_fails(log: Log) -> None:
    with pytest.raises(RemctlError):
        Remctl("localhost", 1)
    (end,) = said(log)
    assert end == {"connection": end["connection"], "kind": "connect"}


def test_calls_to_one_host_are_told_apart(server: Server, log: Log) -> None:
    """Each of which has a connection with a number."""

    async def one(number: int) -> None:
        async with AsyncRemctl("localhost", server.port) as client:
            await client.run(["test", "status", str(number)])

    async def main() -> None:
        await asyncio.gather(*(one(number) for number in range(10)))

    asyncio.run(main())
    by: dict[int, list[logging.LogRecord]] = {}
    for record in log.records:
        by.setdefault(facts(record)["connection"], []).append(record)
    assert len(by) == 10
    for records in by.values():
        assert [facts(record).get("command") for record in records] == [
            *[None] * 2,
            *["test status"] * 2,
            None,
        ]


def test_threads_too(server: Server, log: Log) -> None:
    def one() -> None:
        remctl.remctl("localhost", server.port, command=["test", "hello"])

    threads = [threading.Thread(target=one) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({facts(record)["connection"] for record in log.records}) == 5


def test_of_another_try(log: Log) -> None:
    list(remctl.run_many(["localhost"], ["test", "hello"], port=1, retries=1))
    again = log.records[1]
    assert facts(again) == {"host": "localhost", "port": 1, "kind": "connect"}


def test_of_a_pool(server: Server, log: Log) -> None:
    with ConnectionPool("localhost", server.port, max_size=1) as pool, pool.connection():
        with pytest.raises(RemctlTimeoutError), pool.connection(timeout=0.05):
            pass
        records = [record for record in log.records if record.name == "remctl.pool"]
    assert all(facts(one)["host"] == "localhost" for one in records)
    given, vain = facts(records[1]), facts(records[-1])
    assert short(given["seconds"])
    assert vain["kind"] == "timeout"
    assert vain["seconds"] > 0.04


def test_what_a_terminal_would_act_on_is_written_out(server: Server, log: Log) -> None:
    with Remctl("localhost", server.port) as client:
        with pytest.raises(RemctlError):
            client.run(["a\nb", "\x1b[1m"])
        assert facts(log.records[-1])["command"] == "a\\nb \\x1b[1m"
