"""Ports: what is one, and the two defaults."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import remctl
from remctl.testing import Realm, Server

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
    "form", [int, str, float, Index, lambda port: str(port).encode(), lambda port: f" {port}\n"]
)
def test_a_number_in_any_form(server: Server, form: Callable[[int], Any]) -> None:
    port = form(server.port)
    assert remctl.remctl(server.host, port, command=["test", "hello"]).status == 0
    with remctl.Remctl(server.host, port) as client:
        assert client.opened


@call
@pytest.mark.parametrize("port", ["foo", "", "1.5", "0x10", [], {}, object, 1j], ids=repr)
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
    ],
)
def test_a_number_out_of_range_is_a_value_error(
    call: Callable[[Any], object], port: object, shown: str
) -> None:
    with pytest.raises(ValueError, match=f"^invalid port number: {shown}$"):
        call(port)


@call
def test_the_port_is_in_the_message(call: Callable[[Any], object], realm: Realm) -> None:
    text = r"^cannot connect to localhost \(port 1\): Connection refused$"
    with pytest.raises(remctl.RemctlError, match=text):
        call(1)


# In a network of its own, where nothing else has the two ports.
DEFAULTS = """
import json, os, socket, subprocess, sys
import remctl
from remctl.testing import Realm

port = int(sys.argv[1])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
found = {}
with Realm() as realm, realm.environ():
    with realm.server({"test": {"hello": "#!/bin/sh\\necho hello\\n"}}) as real:
        listener = socket.create_server(("127.0.0.1", port)) if port else None
        if listener and not os.fork():
            while True:
                client = listener.accept()[0]
                onward = socket.create_connection(("127.0.0.1", real.port))
                for source, sink in ((client, onward), (onward, client)):
                    if not os.fork():
                        while data := source.recv(65536):
                            sink.sendall(data)
                        sink.shutdown(socket.SHUT_WR)
                        os._exit(0)
                client.close()
                onward.close()
        for name, chosen in (("None", None), ("0", 0)):
            try:
                result = remctl.remctl("localhost", chosen, command=["test", "hello"])
                found[name] = result.stdout.decode()
            except remctl.RemctlError as error:
                found[name] = str(error)
        if port:
            with remctl.Remctl("localhost") as client:
                found["peer"] = socket.socket(fileno=os.dup(client.fileno())).getpeername()[1]
json.dump(found, sys.stdout)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of one's own takes root")
@pytest.mark.parametrize("listening", [4373, 4444, 0])
def test_without_a_port_4373_and_then_4444(listening: int) -> None:
    command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command += [sys.executable, "-c", DEFAULTS, str(listening)]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True)
    found = json.loads(done.stdout)
    if listening:
        assert found == {"None": "hello\n", "0": "hello\n", "peer": listening}
    else:  # the failure of the first port is the one to report
        text = "cannot connect to localhost (port 4373): Connection refused"
        assert found == {"None": text, "0": text}
