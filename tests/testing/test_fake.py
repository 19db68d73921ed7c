"""A fake answers as a server does: the same tests, on a real server and on the fake."""

import gc
import io
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import remctl

from tests.fix_fake import Target

PENDING = "^output of the previous command is pending"


@pytest.fixture
def client(real_or_fake: Target) -> Iterator[remctl.Remctl]:
    """A client that is open."""
    with real_or_fake.client() as client:
        yield client


def still_right(client: remctl.Remctl) -> bool:
    """Whether the next answer belongs to the next command."""
    return client.run(["test", "args", "again"]).stdout == b"('again',)"


class TestAnswers:
    def test_a_result(self, client: remctl.Remctl) -> None:
        result = client.run(["test", "both", "3"])
        assert type(result) is remctl.RemctlSimpleResult
        assert result == remctl.RemctlSimpleResult(b"out", b"err\xff", 3)

    def test_nothing_is_none(self, client: remctl.Remctl) -> None:
        assert client.run(["test", "lines", "0"]) == remctl.RemctlSimpleResult(None, None, 0)

    def test_the_simple_call(self, real_or_fake: Target) -> None:
        result = remctl.remctl("localhost", real_or_fake.port, command=["test", "both", "255"])
        assert result == remctl.RemctlSimpleResult(b"out", b"err\xff", 255)

    def test_tokens(self, client: remctl.Remctl) -> None:
        client.command(["test", "both", "7"])
        tokens = [client.output() for _ in range(5)]
        assert {type(token) for token in tokens} == {remctl.RemctlOutput}
        assert set(tokens[:2]) == {
            ("output", b"out", 1, None, None),
            ("output", b"err\xff", 2, None, None),
        }
        assert tokens[2:] == [
            ("status", None, None, 7, None),
            ("done", None, None, None, None),
            ("done", None, None, None, None),
        ]

    def test_much_comes_in_pieces(self, client: remctl.Remctl) -> None:
        client.command(["test", "lines", "10000"])
        *pieces, status = list(client)
        assert len(pieces) > 10
        assert b"".join(piece.output or b"" for piece in pieces).count(b"\n") == 10000
        assert status.status == 0

    def test_done_before_the_first_command(self, client: remctl.Remctl) -> None:
        assert client.output() == ("done", None, None, None, None)

    def test_noop(self, client: remctl.Remctl) -> None:
        assert client.noop() is True

    @pytest.mark.parametrize(
        "words", [["a b", "", "ü", b"\xff", 7], [], [b"x" * 100000]], ids=["odd", "none", "long"]
    )
    def test_arguments(self, client: remctl.Remctl, words: list[object]) -> None:
        texts = [w.decode("utf-8", "surrogateescape") if isinstance(w, bytes) else w for w in words]
        expected = repr(tuple(map(str, texts))).encode()
        assert client.run(["test", "args", *words]).stdout == expected

    @pytest.mark.parametrize(
        ("command", "stdout", "args"),
        [
            (["test", "last", "a", b"\0in"], b"\0in", b"('a',)"),
            (["test", "last", "in"], b"in", b"()"),
            (["test", "last"], b"last", b"()"),
            (["test", "third", "a"], None, b"('a',)"),
            (["test", "third", "a", "in", "c"], b"in", b"('a', 'c')"),
        ],
    )
    def test_standard_input(
        self, client: remctl.Remctl, command: list[object], stdout: bytes | None, args: bytes
    ) -> None:
        result = client.run(command)
        assert (result.stdout, result.stderr) == (stdout, args)

    def test_the_user_and_the_host(self, client: remctl.Remctl, real_or_fake: Target) -> None:
        assert client.run(["test", "user"]).stdout == b"user@REMCTL.TEST"
        assert client.run(["test", "where"]).stdout == f"localhost {real_or_fake.port}".encode()

    @pytest.mark.parametrize(
        ("command", "answer"),
        [
            (["first", "never"], b"all ('first', 'never')"),
            (["first"], b"all ('first',)"),
            (["bare"], b"empty ('bare',)"),
            (["anything", "everywhere", "x"], b"everywhere ('anything', 'everywhere', 'x')"),
        ],
    )
    def test_the_first_that_fits(
        self, client: remctl.Remctl, command: list[str], answer: bytes
    ) -> None:
        assert client.run(command).stdout == answer

    @pytest.mark.parametrize("command", [["no", "such"], ["no"], ["test"], [""], ["bare", "x"]])
    def test_unknown(self, client: remctl.Remctl, command: list[str]) -> None:
        client.command(command)
        assert client.output() == ("error", b"Unknown command", None, None, 5)
        assert client.output().type == "done"
        with pytest.raises(
            remctl.RemctlProtocolError, match=r" on localhost: Unknown command$"
        ) as caught:
            client.run(command)
        assert caught.value.code is remctl.ErrorCode.UNKNOWN_COMMAND
        assert still_right(client)

    @pytest.mark.parametrize("command", [["test", "args", "a\0b"], ["test", "args\0"]])
    def test_zero_bytes_are_refused(self, client: remctl.Remctl, command: list[str]) -> None:
        client.command(command)
        assert client.output() == ("error", b"Invalid command token", None, None, 4)

    def test_an_exception_of_a_function(self, client: remctl.Remctl, real_or_fake: Target) -> None:
        result = client.run(["test", "broken"])
        assert (result.stdout, result.status) == (None, 255)
        first, place, *_, last = (result.stderr or b"").decode().splitlines()
        assert first.startswith("Traceback")
        assert place.endswith("in broken")
        assert last == "LookupError: broken"
        assert isinstance(real_or_fake.exceptions[-1], LookupError)


class TestState:
    @pytest.mark.parametrize("call", ["command", "run", "stream", "noop"])
    def test_pending_output_is_in_the_way(self, client: remctl.Remctl, call: str) -> None:
        client.command(["test", "both", "0"])
        with pytest.raises(remctl.RemctlError, match=PENDING):
            getattr(client, call)(*([] if call == "noop" else [["test", "lines", "1"]]))
        assert client.error().startswith("output of the previous command is pending")
        assert [token.type for token in client] == ["output", "output", "status"]
        assert still_right(client)

    @pytest.mark.parametrize("call", ["command", "run", "stream", "noop", "output", "fileno"])
    @pytest.mark.parametrize("state", ["never", "closed"])
    def test_not_opened(self, real_or_fake: Target, call: str, state: str) -> None:
        client = remctl.Remctl()
        assert client.error() == "no error"
        if state == "closed":
            client = real_or_fake.client()
            client.close()
        args = [["test", "args"]] if call in ("command", "run", "stream") else []
        with pytest.raises(remctl.RemctlNotOpenedError, match=r"^no currently open connection$"):
            getattr(client, call)(*args)
        assert client.error() == "no currently open connection"
        assert not client.opened

    def test_opened_and_closed(self, real_or_fake: Target) -> None:
        with real_or_fake.client() as client:
            assert client.opened
            assert "open" in repr(client)
            client.command(["test", "args"])
            client.open("localhost", real_or_fake.port)
            assert client.output().type == "done"
        assert not client.opened
        client.close()
        client.open("localhost", real_or_fake.port)
        assert still_right(client)
        client.close()

    def test_settings(self, client: remctl.Remctl) -> None:
        client.set_timeout(5)
        client.set_timeout(None)
        client.set_source_ip("127.0.0.1")
        with pytest.raises(remctl.RemctlError, match="timeout") as caught:
            client.set_timeout(-1)
        assert client.error() == str(caught.value)
        with pytest.raises(ValueError, match="nonsense"):
            client.set_source_ip("nonsense")
        with pytest.raises(TypeError):
            client.set_ccache(7)  # type: ignore[arg-type]

    def test_bad_arguments(self, client: remctl.Remctl) -> None:
        commands: list[Any] = ["test", 7, []]
        for command in commands:
            with pytest.raises((TypeError, ValueError)):
                client.run(command)
        hosts: list[Any] = ["", 7, "a\0b"]
        for host in hosts:
            with pytest.raises((TypeError, ValueError), match="host"):
                client.open(host)
        with pytest.raises(ValueError, match="invalid port"):
            client.open("localhost", 99999)

    def test_a_failure_drops_the_connection_and_the_next_command_makes_another(
        self, client: remctl.Remctl
    ) -> None:
        client.command(["test", "drop"])
        with pytest.raises(remctl.RemctlError, match="unexpected end of file") as caught:
            client.output()
        assert client.error() == str(caught.value)
        assert client.opened
        with pytest.raises(remctl.RemctlError, match=r"^no connection open$"):
            client.output()
        assert still_right(client)

    def test_errors_say_where_and_of_what(
        self, client: remctl.Remctl, real_or_fake: Target
    ) -> None:
        with pytest.raises(remctl.RemctlError) as caught:
            client.run(["test", "drop"])
        error = caught.value
        assert (error.host, error.port, error.command) == (
            "localhost",
            real_or_fake.port,
            "test drop",
        )
        assert error.may_have_run
        client.command(["test", "both", "0"])
        with pytest.raises(remctl.RemctlError, match=PENDING) as caught:
            client.noop()
        assert not caught.value.may_have_run

    @pytest.mark.parametrize("by", ["close", "open"])
    def test_output_that_is_taken_away_is_that_of_a_command_that_may_have_run(
        self, client: remctl.Remctl, by: str
    ) -> None:
        client.command(["test", "both", "0"])
        if by == "close":
            client.close()
        else:
            with pytest.raises(remctl.RemctlError) as refused:
                client.open("localhost", 1, timeout=0)
            assert not refused.value.may_have_run
        with pytest.raises(remctl.RemctlNotOpenedError) as caught:
            client.output()
        assert caught.value.may_have_run
        with pytest.raises(remctl.RemctlNotOpenedError) as caught:
            client.run(["test", "args"])
        assert not caught.value.may_have_run

    def test_output_of_nothing(self, client: remctl.Remctl) -> None:
        client.close()
        with pytest.raises(remctl.RemctlNotOpenedError) as caught:
            client.output()
        assert not caught.value.may_have_run

    def test_a_time_that_is_over(self, client: remctl.Remctl) -> None:
        for call in (client.run, client.stream, client.command):
            with pytest.raises(remctl.RemctlTimeoutError, match="before anything") as caught:
                call(["test", "args"], timeout=0)
            assert not caught.value.may_have_run
        assert still_right(client)

    def test_output_into_files(self, client: remctl.Remctl) -> None:
        file = io.BytesIO()
        result = client.run(["test", "both", "3"], stdout=file)
        assert (result.stdout, result.stderr, result.status) == (None, b"err\xff", 3)
        assert file.getvalue() == b"out"

    def test_the_last_error(self, client: remctl.Remctl) -> None:
        client.command(["test", "args"])
        with pytest.raises(remctl.RemctlError, match=PENDING):
            client.noop()
        assert client.error().startswith("output of the previous")
        list(client)
        assert client.error() == "no error"
        client.close()
        assert client.error() == "no currently open connection"

    def test_a_failure_of_the_simple_call_is_a_protocol_error(self, real_or_fake: Target) -> None:
        with pytest.raises(remctl.RemctlProtocolError, match="unexpected end of file") as caught:
            remctl.remctl("localhost", real_or_fake.port, command=["test", "drop"])
        assert caught.value.code is None


class TestStream:
    def test_tokens(self, client: remctl.Remctl) -> None:
        with client.stream(["test", "both", "7"]) as stream:
            assert type(stream) is remctl.Stream
            assert [token.type for token in stream] == ["output", "output", "status"]
            assert list(stream) == []
        assert still_right(client)

    def test_an_error(self, client: remctl.Remctl) -> None:
        assert [token.error for token in client.stream(["no", "such"], raise_errors=False)] == [5]
        assert still_right(client)

    def test_left_early(self, client: remctl.Remctl) -> None:
        for _ in client.stream(["test", "lines", "10000"]):
            break
        gc.collect()
        with pytest.raises(remctl.RemctlError, match=r"^no connection open$"):
            client.output()
        assert still_right(client)
        with client.stream(["test", "lines", "10000"]) as stream:
            next(stream)
        assert list(stream) == []
        assert still_right(client)

    @pytest.mark.parametrize("call", ["command", "run", "stream", "noop"])
    def test_the_connection_is_its_own(self, client: remctl.Remctl, call: str) -> None:
        with client.stream(["test", "lines", "3"]) as stream:
            next(stream)
            with pytest.raises(remctl.RemctlError, match=PENDING):
                getattr(client, call)(*([] if call == "noop" else [["test", "args"]]))
            assert [token.status for token in stream][-1] == 0
        assert still_right(client)

    def test_other_threads_wait_for_its_end(self, client: remctl.Remctl) -> None:
        done: list[bool] = []
        thread = threading.Thread(target=lambda: done.append(still_right(client)))
        with client.stream(["test", "lines", "3"]) as stream:
            next(stream)
            thread.start()
            thread.join(0.1)
            assert done == []
            list(stream)
        thread.join(10)
        assert done == [True]

    def test_closing_the_client_ends_it(self, client: remctl.Remctl) -> None:
        stream = client.stream(["test", "lines", "3"])
        client.close()
        with pytest.raises(remctl.RemctlError, match="closed during the stream"):
            next(stream)
        assert list(stream) == []

    def test_a_failure_ends_it(self, client: remctl.Remctl) -> None:
        stream = client.stream(["test", "drop"])
        with pytest.raises(remctl.RemctlError, match="unexpected end of file"):
            next(stream)
        assert list(stream) == []
        assert still_right(client)
