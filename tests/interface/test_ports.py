"""Ports: what is one, and the two defaults."""

import re
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import remctl
from remctl.testing import Realm, Server

from tests.support import own_network
from tests.support.ids import shown

CALLS: list[Callable[[Any], object]] = [
    lambda port: remctl.remctl("localhost", port, command=["test", "hello"]),
    lambda port: remctl.Remctl().open("localhost", port),
    lambda port: remctl.Remctl("localhost", port),
]
call = pytest.mark.parametrize("call", CALLS, ids=["remctl", "open", "Remctl"])


class Index:
    """An integer by `__index__`."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


@pytest.mark.parametrize(
    "form",
    [int, str, float, Decimal, Index, lambda port: str(port).encode(), lambda port: f" {port}\n"],
)
def test_a_number_in_any_form(server: Server, form: Callable[[int], Any]) -> None:
    port = form(server.port)
    assert remctl.remctl(server.host, port, command=["test", "hello"]).status == 0
    with remctl.Remctl(server.host, port) as client:
        assert client.opened


@call
@pytest.mark.parametrize("port", ["foo", "", "1.5", "0x10", [], {}, object, 1j], ids=shown)
def test_no_number_is_a_type_error(call: Callable[[Any], object], port: object) -> None:
    with pytest.raises(TypeError) as caught:
        call(port)
    assert str(caught.value) == f"port must be a number: {port!r}"


@call
@pytest.mark.parametrize(
    ("port", "shown"),
    [
        (-1, "-1"),
        (65536, "65536"),
        ("-1", "-1"),
        (2**70, str(2**70)),
        (1.5, "1.5"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (-1.0, "-1"),
        (Decimal("1.5"), "Decimal('1.5')"),
        (Decimal("Infinity"), "Decimal('Infinity')"),
        (Fraction(3, 2), "Fraction(3, 2)"),
    ],
)
def test_a_number_out_of_range_is_a_value_error(
    call: Callable[[Any], object], port: object, shown: str
) -> None:
    with pytest.raises(ValueError, match=f"^invalid port number: {re.escape(shown)}$"):
        call(port)


@call
def test_the_port_is_in_the_message(call: Callable[[Any], object], realm: Realm) -> None:
    text = r"^cannot connect to localhost \(port 1\): Connection refused$"
    with pytest.raises(remctl.RemctlError, match=text):
        call(1)


DEFAULTS = """
import os, socket, remctl
for port in (None, 0):
    try:
        print(remctl.remctl("foo.example.com", port, command=["test", "test"]).stdout)
        with remctl.Remctl("foo.example.com", port) as client:
            print(socket.socket(fileno=os.dup(client.fileno())).getpeername()[1], client.port)
    except remctl.RemctlError as error:
        print(error)
"""


@pytest.mark.skipif(not own_network.available(), reason="a network of one's own takes root")
@pytest.mark.parametrize(
    ("listening", "used"), [([4373], 4373), ([4444], 4444), ([4373, 4444], 4373)]
)
def test_without_a_port_4373_and_then_4444(listening: list[int], used: int) -> None:
    done = own_network.run(listening, sys.executable, "-c", DEFAULTS)
    assert done.stdout.splitlines() == ["b'hello world\\n'", f"{used} {used}"] * 2, done.stderr


@pytest.mark.skipif(not own_network.available(), reason="a network of one's own takes root")
def test_without_a_port_the_failure_of_4373_is_told() -> None:
    done = own_network.run([], sys.executable, "-c", DEFAULTS)
    text = "cannot connect to foo.example.com (port 4373): Connection refused"
    assert done.stdout.splitlines() == [text] * 2, done.stderr


DROPPED = """
import asyncio, contextlib, os, socket, sys, time, remctl

@contextlib.contextmanager
def silent(port):
    # A listener whose queue is full drops what comes, as a firewall does.
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        time.sleep(0.05)
        yield

def tell(call):
    start = time.monotonic()
    try:
        said = call()
    except remctl.RemctlError as error:
        said = error
    seconds = time.monotonic() - start
    print(said, "after", seconds // 0.5 * 0.5, "s")

def used_in_a_call(timeout):
    client = remctl.Remctl()
    client.open("foo.example.com", timeout=timeout)
    return socket.socket(fileno=os.dup(client.fileno())).getpeername()[1]

def used(**limits):
    with remctl.Remctl("foo.example.com", **limits) as client:
        return socket.socket(fileno=os.dup(client.fileno())).getpeername()[1]

async def aused(timeout):
    client = remctl.AsyncRemctl()
    await client.open("foo.example.com", timeout=timeout)
    return socket.socket(fileno=os.dup(client.fileno())).getpeername()[1]

with contextlib.ExitStack() as stack:
    for port in sys.argv[1:]:
        stack.enter_context(silent(int(port)))
    tell(lambda: used(timeout=0.5))
    tell(lambda: used_in_a_call(1))
    tell(lambda: asyncio.run(aused(1)))
"""


@pytest.mark.skipif(not own_network.available(), reason="a network of one's own takes root")
def test_a_firewall_that_drops_4373_leaves_time_for_4444() -> None:
    done = own_network.run([4444], sys.executable, "-c", DROPPED, "4373")
    # The longest silence, and half of what was left.
    assert done.stdout.splitlines() == ["4444 after 0.5 s"] * 3, done.stderr


@pytest.mark.skipif(not own_network.available(), reason="a network of one's own takes root")
def test_both_ports_have_no_more_than_the_limit() -> None:
    done = own_network.run([], sys.executable, "-c", DROPPED, "4373", "4444")
    text = "cannot connect to foo.example.com (port 4373): Connection timed out"
    assert done.stdout.splitlines() == [f"{text} after 1.0 s"] * 3, done.stderr
