"""The simple call: `remctl.remctl`."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_network import DeafServer
from tests.support.traces import descriptors


def test_returns_what_the_command_wrote_and_its_status(server: Server) -> None:
    result = remctl.remctl(server.host, server.port, server.principal, ["test", "mix", "3"])
    assert type(result) is remctl.RemctlSimpleResult
    assert result.stdout == b"out 1\nout 2\n"
    assert result.stderr == b"err 1\nerr 2\n"
    assert result.status == 3


def test_every_byte_arrives(server: Server) -> None:
    result = remctl.remctl(server.host, server.port, command=["test", "octets"])
    assert result.stdout == bytes(range(256))


def test_streams_on_which_nothing_came_are_none(server: Server) -> None:
    result = remctl.remctl(server.host, server.port, command=["test", "status", "0"])
    assert (result.stdout, result.stderr, result.status) == (None, None, 0)


@pytest.mark.parametrize("status", [1, 127, 128, 200, 255])
def test_the_status_is_what_the_command_exited_with(server: Server, status: int) -> None:
    command = ["test", "status", str(status)]
    assert remctl.remctl(server.host, server.port, command=command).status == status


def test_arguments_by_name(server: Server) -> None:
    result = remctl.remctl(
        command=("test", "hello"), principal=server.principal, port=server.port, host=server.host
    )
    assert result.stdout == b"hello world\n"


def test_none_is_the_default_of_port_and_principal(server: Server) -> None:
    result = remctl.remctl(server.host, server.port, None, ["test", "hello"])
    assert result.status == 0
    with pytest.raises(remctl.RemctlProtocolError, match=r"\(port 4373\)"):
        remctl.remctl("127.0.0.2", None, None, ["test", "hello"])


def test_timeout_ccache_and_source_ip_are_keyword_only(server: Server) -> None:
    with pytest.raises(TypeError, match="positional"):
        remctl.remctl(server.host, server.port, None, ["test", "hello"], 5)  # type: ignore[call-arg]


def test_a_command_is_required() -> None:
    with pytest.raises(ValueError, match=r"^command must not be empty$"):
        remctl.remctl("localhost")


def test_the_server_s_refusal_is_a_protocol_error_with_its_code(server: Server) -> None:
    with pytest.raises(remctl.RemctlProtocolError) as caught:
        remctl.remctl(server.host, server.port, command=["no", "such"])
    assert str(caught.value) == "Unknown command"
    assert caught.value.code is remctl.ErrorCode.UNKNOWN_COMMAND


def test_access_denied_is_a_protocol_error(server: Server) -> None:
    with pytest.raises(remctl.RemctlProtocolError, match="Access denied") as caught:
        remctl.remctl(server.host, server.port, command=["test", "denied"])
    assert caught.value.code is remctl.ErrorCode.ACCESS
    assert int(caught.value.code) == 6


def test_output_before_an_error_is_not_a_result(hostile: MakeHostile) -> None:
    def script(connection: Connection) -> None:
        connection.recv_command()
        connection.send_output(1, b"half")
        connection.send_error(1, b"sorry")
        connection.wait_closed()

    target = hostile(script)
    with pytest.raises(remctl.RemctlProtocolError, match="sorry"):
        remctl.remctl(target.host, target.port, target.principal, ["a"])


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("localhost", 1, r"^cannot connect to localhost \(port 1\): Connection refused$"),
        ("host.invalid", 4373, r"^unknown host host\.invalid: .+"),
    ],
)
def test_failures_of_the_network_are_protocol_errors_without_a_code(
    realm: Realm, host: str, port: int, text: str
) -> None:
    with pytest.raises(remctl.RemctlProtocolError, match=text) as caught:
        remctl.remctl(host, port, command=["test", "hello"])
    assert caught.value.code is None


def test_a_principal_that_the_server_is_not_is_a_protocol_error(server: Server) -> None:
    with pytest.raises(remctl.RemctlProtocolError, match="GSS-API error"):
        remctl.remctl(server.host, server.port, "host/elsewhere", ["test", "hello"])


def test_arguments_are_checked_before_anything_is_sent(deaf: DeafServer) -> None:
    with pytest.raises(TypeError, match="command must be a sequence or iterator"):
        remctl.remctl(deaf.host, deaf.port, command="test")  # type: ignore[arg-type]
    assert deaf.connections == 0


class TestTimeout:
    """`timeout=` is the most that the whole call may take."""

    def test_ends_a_call_to_a_silent_server(self, deaf: DeafServer) -> None:
        start = time.monotonic()
        with pytest.raises(remctl.RemctlTimeoutError, match=r"^error receiving token: timed out$"):
            remctl.remctl(deaf.host, deaf.port, command=["a"], timeout=0.2)
        assert 0.2 <= time.monotonic() - start < 1

    def test_ends_a_call_however_busily_the_server_sends(self, server: Server) -> None:
        start = time.monotonic()
        with pytest.raises(remctl.RemctlTimeoutError):
            command = ["test", "stream", "100", "0.05"]
            remctl.remctl(server.host, server.port, command=command, timeout=0.3)
        assert 0.3 <= time.monotonic() - start < 1

    def test_does_nothing_to_a_call_that_is_in_time(self, server: Server) -> None:
        result = remctl.remctl(server.host, server.port, command=["test", "hello"], timeout=60)
        assert result.status == 0

    @pytest.mark.parametrize("timeout", [None, float("inf"), 10**400], ids=["None", "inf", "big"])
    def test_none_and_ever_so_long_ones_are_no_limit(
        self, server: Server, timeout: float | None
    ) -> None:
        command = ["test", "sleep", "0.1"]
        result = remctl.remctl(server.host, server.port, command=command, timeout=timeout)
        assert result.status == 0

    @pytest.mark.parametrize(
        "timeout", [0, 0.0, -0.0, -1, -0.5, float("-inf"), -(10**400)], ids=lambda v: f"{v!r:.9}"
    )
    def test_zero_and_less_are_too_late_before_anything_is_sent(
        self, deaf: DeafServer, timeout: float
    ) -> None:
        with pytest.raises(remctl.RemctlTimeoutError) as caught:
            remctl.remctl(deaf.host, deaf.port, command=["a", "b", "c"], timeout=timeout)
        assert deaf.connections == 0
        assert str(caught.value) == "timed out before anything was sent"
        assert caught.value.may_have_run is False
        assert (caught.value.host, caught.value.port) == (deaf.host, deaf.port)
        assert caught.value.command == "a b"

    @pytest.mark.parametrize(
        ("arguments", "kind", "text"),
        [
            (("", ["a"]), ValueError, "^host must not be empty$"),
            ((7, ["a"]), TypeError, "^host must be a str, not int$"),
            (("a\0b", ["a"]), ValueError, "^host must not contain a NUL character$"),
            (("h\ud800", ["a"]), ValueError, "^host cannot be encoded as UTF-8: 'h.ud800'$"),
            (("h", "x", ["a"]), TypeError, "^port must be a number: 'x'$"),
            (("h", 1, 7, ["a"]), TypeError, "^principal must be a str, not int$"),
            (("h", 1, None, []), ValueError, "^command must not be empty$"),
        ],
    )
    def test_too_late_is_told_after_arguments_that_make_no_sense(
        self, arguments: tuple[Any, ...], kind: type[Exception], text: str
    ) -> None:
        host, port, principal, command = (*arguments[:-1], None, None)[:3] + arguments[-1:]
        with pytest.raises(kind, match=text):
            remctl.remctl(host, port, principal, command, timeout=0)
        for name in ("ccache", "source_ip"):
            with pytest.raises(TypeError):
                remctl.remctl("h", command=["a"], timeout=0, **{name: 7})  # type: ignore[arg-type]

    def test_no_number_is_a_type_error(self) -> None:
        with pytest.raises(TypeError, match=r"^timeout must be a number of seconds, not str$"):
            remctl.remctl("localhost", command=["a"], timeout="1")  # type: ignore[arg-type]


def test_calls_of_many_threads_run_side_by_side(server: Server) -> None:
    """LIBREMCTL.md, row 1: the lock of the interpreter is not held."""
    statuses: list[int | None] = []

    def call() -> None:
        command = ["test", "sleep", "0.5"]
        statuses.append(remctl.remctl(server.host, server.port, command=command).status)

    threads = [threading.Thread(target=call) for _ in range(8)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 8
    assert time.monotonic() - start < 2  # one after another: 4 s


def test_nothing_is_left_open(server: Server) -> None:
    remctl.remctl(server.host, server.port, command=["test", "hello"])
    gc.collect()  # of what tests before have left
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        remctl.remctl(server.host, server.port, command=["test", "hello"])
        with pytest.raises(remctl.RemctlProtocolError):
            remctl.remctl(server.host, server.port, command=["no", "such"])
        with pytest.raises(remctl.RemctlProtocolError):
            remctl.remctl("localhost", 1, command=["test", "hello"])
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def _asynchronous(*arguments: Any, **keywords: Any) -> object:
    return asyncio.run(remctl.aremctl(*arguments, **keywords))


@pytest.mark.parametrize("call", [remctl.remctl, _asynchronous])
def test_an_error_that_is_kept_keeps_no_connection(
    server: Server, call: Callable[..., object]
) -> None:
    call(server.host, server.port, command=["test", "hello"])  # loads what is loaded once
    before = sockets()
    with pytest.raises(remctl.RemctlProtocolError) as kept:
        call(server.host, server.port, command=["no", "such"])
    # Its traceback has the call's variables.
    assert kept.value.__traceback__ is not None
    assert sockets() == before


def sockets() -> int:
    """How many sockets this process has."""
    return len([one for one in descriptors().values() if one.startswith("socket:")])
