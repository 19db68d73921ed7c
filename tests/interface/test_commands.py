"""The arguments of commands: what becomes of each kind, and that they arrive whole."""

import array
import ctypes
import decimal
import enum
import fractions
import hashlib
import ipaddress
import mmap
import os
import pickle
import random
import sys
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import remctl
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_network import DeafServer
from tests.fix_realm import netstrings
from tests.support.ids import shown


class Named:
    """An object with a string form."""

    def __str__(self) -> str:
        return "naïve"


class Scalar(ctypes.c_int):
    """As numpy's scalars are: a string form, and a buffer that is something else."""

    dtype = "int32"
    shape = ()

    def __str__(self) -> str:
        return str(self.value)


class BytesPath:
    """A path in bytes."""

    def __fspath__(self) -> bytes:
        return b"/tmp/\xff"


class OddPath(Named):
    """A path whose string form is not the path."""

    def __fspath__(self) -> str:
        return "/the/path"


class Bytes(bytes):
    """A subclass."""


class Text(str):
    """A subclass whose string form is another."""

    __slots__ = ()

    def __str__(self) -> str:
        return "shown"


class Masked(Text):
    """A subclass with every other way to a string masked, too."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"stars"

    def __fspath__(self) -> str:
        return "stars"

    def __format__(self, spec: str) -> str:
        return "stars"


class Word(str, enum.Enum):
    """As many a constant of a program; str() of a member is "Word.HELLO"."""

    HELLO = "hello"


class Octets(bytes, enum.Enum):
    """The same of bytes."""

    FF = b"\xff"


class Number(enum.IntEnum):
    """str() of a member is "Number.SEVEN" on Python 3.10 and "7" on later ones."""

    SEVEN = 7


class OldNumber(int, enum.Enum):
    """str() of a member is "OldNumber.SEVEN" on every Python."""

    SEVEN = 7


class Temperature(float):
    """A float that shows itself in another way."""

    def __str__(self) -> str:
        return "warm"

    __repr__ = __str__


class Plain(enum.Enum):
    """Members that are no str and no number."""

    SEVEN = 7


class Link(PurePosixPath):
    """A path of another class."""

    def __fspath__(self) -> str:
        return "/the/link"


ARGUMENTS = [
    # bytes-like
    (b"plain", b"plain"),
    (b"\xff\xfe\x01", b"\xff\xfe\x01"),
    (Bytes(b"subclass"), b"subclass"),
    (Octets.FF, b"\xff"),
    (bytearray(b"\x80array"), b"\x80array"),
    (memoryview(b"view"), b"view"),
    (memoryview(b"a-b-c-")[::2], b"abc"),
    (memoryview(b"abcd").cast("B", (2, 2)), b"abcd"),
    (array.array("B", [104, 105]), b"hi"),
    (pickle.PickleBuffer(b"pickled"), b"pickled"),
    ((ctypes.c_char * 3)(b"x", b"y", b"z"), b"xyz"),
    # text
    ("text", b"text"),
    ("ünïcode €", "ünïcode €".encode()),
    ("\udcff\udc80", b"\xff\x80"),
    (os.fsdecode(b"caf\xe9"), b"caf\xe9"),
    (Text("subclass"), b"subclass"),
    (Word.HELLO, b"hello"),
    (Masked("secret"), b"secret"),
    # paths
    (Path("/etc/hosts"), b"/etc/hosts"),
    (PurePosixPath("a/b"), b"a/b"),
    (Path(os.fsdecode(b"/\xff")), b"/\xff"),
    (BytesPath(), b"/tmp/\xff"),
    (OddPath(), b"/the/path"),
    (Link("x"), b"/the/link"),
    # all else: the string form
    (7, b"7"),
    (-1, b"-1"),
    (2**100, str(2**100).encode()),
    (1.5, b"1.5"),
    (True, b"True"),
    (Number.SEVEN, b"7"),
    (OldNumber.SEVEN, b"7"),
    (Temperature(36.6), b"36.6"),
    (float("inf"), b"inf"),
    (Plain.SEVEN, b"Plain.SEVEN"),
    (decimal.Decimal("1.10"), b"1.10"),
    (fractions.Fraction(1, 3), b"1/3"),
    (uuid.UUID(int=1), b"00000000-0000-0000-0000-000000000001"),
    (Scalar(7), b"7"),
    (Named(), "naïve".encode()),
    # empty ones
    ("", b""),
    (b"", b""),
    (bytearray(), b""),
]


class Structure(ctypes.Structure):
    """One of C's."""

    _fields_ = (("number", ctypes.c_int),)


class Dates(mmap.mmap):
    """As numpy's arrays of dates are: they refuse to give a buffer."""

    dtype = "datetime64[D]"


class DateScalar(Named, bytearray):
    """As one of numpy's dates is: its buffer is a number of days, in bytes."""

    dtype = "datetime64[D]"
    shape = ()


def closed_dates() -> Dates:
    dates = Dates(-1, 8)
    dates.close()
    return dates


OBJECTS = "must not be a buffer of objects, dates or structures"
NO_ARGUMENTS = [
    (memoryview(ctypes.c_int(5)), "must not be a single value in a memoryview"),
    (ctypes.c_int(5), "must not be a single value in a c_int"),
    (Structure(1), OBJECTS),
    ((Structure * 2)(), OBJECTS),
    ((ctypes.py_object * 1)(), OBJECTS),
    ((ctypes.c_char_p * 1)(b"x"), OBJECTS),
    (ctypes.pointer(ctypes.c_int(5)), "must not be a single value in a LP_c_int"),
    (closed_dates(), OBJECTS),
]


def kind_of(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize(("argument", "text"), NO_ARGUMENTS, ids=kind_of)
def test_what_has_no_bytes_of_its_own_is_refused(
    client: remctl.Remctl, argument: object, text: str
) -> None:
    with pytest.raises(TypeError, match=f"^command argument 2 {text}"):
        client.run(["test", "args", argument])


def test_a_date_of_numpys_is_its_string_form(client: remctl.Remctl) -> None:
    result = client.run(["test", "args", DateScalar(b"days")])
    assert netstrings(result.stdout or b"") == ["naïve".encode()]


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[remctl.Remctl]:
    """A connection for the whole module."""
    with remctl.Remctl(server.host, server.port) as client:
        yield client


@pytest.mark.parametrize(("argument", "bytes_"), ARGUMENTS, ids=lambda value: shown(value)[:40])
def test_an_argument_arrives_as(client: remctl.Remctl, argument: object, bytes_: bytes) -> None:
    result = client.run(["test", "args", argument, b"last"])
    assert netstrings(result.stdout or b"") == [bytes_, b"last"]


@pytest.mark.parametrize("call", ["remctl", "command", "run", "stream"])
def test_every_call_takes_the_same_arguments(
    client: remctl.Remctl, server: Server, call: str
) -> None:
    command = ["test", "args", *(argument for argument, _ in ARGUMENTS)]
    if call == "remctl":
        stdout = remctl.remctl(server.host, server.port, command=command).stdout
    elif call == "run":
        stdout = client.run(command).stdout
    else:
        tokens = client.stream(command) if call == "stream" else client
        if call == "command":
            client.command(command)
        stdout = b"".join(token.output or b"" for token in tokens)
    assert netstrings(stdout or b"") == [bytes_ for _, bytes_ in ARGUMENTS]


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        iter,
        deque,
        lambda words: (word for word in words),
        lambda words: map(str, words),
    ],
    ids=["list", "tuple", "iterator", "deque", "generator", "map"],
)
def test_a_command_is_any_iterable(client: remctl.Remctl, make: Callable[..., object]) -> None:
    command = make(["test", "args", "one", "two"])
    result = client.run(command)  # type: ignore[arg-type]
    assert netstrings(result.stdout or b"") == [b"one", b"two"]


class NoIterable:
    """Not an iterable."""


@pytest.mark.parametrize(
    "command",
    [
        bytearray(b"test"),
        memoryview(b"test"),
        "",
        b"",
        7,
        0,
        1.5,
        True,
        decimal.Decimal(1),
        1j,
        None,
        NoIterable(),
        len,
    ],
    ids=shown,
)
def test_what_is_no_iterable_of_arguments_is_a_type_error(
    client: remctl.Remctl, command: object
) -> None:
    text = "^command must be a sequence or iterator$"
    with pytest.raises(TypeError, match=text):
        remctl.remctl("localhost", command=command)  # type: ignore[arg-type]
    for call in (client.command, client.run, client.stream):
        with pytest.raises(TypeError, match=text):
            call(command)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("test", "['test']"),
        ("test hello", "['test', 'hello']"),
        (" test  hello\tyou ", "['test', 'hello', ...]"),
        (b"test hello", "[b'test', b'hello']"),
    ],
)
def test_a_text_as_the_command_is_a_type_error_that_says_what_to_write(
    client: remctl.Remctl, command: Any, advice: str
) -> None:
    """It shows two words at most. Calls of the manual raise what the old binding did."""
    text = "command must be a sequence or iterator"
    calls: list[Callable[[Any], object]] = [
        client.run,
        client.stream,
        lambda command: remctl.run_many(["localhost"], command),
        lambda command: remctl.arun_many(["localhost"], command),
    ]
    for call in calls:
        with pytest.raises(TypeError) as caught:
            call(command)
        assert str(caught.value) == f"{text}, not one text: write {advice}"
    for call in (client.command, lambda command: remctl.remctl("localhost", command=command)):
        with pytest.raises(TypeError) as caught:
            call(command)
        assert str(caught.value) == text


@pytest.mark.parametrize("command", [{"test"}, frozenset({"test"}), {"test": 1}, {}, set()])
def test_what_has_no_order_is_no_command(client: remctl.Remctl, command: Any) -> None:
    for call in (client.command, client.run, client.stream):
        with pytest.raises(TypeError, match=r"^command must be a sequence .*, which has no order$"):
            call(command)
    with pytest.raises(TypeError, match="which has no order"):
        remctl.remctl("localhost", command=command)


@pytest.mark.parametrize(
    ("argument", "kind"),
    [
        (["jdoe"], "list"),
        (("jdoe",), "tuple"),
        ({"jdoe"}, "set"),
        (frozenset(), "frozenset"),
        ({"user": "jdoe"}, "dict"),
        ({}.keys(), "dict_keys"),
        ({}.values(), "dict_values"),
        ({}.items(), "dict_items"),
        (shown, "function"),
        (lambda: "jdoe", "function"),
        (len, "builtin_function_or_method"),
        ("jdoe".upper, "builtin_function_or_method"),
        (remctl.Target("host").__str__, "method"),
        (str, "type"),
        (remctl.ErrorKind, "EnumType" if sys.version_info >= (3, 11) else "EnumMeta"),
        ((word for word in ["jdoe"]), "generator"),
        (remctl.RemctlOutput("done", None, None, None, None), "RemctlOutput"),
    ],
    ids=shown,
)
def test_a_structure_as_an_argument_is_a_type_error_that_says_which(
    client: remctl.Remctl, argument: object, kind: str
) -> None:
    text = f"^command argument 1 must be a str, bytes or one value, not {kind}$"
    with pytest.raises(TypeError, match=text):
        remctl.remctl("localhost", command=["test", argument])
    for call in (client.command, client.run, client.stream):
        with pytest.raises(TypeError, match=text):
            call(["test", argument])


class Own:
    """A value of a user's, which has a string form."""

    def __str__(self) -> str:
        return "own"

    def __iter__(self) -> Iterator[str]:
        return iter("own")


@pytest.mark.parametrize(
    ("argument", "sent"),
    [
        (Own(), b"own"),
        (ipaddress.ip_network("10.0.0.0/8"), b"10.0.0.0/8"),  # which is iterable, too
        (array.array("B", b"abc"), b"abc"),
        (decimal.Decimal("1.5"), b"1.5"),
        (remctl.ErrorKind.LOST, b"lost"),
    ],
    ids=shown,
)
def test_a_value_with_a_string_form_is_an_argument(
    client: remctl.Remctl, argument: object, sent: bytes
) -> None:
    result = client.run(["test", "args", argument])
    assert netstrings(result.stdout or b"") == [sent]


@pytest.mark.parametrize("command", [[], (), iter(())], ids=shown)
def test_an_empty_command_is_a_value_error(client: remctl.Remctl, command: object) -> None:
    with pytest.raises(ValueError, match=r"^command must not be empty$"):
        remctl.remctl("localhost", command=command)  # type: ignore[arg-type]
    for call in (client.command, client.run, client.stream):
        with pytest.raises(ValueError, match=r"^command must not be empty$"):
            call(command)  # type: ignore[arg-type]


def test_none_as_an_argument_is_a_type_error_that_says_which(client: remctl.Remctl) -> None:
    with pytest.raises(TypeError, match=r"^command argument 2 must not be None$"):
        client.run(["test", "hello", None])


def test_a_surrogate_that_stands_for_no_byte_is_a_value_error(client: remctl.Remctl) -> None:
    with pytest.raises(ValueError, match=r"^command argument 1 cannot be encoded: "):
        client.run(["test", "\ud800"])


def test_what_an_argument_s_string_form_raises_is_raised(client: remctl.Remctl) -> None:
    class Stubborn:
        def __str__(self) -> str:
            raise LookupError("no")

    with pytest.raises(LookupError, match=r"^no$"):
        client.run(["test", Stubborn()])


def test_what_a_generator_raises_is_raised_and_nothing_is_sent(
    client: remctl.Remctl, deaf: DeafServer
) -> None:
    def words() -> Iterator[str]:
        yield "test"
        raise LookupError("no more words")

    with pytest.raises(LookupError, match=r"^no more words$"):
        remctl.remctl(deaf.host, deaf.port, command=words())
    assert deaf.connections == 0
    for call in (client.command, client.run, client.stream):
        with pytest.raises(LookupError, match=r"^no more words$"):
            call(words())
    assert client.run(["test", "hello"]).stdout == b"hello world\n"  # on the same connection


class TestWhole:
    """LIBREMCTL.md, row 7: arguments travel by length."""

    def test_nul_is_a_byte_like_any_other(self, hostile: MakeHostile) -> None:
        commands: list[list[bytes]] = []

        def script(connection: Connection) -> None:
            commands.append(connection.recv_command())
            connection.send_status(0)
            connection.wait_closed()

        target = hostile(script)
        command = [b"ab\0cd", "\0", bytearray(b"\0\0"), b""]
        remctl.remctl(target.host, target.port, target.principal, command)
        assert commands == [[b"ab\0cd", b"\0", b"\0\0", b""]]

    def test_remctld_s_answer_to_nul_is_told(self, client: remctl.Remctl) -> None:
        with pytest.raises(remctl.RemctlProtocolError) as caught:
            client.run(["test", "args", b"ab\0cd"])
        assert caught.value.code is remctl.ErrorCode.BAD_COMMAND
        assert client.run(["test", "hello"]).status == 0

    @pytest.mark.parametrize("size", [0, 1, 65536, 1 << 20, 3 << 20])
    def test_binary_of_any_size_by_standard_input(self, client: remctl.Remctl, size: int) -> None:
        data = random.Random(size).randbytes(size)
        result = client.run(["test", "stdin", data])
        length, digest = (result.stdout or b"").split()
        assert int(length) == size
        assert digest.decode() == hashlib.sha256(data).hexdigest()

    def test_ten_thousand_arguments_arrive_or_get_the_server_s_error(
        self, client: remctl.Remctl, hostile: MakeHostile
    ) -> None:
        arguments = [str(number).encode() for number in range(10_000)]
        with pytest.raises(remctl.RemctlProtocolError) as caught:
            client.run(["test", "args", *arguments])
        assert caught.value.code is remctl.ErrorCode.TOOMANY_ARGS
        commands: list[list[bytes]] = []

        def script(connection: Connection) -> None:
            commands.append(connection.recv_command())
            connection.send_status(0)
            connection.wait_closed()

        target = hostile(script)
        remctl.remctl(target.host, target.port, target.principal, arguments)
        assert commands == [arguments]

    def test_thousands_of_arguments_on_the_real_server(self, client: remctl.Remctl) -> None:
        arguments = [str(number) for number in range(4000)]
        result = client.run(["test", "args", *arguments])
        assert netstrings(result.stdout or b"") == [a.encode() for a in arguments]
