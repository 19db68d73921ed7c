"""Strings that become C strings: host, principal, credential cache and source address."""

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import remctl
from remctl import _remctl
from remctl.testing import Realm, Server

from tests.support.ids import shown

Call = Callable[[Any], object]


def open_socket(**arguments: Any) -> None:
    """`Remctl.open_socket` over a socket pair."""
    ends = socket.socketpair()
    try:
        remctl.Remctl().open_socket(ends[0], **arguments)
    finally:
        for end in ends:
            end.close()


COMMAND = ["test", "hello"]

CALLS: dict[str, list[Call]] = {
    "host": [
        lambda text: remctl.remctl(text, command=COMMAND),
        lambda text: remctl.Remctl().open(text),
        lambda text: remctl.Remctl(text),
        lambda text: open_socket(host=text),
        lambda text: _remctl.remctl(text, 0, None, [b"test"]),
        lambda text: _remctl.remctl_open(_remctl.remctl_new(), text),
    ],
    "principal": [
        lambda text: remctl.remctl("localhost", 1, text, COMMAND),
        lambda text: remctl.Remctl().open("localhost", 1, text),
        lambda text: remctl.Remctl("localhost", 1, text),
        lambda text: open_socket(host="localhost", principal=text),
        lambda text: _remctl.remctl("localhost", 1, text, [b"test"]),
        lambda text: _remctl.remctl_open(_remctl.remctl_new(), "localhost", 1, text),
    ],
    "ccache": [
        lambda text: remctl.remctl("localhost", command=COMMAND, ccache=text),
        lambda text: remctl.Remctl().set_ccache(text),
        lambda text: _remctl.remctl_set_ccache(_remctl.remctl_new(), text),
    ],
    "source": [
        lambda text: remctl.remctl("localhost", command=COMMAND, source_ip=text),
        lambda text: remctl.Remctl().set_source_ip(text),
        lambda text: _remctl.remctl_set_source_ip(_remctl.remctl_new(), text),
    ],
}
ALL = [
    pytest.param(name, call, id=f"{name}{number}")
    for name, calls in CALLS.items()
    for number, call in enumerate(calls)
]


@pytest.mark.parametrize(("name", "call"), ALL)
@pytest.mark.parametrize("text", ["local\0host", "\0", b"local\0host"], ids=shown)
def test_nul_is_a_value_error_naming_the_argument(name: str, call: Call, text: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must not contain a NUL character$"):
        call(text)


@pytest.mark.parametrize(("name", "call"), ALL)
@pytest.mark.parametrize("value", [7, 1.5, ["localhost"], object(), True], ids=shown)
def test_another_type_is_a_type_error_naming_the_argument(
    name: str, call: Call, value: object
) -> None:
    kind = type(value).__name__
    with pytest.raises(TypeError, match=f"^{name} must be a str, not {kind}$"):
        call(value)


@pytest.mark.parametrize(("name", "call"), ALL)
def test_a_surrogate_that_stands_for_no_byte_is_a_value_error_naming_the_argument(
    name: str, call: Call
) -> None:
    with pytest.raises(ValueError, match=f"^{name} cannot be encoded as UTF-8: '.ud800'$"):
        call("\ud800")


@pytest.mark.parametrize("call", [*CALLS["host"][:2], CALLS["host"][4], CALLS["host"][5]])
def test_none_is_no_host(call: Call) -> None:
    with pytest.raises(TypeError, match=r"^host must be a str, not NoneType$"):
        call(None)


@pytest.mark.parametrize("call", [*CALLS["host"][:3], *CALLS["host"][4:]])
def test_an_empty_host_is_a_value_error(call: Call) -> None:
    with pytest.raises(ValueError, match=r"^host must not be empty$"):
        call("")


def test_a_host_of_surrogate_escapes_is_looked_up_as_bytes(realm: Realm) -> None:
    with pytest.raises(remctl.RemctlError, match=r"^unknown host "):
        remctl.Remctl("h\udcffst.invalid", 4373)


def test_a_principal_and_a_ccache_of_surrogate_escapes_are_passed_on_as_bytes(
    server: Server, realm: Realm, tmp_path: Path
) -> None:
    odd = str(tmp_path) + "/c\udcff"
    shutil.copy(realm.ccache, odd)
    client = remctl.Remctl()
    client.set_ccache(odd)
    client.open(server.host, server.port)
    assert client.run(["test", "hello"]).status == 0
    with pytest.raises(remctl.RemctlError, match="GSS-API error"):
        client.open(server.host, server.port, "host/\udcff")


@pytest.fixture
def client(server: Server) -> Iterator[remctl.Remctl]:
    """A client that is open."""
    with remctl.Remctl(server.host, server.port) as client:
        yield client


def test_host_and_principal_live_as_long_as_the_library_may_look_at_them(
    own_server: Server,
) -> None:
    """LIBREMCTL.md, row 8: the library borrows them, and uses them again to reconnect."""
    host = "".join(["local", "host"])
    principal = "".join(["host/local", "host"])
    client = remctl.Remctl(host, own_server.port, principal)
    del host, principal
    for _ in range(3):
        own_server.restart()
        filler = ["x" * 9 for _ in range(10_000)]
        assert client.run(["test", "hello"]).stdout == b"hello world\n"
        del filler
    client.close()


def test_a_failed_open_of_bad_strings_leaves_an_open_connection_alone(
    client: remctl.Remctl,
) -> None:
    for bad in ("a\0b", "", None):
        with pytest.raises((ValueError, TypeError)):
            client.open(bad)  # type: ignore[arg-type]
    assert client.run(["test", "hello"]).status == 0
