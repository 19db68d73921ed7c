"""The same calls of the old binding and of ours: each prints what came of it.

Run by each binding's Python, with a server's port and the name of a folder as arguments.
"""

import os
import sys

import _remctl
import remctl

PORT = int(sys.argv[1])
PRINCIPAL = "host/localhost"
WHERE = ("localhost", PORT, PRINCIPAL)


def show(name, call):
    """Print the result of a call, or what it raised."""
    try:
        value = call()
    except Exception as error:
        kinds = (remctl.RemctlNotOpenedError, remctl.RemctlProtocolError, remctl.RemctlError)
        kind = next(kind for kind in (*kinds, ValueError, TypeError) if isinstance(error, kind))
        print(name, "raises", kind.__name__, str(error))
    else:
        print(name, "->", repr(value))


def fields(result):
    """A simple result."""
    return type(result).__name__, result.stdout, result.stderr, result.status


def simple(*arguments, **keywords):
    """The simple call."""
    return fields(remctl.remctl(*arguments, **keywords))


def token(client):
    """A token, with None for what the type has no use for: the old binding has 0 there."""
    type_, output, stream, status, error = client.output()
    kept = {
        "output": (output, stream, None, None),
        "status": (None, None, status, None),
        "error": (output, None, None, error),
        "done": (None, None, None, None),
    }
    return (type_, *kept[type_])


def tokens(client):
    """The rest of an answer, and what follows it."""
    found = [token(client)]
    while found[-1][0] == "output":
        found.append(token(client))
    return [*found, token(client)]


def asked(client, command):
    """A command and its answer."""
    client.command(command)
    return tokens(client)


def iterator(*words):
    """A generator."""
    yield from words


# The simple call.
show("success", lambda: simple(*WHERE, ["test", "hello"]))
show("tuple", lambda: simple(*WHERE, ("test", "hello", "tuple")))
show("generator", lambda: simple(*WHERE, iterator("test", "hello", "generator")))
show("bytes", lambda: simple(*WHERE, [b"test", b"hello", b"bytes\xff"]))
show("unicode", lambda: simple(*WHERE, ["test", "hello", "ünï"]))
show("empty argument", lambda: simple(*WHERE, ["test", "args", "", "x", ""]))
show("stderr", lambda: simple(*WHERE, ["test", "mix", "3"]))
show("no output", lambda: simple(*WHERE, ["test", "status", "2"]))
show("octets", lambda: simple(*WHERE, ["test", "octets"]))
show("long", lambda: hash(simple(*WHERE, ["test", "bytes", "200000"])[1] or b"") != 0)
show("by name", lambda: simple(host="localhost", command=["test", "hello"], port=str(PORT)))
show("no principal", lambda: simple("localhost", PORT, None, ["test", "hello"]))
show("float port", lambda: simple("localhost", float(PORT), None, ["test", "hello"]))
show("default result", lambda: fields(remctl.RemctlSimpleResult()))
show("refused", lambda: simple("localhost", 1, PRINCIPAL, ["test", "hello"]))
show("default port", lambda: simple("127.0.0.2", None, None, ["test", "hello"]))
show("unknown host", lambda: simple("host.invalid", 1, None, ["test", "hello"]))
show("wrong principal", lambda: simple("localhost", PORT, "host/other", ["test", "hello"]))
for name, arguments in {
    "no command": ("localhost",),
    "empty command": (*WHERE, []),
    "empty iterator": (*WHERE, iterator()),
    "str as command": (*WHERE, "test"),
    "bytes as command": (*WHERE, b"test"),
    "int as command": (*WHERE, 7),
    "bool as command": (*WHERE, True),
    "float as command": (*WHERE, 1.5),
    "port foo": ("localhost", "foo", None, ["test"]),
    "port -1": ("localhost", -1, None, ["test"]),
    "port 65536": ("localhost", 65536, None, ["test"]),
    "port before command": ("localhost", "foo", None, []),
}.items():
    show(name, lambda arguments=arguments: simple(*arguments))

# The full interface.
client = remctl.Remctl()
show("new", lambda: (client.opened, client.error()))
show("not opened command", lambda: client.command(["test"]))
show("not opened output", client.output)
show("not opened noop", client.noop)
show("not opened before type", lambda: client.command("test"))
show("open refused", lambda: client.open("localhost", 1))
show("its error", client.error)
show("open", lambda: client.open(*WHERE))
show("opened", lambda: (client.opened, client.error()))
show("done at first", lambda: token(client))
show("hello", lambda: asked(client, ["test", "hello"]))
show("status", lambda: asked(client, ["test", "status", "9"]))
show("error", lambda: asked(client, ["no", "such"]))
show("denied", lambda: asked(client, ["test", "denied"]))
show("str", lambda: client.command("test"))
show("empty", lambda: client.command([]))
show("nul", lambda: asked(client, ["test", b"a\0b"]))
show("again", lambda: asked(client, iterator("test", "hello", b"again")))
show("negative timeout", lambda: client.set_timeout(-1))
show("zero timeout", lambda: client.set_timeout(0))
show("timeout", lambda: client.set_timeout(1))
show("timed out", lambda: asked(client, ["test", "sleep", "3"]))
show("error after", client.error)
show("reconnects", lambda: asked(client, ["test", "hello", "reconnected"]))
show("close", client.close)
show("closed", lambda: (client.opened, client.error()))
show("closed command", lambda: client.command(["test"]))
show("closed output", client.output)
show("closed noop", client.noop)
show("constructor", lambda: asked(remctl.Remctl(*WHERE), ["test", "hello"]))
show("constructor by name", lambda: remctl.Remctl(host="localhost", port=str(PORT)).opened)
show("constructor refused", lambda: remctl.Remctl("localhost", 1))
show("constructor port", lambda: remctl.Remctl("localhost", "foo"))
client = remctl.Remctl()
show("source", lambda: client.set_source_ip("127.0.0.1"))
show("open from", lambda: client.open("127.0.0.1", PORT, PRINCIPAL))
show("ccache", lambda: client.set_ccache(os.environ["KRB5CCNAME"]))
show("open with", lambda: client.open(*WHERE))
show("use it", lambda: asked(client, ["test", "hello"]))
show("no such ccache", lambda: client.set_ccache(sys.argv[2] + "/none"))
show("source 6", lambda: remctl.Remctl().set_source_ip("::1"))

# The low-level interface.
show("_simple", lambda: _remctl.remctl(*WHERE, [b"test", b"mix", b"4"]))
show("_simple none", lambda: _remctl.remctl(*WHERE, [b"test", b"status", b"0"]))
handle = _remctl.remctl_new()
show("_open refused", lambda: bool(_remctl.remctl_open(handle, "localhost", 1)))
show("_error", lambda: _remctl.remctl_error(handle))
show("_open", lambda: bool(_remctl.remctl_open(handle, *WHERE)))
show("_command", lambda: _remctl.remctl_commandv(handle, [b"test", b"hello"]))
show("_output", lambda: tuple(_remctl.remctl_output(handle))[:3])
show("_status", lambda: tuple(_remctl.remctl_output(handle))[3])
show("_done", lambda: _remctl.remctl_output(handle)[0])
show("_noop", lambda: bool(_remctl.remctl_noop(handle)))
show("_timeout", lambda: bool(_remctl.remctl_set_timeout(handle, -1)))
show("_timeout error", lambda: _remctl.remctl_error(handle))
show("version", lambda: remctl.VERSION)
