"""`Remctl.stream`: output as it arrives."""

import gc
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import remctl
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile


@pytest.fixture
def client(server: Server) -> Iterator[remctl.Remctl]:
    """A client that is open."""
    with remctl.Remctl(server.host, server.port) as client:
        yield client


def still_right(client: remctl.Remctl) -> bool:
    """Whether the next answer belongs to the next command."""
    return client.run(["test", "hello", "again"]).stdout == b"hello again\n"


def test_gives_tokens_while_the_command_runs(client: remctl.Remctl) -> None:
    start = time.monotonic()
    times = [time.monotonic() - start for _ in client.stream(["test", "stream", "3", "0.2"])]
    assert len(times) == 4
    assert times[0] < 0.2
    assert times[3] > 0.5


def test_ends_with_the_status(client: remctl.Remctl) -> None:
    tokens = list(client.stream(["test", "mix", "5"]))
    assert {type(token) for token in tokens} == {remctl.RemctlOutput}
    assert [token.type for token in tokens] == ["output"] * (len(tokens) - 1) + ["status"]
    assert tokens[-1].status == 5
    assert still_right(client)


def test_ends_with_the_error_where_it_is_to_be_a_token(client: remctl.Remctl) -> None:
    stream = client.stream(["no", "such"], raise_errors=False)
    assert list(stream) == [("error", b"Unknown command", None, None, 5)]
    assert still_right(client)


def test_is_an_iterator_and_a_context_manager(client: remctl.Remctl) -> None:
    with client.stream(["test", "hello"]) as stream:
        assert type(stream) is remctl.Stream
        assert iter(stream) is stream
        assert next(stream).output == b"hello world\n"
        assert next(stream).status == 0
        for _ in range(2):
            with pytest.raises(StopIteration):
                next(stream)
    assert still_right(client)


def test_the_command_is_sent_at_once(client: remctl.Remctl) -> None:
    with pytest.raises(TypeError):
        client.stream("test")  # type: ignore[arg-type]
    stream = client.stream(["test", "hello"])
    time.sleep(0.1)
    assert [token.type for token in stream] == ["output", "status"]


class TestLeftEarly:
    def test_by_break(self, client: remctl.Remctl) -> None:
        for _ in client.stream(["test", "lines", "1000"]):
            break
        gc.collect()
        assert still_right(client)

    def test_by_close(self, client: remctl.Remctl) -> None:
        with closing(client.stream(["test", "lines", "1000"])) as stream:
            next(stream)
        stream.close()
        assert list(stream) == []
        assert still_right(client)

    def test_by_an_exception_in_the_block(self, client: remctl.Remctl) -> None:
        with (
            pytest.raises(LookupError),
            client.stream(["test", "lines", "1000"]) as stream,
        ):
            next(stream)
            raise LookupError
        assert still_right(client)

    def test_unread(self, client: remctl.Remctl) -> None:
        client.stream(["test", "hello", "unread"])
        gc.collect()
        assert still_right(client)

    def test_the_command_is_not_waited_for(self, client: remctl.Remctl) -> None:
        start = time.monotonic()
        with client.stream(["test", "sleep", "5"]):
            pass
        assert still_right(client)
        assert time.monotonic() - start < 2

    def test_output_before_the_status_is_early(self, client: remctl.Remctl) -> None:
        stream = client.stream(["test", "hello"])
        next(stream)
        stream.close()
        assert still_right(client)

    def test_after_the_status_it_is_not(self, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            for _ in range(2):
                connection.recv_command()
                connection.send_status(0)
            connection.wait_closed()

        target = hostile(script)
        with remctl.Remctl(target.host, target.port, target.principal) as client:
            with client.stream(["a"]) as stream:
                next(stream)
            client.run(["b"])
        assert target.connections == 1


class TestTheConnectionIsItsOwn:
    @pytest.mark.parametrize("call", ["command", "run", "noop", "stream"])
    def test_other_calls_are_refused_meanwhile(self, client: remctl.Remctl, call: str) -> None:
        with client.stream(["test", "lines", "3"]) as stream:
            next(stream)
            with pytest.raises(remctl.RemctlError, match="output of the previous command"):
                getattr(client, call)(*([] if call == "noop" else [["test", "hello"]]))
            rest = list(stream)
        assert rest[-1].status == 0
        assert still_right(client)

    def test_closing_the_client_ends_it(self, client: remctl.Remctl) -> None:
        stream = client.stream(["test", "sleep", "5"])
        client.close()
        with pytest.raises(remctl.RemctlError):
            next(stream)
        assert list(stream) == []

    def test_the_stream_outlives_the_name_of_its_client(self, server: Server) -> None:
        stream = remctl.Remctl(server.host, server.port).stream(["test", "hello"])
        gc.collect()
        assert [token.type for token in stream] == ["output", "status"]


def test_an_exception_that_loses_a_token_ends_it(
    client: remctl.Remctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of a signal handler may: the connection is the next call's."""
    stream = client.stream(["test", "stream", "3", "0"])

    def interrupt(_: remctl.RemctlOutput) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stream, "_note", interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert still_right(client)


def test_a_failure_ends_it_and_the_next_command_connects_again(client: remctl.Remctl) -> None:
    stream = client.stream(["test", "drop"])
    with pytest.raises(remctl.RemctlError, match="unexpected end of file"):
        list(stream)
    assert list(stream) == []
    assert still_right(client)


def test_a_command_that_cannot_be_sent_leaves_the_client_free(client: remctl.Remctl) -> None:
    client.command(["test", "hello"])
    with pytest.raises(remctl.RemctlError, match="output of the previous command"):
        client.stream(["test", "hello"])
    assert [token.type for token in client] == ["output", "status"]
    assert still_right(client)
