"""`_remctl`: the C API, one to one, and that no misuse of it crashes."""

import contextlib
import copy
import inspect
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import remctl
from remctl import _remctl
from remctl.testing import Realm, Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_network import DeafServer
from tests.support.ids import shown

HELLO = [b"test", b"hello"]

FUNCTIONS = [
    "remctl",
    "remctl_new",
    "remctl_set_ccache",
    "remctl_set_source_ip",
    "remctl_set_timeout",
    "remctl_open",
    "remctl_open_fd",
    "remctl_open_sockaddr",
    "remctl_command",
    "remctl_commandv",
    "remctl_output",
    "remctl_noop",
    "remctl_close",
    "remctl_error",
]


@pytest.fixture
def handle(server: Server) -> Iterator[_remctl.Handle]:
    """A handle that is open."""
    handle = _remctl.remctl_new()
    assert _remctl.remctl_open(handle, server.host, server.port, server.principal) is True
    yield handle
    with contextlib.suppress(ValueError):  # closed by the test
        _remctl.remctl_close(handle)


def answer(handle: _remctl.Handle) -> list[Any]:
    """The tokens of an answer, to the one that ends it."""
    tokens: list[Any] = []
    while not tokens or tokens[-1].type == "output":
        tokens.append(_remctl.remctl_output(handle))
    return tokens


class TestModule:
    def test_goes_by_two_names(self) -> None:
        import _remctl as by_old_name

        assert by_old_name is _remctl
        assert sys.modules["_remctl"] is sys.modules["remctl._remctl"]

    def test_can_be_imported_first(self) -> None:
        script = "import _remctl; print(_remctl.remctl_error(_remctl.remctl_new()))"
        assert subprocess.check_output([sys.executable, "-c", script]) == b"no error\n"

    def test_has_every_function_of_the_library_s(self) -> None:
        assert [name for name in FUNCTIONS if not callable(getattr(_remctl, name, None))] == []

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_every_function_is_documented(self, name: str) -> None:
        signature, _, text = (inspect.getdoc(getattr(_remctl, name)) or "").partition("\n\n")
        assert signature.startswith(f"{name}(")
        assert text


class TestOneToOne:
    def test_open_command_output_close(self, server: Server) -> None:
        handle = _remctl.remctl_new()
        assert _remctl.remctl_open(handle, server.host, server.port) is True
        for send in (_remctl.remctl_command, _remctl.remctl_commandv):
            assert send(handle, [b"test", b"status", b"200"]) is True
            assert answer(handle) == [("status", None, None, 200, None)]
        assert _remctl.remctl_output(handle) == ("done", None, None, None, None)
        assert _remctl.remctl_noop(handle) is True
        assert _remctl.remctl_error(handle) == "no error"
        assert _remctl.remctl_close(handle) is None  # type: ignore[func-returns-value]

    def test_by_name(self, server: Server) -> None:
        handle = _remctl.remctl_new()
        assert _remctl.remctl_open(
            principal=server.principal, port=server.port, host=server.host, r=handle
        )
        assert _remctl.remctl_commandv(command=HELLO, r=handle)

    def test_a_failed_open_is_a_status(self, realm: Realm) -> None:
        handle = _remctl.remctl_new()
        assert _remctl.remctl_open(handle, "localhost", 1) is False
        text = "cannot connect to localhost (port 1): Connection refused"
        assert _remctl.remctl_error(handle) == text

    def test_without_a_connection_every_call_has_a_status(self) -> None:
        handle = _remctl.remctl_new()
        assert _remctl.remctl_command(handle, HELLO) is False
        assert _remctl.remctl_commandv(handle, HELLO) is False
        assert _remctl.remctl_noop(handle) is False
        assert _remctl.remctl_output(handle) == ()
        assert _remctl.remctl_error(handle) == "no currently open connection"

    def test_pending_output_is_a_status(self, handle: _remctl.Handle) -> None:
        assert _remctl.remctl_commandv(handle, HELLO)
        assert _remctl.remctl_commandv(handle, HELLO) is False
        assert "output of the previous command" in _remctl.remctl_error(handle)
        assert _remctl.remctl_noop(handle) is False
        assert answer(handle)[0].output == b"hello world\n"

    def test_noop_of_a_server_that_does_not_know_it(self, hostile: MakeHostile) -> None:
        def script(connection: Connection) -> None:
            connection.recv_message()
            connection.send_version(2)
            connection.wait_closed()

        target = hostile(script)
        handle = _remctl.remctl_new()
        assert _remctl.remctl_open(handle, target.host, target.port, target.principal)
        assert _remctl.remctl_noop(handle) is False

    def test_set_timeout(self, deaf: DeafServer) -> None:
        handle = _remctl.remctl_new()
        assert _remctl.remctl_set_timeout(handle, -1) is False
        assert _remctl.remctl_error(handle) == "invalid timeout -1"
        assert _remctl.remctl_set_timeout(handle, 0.05) is True
        assert _remctl.remctl_open(handle, deaf.host, deaf.port) is False
        assert _remctl.remctl_error(handle) == "error receiving token: timed out"

    def test_set_ccache_and_source_ip(self, server: Server, realm: Realm) -> None:
        handle = _remctl.remctl_new()
        assert _remctl.remctl_set_ccache(handle, "/nonexistent") is True
        assert _remctl.remctl_open(handle, server.host, server.port) is False
        assert _remctl.remctl_set_ccache(handle, realm.ccache) is True
        assert _remctl.remctl_set_source_ip(handle, "127.0.0.9") is True
        assert _remctl.remctl_open(handle, "127.0.0.1", server.port) is True

    def test_open_fd(self, server: Server) -> None:
        handle = _remctl.remctl_new()
        with socket.create_connection((server.host, server.port)) as sock:
            assert _remctl.remctl_open_fd(handle, "localhost", sock.fileno()) is True
        assert _remctl.remctl_commandv(handle, HELLO)
        assert answer(handle)[0].output == b"hello world\n"
        with socket.create_connection((server.host, server.port)) as sock:
            assert _remctl.remctl_open_fd(handle, None, sock.fileno(), server.principal) is True
        assert _remctl.remctl_commandv(handle, HELLO)

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
    def test_open_sockaddr(self, server: Server, address: str) -> None:
        handle = _remctl.remctl_new()
        where = (address, server.port)
        assert _remctl.remctl_open_sockaddr(handle, "localhost", where) is True
        assert _remctl.remctl_commandv(handle, HELLO)
        assert answer(handle)[0].output == b"hello world\n"
        assert _remctl.remctl_open_sockaddr(handle, "localhost", ("127.0.0.1", 1)) is False

    def test_nul_travels(self, handle: _remctl.Handle) -> None:
        assert _remctl.remctl_commandv(handle, [b"test", b"ab\0cd"])
        (token,) = answer(handle)
        assert token.error == remctl.ErrorCode.BAD_COMMAND

    def test_after_close_a_new_handle(self, server: Server) -> None:
        for _ in range(3):
            handle = _remctl.remctl_new()
            assert _remctl.remctl_open(handle, server.host, server.port)
            _remctl.remctl_close(handle)


class TestSimpleCall:
    def test_a_result(self, server: Server) -> None:
        command = [b"test", b"mix", b"255"]
        result = _remctl.remctl(server.host, server.port, server.principal, command)
        assert result == (None, b"out 1\nout 2\n", b"err 1\nerr 2\n", 255)
        result = _remctl.remctl(server.host, server.port, None, [b"test", b"status", b"0"])
        assert result == (None, None, None, 0)

    def test_errors(self, server: Server) -> None:
        error, *rest = _remctl.remctl(server.host, server.port, None, [b"no", b"such"])
        assert error == "Unknown command"
        assert rest == [None, None, 0]
        error, *rest = _remctl.remctl("localhost", 1, None, [b"test"])
        assert error == "cannot connect to localhost (port 1): Connection refused"
        assert rest == [None, None, 0]


class TestOutput:
    @pytest.fixture
    def token(self, handle: _remctl.Handle) -> _remctl.Output:
        """A token of output."""
        assert _remctl.remctl_commandv(handle, HELLO)
        token: _remctl.Output = answer(handle)[0]
        return token

    def test_has_attributes(self, token: _remctl.Output) -> None:
        assert type(token) is _remctl.Output
        assert token.type == "output"
        assert token.output == b"hello world\n"
        assert token.stream == 1
        assert token.status is None
        assert token.error is None

    def test_unpacks_as_the_tuple(self, token: _remctl.Output) -> None:
        type_, output, stream, status, error = token
        assert (type_, output, stream, status, error) == token
        assert isinstance(token, tuple)
        assert len(token) == 5
        assert token[1] == b"hello world\n"
        assert hash(token) == hash(tuple(token))

    def test_matches(self, token: _remctl.Output) -> None:
        match token:
            case _remctl.Output("output", bytes(output), 1):
                assert output == b"hello world\n"
            case _:
                raise AssertionError(token)

    def test_has_a_useful_repr(self, token: _remctl.Output) -> None:
        assert repr(token) == (
            "remctl._remctl.Output(type='output', output=b'hello world\\n', stream=1, "
            "status=None, error=None)"
        )

    def test_cannot_be_changed(self, token: _remctl.Output) -> None:
        with pytest.raises(AttributeError):
            token.output = b""  # type: ignore[misc]

    def test_outlives_its_handle(self, token: _remctl.Output, handle: _remctl.Handle) -> None:
        _remctl.remctl_close(handle)
        assert token.output == b"hello world\n"


ARGUMENTS: dict[str, tuple[object, ...]] = {
    "remctl_set_ccache": ("ccache",),
    "remctl_set_source_ip": ("127.0.0.1",),
    "remctl_set_timeout": (1,),
    "remctl_open": ("localhost", 1),
    "remctl_open_fd": ("localhost", 0),
    "remctl_open_sockaddr": ("localhost", ("127.0.0.1", 1)),
    "remctl_command": ([b"test"],),
    "remctl_commandv": ([b"test"],),
    "remctl_output": (),
    "remctl_noop": (),
    "remctl_close": (),
    "remctl_error": (),
}
on_a_handle = pytest.mark.parametrize("name", ARGUMENTS)


class TestMisuse:
    @on_a_handle
    def test_a_closed_handle_raises(self, handle: _remctl.Handle, name: str) -> None:
        """LIBREMCTL.md, row 22: with the incumbent it is freed twice."""
        _remctl.remctl_close(handle)
        for _ in range(2):
            with pytest.raises(ValueError, match=r"^the remctl handle is closed$"):
                getattr(_remctl, name)(handle, *ARGUMENTS[name])

    @on_a_handle
    @pytest.mark.parametrize("value", [None, 0, "handle", b"", object(), remctl.Remctl, []])
    def test_what_is_no_handle_raises(self, name: str, value: object) -> None:
        with pytest.raises(TypeError):
            getattr(_remctl, name)(value, *ARGUMENTS[name])

    @on_a_handle
    def test_a_handle_of_another_make_raises(self, name: str) -> None:
        others = [remctl.Remctl(), _remctl.Connection()]
        for other in others:
            with pytest.raises(TypeError):
                getattr(_remctl, name)(other, *ARGUMENTS[name])

    @on_a_handle
    def test_too_many_or_too_few_arguments_raise(self, handle: _remctl.Handle, name: str) -> None:
        function = getattr(_remctl, name)
        for arguments in ((), (handle, *ARGUMENTS[name], 1, 2, 3)):
            with pytest.raises(TypeError):
                function(*arguments)
        with pytest.raises(TypeError):
            function(handle, *ARGUMENTS[name], bogus=1)

    @pytest.mark.parametrize("kind", [_remctl.Handle, _remctl.Session, _remctl.Connection])
    def test_objects_are_whole_or_not_there(self, kind: Any) -> None:
        for make in (
            lambda: kind.__new__(kind),
            lambda: object.__new__(kind),
            lambda: type("Ours", (kind,), {}),
            lambda: kind(1),
            lambda: kind(bogus=1),
        ):
            with pytest.raises(TypeError):
                make()
        if kind is not _remctl.Connection:  # they come from functions
            with pytest.raises(TypeError):
                kind()

    def test_objects_are_not_copied(self, handle: _remctl.Handle) -> None:
        for one in (handle, _remctl.Connection(), _remctl.Reactor(), remctl.Remctl()):
            for copied in (
                copy.copy,
                copy.deepcopy,
                pickle.dumps,
                lambda one: pickle.dumps(one, 0),
            ):
                if copied is copy.copy and isinstance(one, remctl.Remctl):
                    continue  # a second name for the same connection
                with pytest.raises(TypeError):
                    copied(one)

    @pytest.mark.parametrize("send", [_remctl.remctl_command, _remctl.remctl_commandv])
    @pytest.mark.parametrize(
        "command",
        [
            None,
            "test",
            b"test",
            (b"test",),
            iter([b"test"]),
            7,
            ["test"],
            [b"test", None],
            [7],
            {b"test": 1},
        ],
        ids=shown,
    )
    def test_a_command_is_a_list_of_bytes(
        self, handle: _remctl.Handle, send: Callable[..., object], command: object
    ) -> None:
        text = r"^command must be a list of bytes"
        with pytest.raises(TypeError, match=text):
            send(handle, command)
        with pytest.raises(TypeError, match=text):
            _remctl.remctl("localhost", 1, None, command)  # type: ignore[arg-type]

    def test_an_empty_command_raises(self, handle: _remctl.Handle) -> None:
        with pytest.raises(ValueError, match=r"^command must not be empty$"):
            _remctl.remctl_commandv(handle, [])
        with pytest.raises(ValueError, match=r"^command must not be empty$"):
            _remctl.remctl("localhost", 1, None, [])

    @pytest.mark.parametrize("port", [-1, 65536, 2**16, 2**31, 2**63, 2**64, -(2**64), 10**100])
    def test_a_port_out_of_range_raises(self, port: int) -> None:
        text = rf"^invalid port number: {port}$"
        with pytest.raises(ValueError, match=text):
            _remctl.remctl_open(_remctl.remctl_new(), "localhost", port)
        with pytest.raises(ValueError, match=text):
            _remctl.remctl("localhost", port, None, HELLO)
        with pytest.raises(ValueError, match=text):
            _remctl.remctl_open_sockaddr(_remctl.remctl_new(), "h", ("127.0.0.1", port))

    def test_a_value_is_shown_whatever_its_repr_is(self) -> None:
        class Port(int):
            def __repr__(self) -> str:
                return "\ud800"

        with pytest.raises(ValueError, match=r"^invalid port number: \\ud800$"):
            _remctl.remctl_open(_remctl.remctl_new(), "localhost", Port(-1))

    @pytest.mark.parametrize("port", [None, "1", 1.0, b"1", [], object()], ids=shown)
    def test_a_port_of_another_type_raises(self, port: Any) -> None:
        with pytest.raises(TypeError, match=r"^port must be an int, not "):
            _remctl.remctl_open(_remctl.remctl_new(), "localhost", port)
        with pytest.raises(TypeError, match=r"^port must be an int, not "):
            _remctl.remctl("localhost", port, None, HELLO)

    @pytest.mark.parametrize(
        ("descriptor", "error"),
        [
            (-1, OSError),
            (10**6, OSError),
            (2**31, TypeError),
            (10**100, TypeError),
            (None, TypeError),
            ("0", TypeError),
            (1.5, TypeError),
        ],
    )
    def test_a_bad_descriptor_raises(self, descriptor: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            _remctl.remctl_open_fd(_remctl.remctl_new(), "localhost", descriptor)

    def test_a_descriptor_of_no_socket_raises(self) -> None:
        reading, writing = os.pipe()
        for descriptor in (reading, writing):
            with pytest.raises(OSError, match="non-socket"):
                _remctl.remctl_open_fd(_remctl.remctl_new(), "localhost", descriptor)
            os.close(descriptor)

    @pytest.mark.parametrize(
        ("address", "error"),
        [
            (None, TypeError),
            ("127.0.0.1", TypeError),
            ((), TypeError),
            (("127.0.0.1",), TypeError),
            (("localhost", 1), ValueError),
            (("127.0.0.1", "1"), TypeError),
            ((1, 1), TypeError),
            (("127.0.0.1\x00", 1), ValueError),
            (["127.0.0.1", 1], TypeError),
        ],
        ids=shown,
    )
    def test_a_bad_address_raises(self, address: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            _remctl.remctl_open_sockaddr(_remctl.remctl_new(), "localhost", address)


# Every function of the module, and every method of its classes, called with every
# combination of three arguments out of a list of odd ones.
FUZZ = """
import faulthandler, itertools, sys
faulthandler.enable()
from remctl import _remctl

class Odd:
    def __index__(self): raise RuntimeError("index")
    def __float__(self): raise RuntimeError("float")
    def __str__(self): raise RuntimeError("str")
    def __fspath__(self): raise RuntimeError("fspath")
    def __len__(self): return -1
    def __iter__(self): raise RuntimeError("iter")

class Subverted(str):
    def encode(self, *args): return 7

def handle(opened):
    handle = _remctl.remctl_new()
    if not opened:
        _remctl.remctl_close(handle)
    return handle

closing = handle(True)
values = [
    None, 0, -1, 1, 2**63, -10**100, 1e400, float("nan"), "", "x", "a\\0b", "\\ud800", b"", b"\\0",
    [], [b""], [b"x"], [b"x", None], [closing], (), ("127.0.0.1", 1), ("127.0.0.1", 10**30),
    {}, object(), Odd(), Subverted("host"), type, handle(True), handle(False), closing,
    _remctl.Connection(), _remctl.Reactor(), _remctl.Handle, _remctl.Connection, _remctl.Reactor,
    _remctl.Output(("done", None, None, None, None)),
]
calls = [getattr(_remctl, name) for name in dir(_remctl) if name.startswith("remctl")]
calls += [
    getattr(kind, name)
    for kind in (_remctl.Connection, _remctl.Session, _remctl.Handle, _remctl.Output)
    for name in dir(kind)
    if name not in ("__class__", "__subclasses__", "begin")
]
done = raised = 0
for count in range(4):
    for arguments in itertools.product(values, repeat=count):
        # In full for one and two; of three only what begins with a handle or a connection.
        if count == 3 and type(arguments[0]).__module__ != _remctl.__name__:
            continue
        for call in calls:
            if isinstance(call, property):
                continue
            try:
                call(*arguments)
                done += 1
            except Exception:
                raised += 1
print(done > 1000 and raised > 10000)
"""


def test_nothing_crashes(realm: Realm) -> None:
    command = [sys.executable, "-X", "faulthandler", "-c", FUZZ]
    env = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True\n"
