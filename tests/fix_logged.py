"""Whatever test runs: nothing that it logs has an argument beyond a command's second word in it.

The package's loggers are on for all tests, but for those that measure. Which arguments there are
is learned where every command passes by: where arguments are encoded, and where the extension
asks how the log may call a command.
"""

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from remctl import _arguments
from remctl._errors import printable

#: An argument that is shorter proves nothing where it is found, and none that is a number.
SHORTEST = 4

#: What the log says of its own, in which an argument may well be found.
VOCABULARY = (
    "connected to in authenticated, the server is host/ speaks protocol reconnecting: lost "
    "command argument arguments byte bytes status error after of output NOOP answered not known "
    "dropped failed resolve connect timeout lost misuse cut short closed unexpected end of file "
    "timed out sending receiving token "
    "connection made lent returned waiting idle open checked alive renewed good until another try"
)

_WHERE = re.compile(r"^(.*?)(?: \((?:port \d+|a socket)\))?: ")
_NAME = re.compile(r'^((?:command|status \d+ of|error \d+ of) )"(.*)"')


class Watch(logging.Filter):
    """Knows the arguments of all commands, and looks for them in all that is logged.

    Attributes:
        passing: whether others hear it, too. (pytest would keep every record, also of a logger
            that does not propagate.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.passing = False
        self.secret: set[str] = set()
        self.names: set[str] = set()
        self.found: list[str] = []

    def learn(self, argument: Any, position: int) -> None:
        """Remember an argument as it is sent."""
        if position < 2 and not isinstance(argument, _arguments.Hidden):
            return
        text = bytes(argument[:4096]).decode("utf-8", "backslashreplace")
        if len(text) >= SHORTEST and not text.isdigit() and text not in VOCABULARY:
            self.secret.add(text)

    def filter(self, record: logging.LogRecord) -> bool:
        """Look for arguments in what is logged."""
        said = rest = record.getMessage()
        where = _WHERE.match(said)
        if where is not None:  # a host may be an argument, too
            rest = said[where.end() :].replace(where[1], "")
        name = _NAME.match(rest)
        if name is not None and name[2] not in self.names:
            self.found.append(f"{said!r} has not a command's first two words")
        command = getattr(record, "remctl_command", None)
        if command is not None and command not in self.names:
            self.found.append(f"{said!r} has the attribute {command!r}")
        rest = _NAME.sub(r"\1", rest)
        self.found += [
            f"{said!r} has the argument {text!r}"
            for text in list(self.secret)
            if text in rest or printable(text) in rest
        ]
        return self.passing


def two_words(command: Any) -> str:
    """What may be told of a command, said once more than in the package."""
    words = [
        b"***" if isinstance(word, _arguments.Hidden) else beginning(bytes(word))
        for word in list(command)[:2]
    ]
    return b" ".join(words).decode("utf-8", "backslashreplace")


def beginning(word: bytes) -> bytes:
    """A hundred bytes at most, and no piece of a character."""
    starts = (end for end in (100, 99, 98) if end >= len(word) or word[end] not in range(128, 192))
    return word[: next(starts, 97)]


@pytest.fixture(scope="session")
def watch() -> Iterator[Watch]:
    """The watch over what this session logs."""
    watch = Watch()
    encode, first_words = _arguments.encode_argument, _arguments.first_words

    def encode_and_learn(argument: Any, position: int) -> Any:
        encoded = encode(argument, position)
        watch.learn(encoded, position)
        return encoded

    def name_and_learn(command: Any) -> str:
        for position, argument in enumerate(command):
            view = isinstance(argument, memoryview) and argument.nbytes
            watch.learn(argument.cast("B") if view else argument, position)
        watch.names.add(printable(two_words(command)))
        return first_words(command)

    loggers = [logging.getLogger(name) for name in ("remctl", "remctl.pool", "remctl.credentials")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_arguments, "encode_argument", encode_and_learn)
        patch.setattr(_arguments, "first_words", name_and_learn)
        for logger in loggers:
            logger.addFilter(watch)
        yield watch
        for logger in loggers:
            logger.removeFilter(watch)


@pytest.fixture(autouse=True)
def nothing_secret_is_logged(request: pytest.FixtureRequest, watch: Watch) -> Iterator[None]:
    """Fail a test in which an argument was logged."""
    logger = logging.getLogger("remctl")
    measured = request.node.get_closest_marker("measures") is not None
    logger.setLevel(logging.INFO if measured else logging.DEBUG)
    watch.secret.clear()
    watch.names.clear()
    yield
    logger.setLevel(logging.NOTSET)
    found, watch.found = watch.found, []
    assert not found, found[:10]


@pytest.fixture
def no_log(nothing_secret_is_logged: None) -> None:
    """Nothing is logged, for a test whose signal handlers raise at any moment: what they raise in
    the middle of the log's own work is not the call's.
    """
    logging.getLogger("remctl").setLevel(logging.INFO)
