"""What logging costs those who do not listen."""

import logging
import subprocess
import sys
from typing import Any

import pytest
from remctl import Remctl, _arguments, _remctl
from remctl._logging import CONNECTIONS, CREDENTIALS, POOLS
from remctl.testing import Server

from tests.logged.conftest import Log

CALLS = """
import sys, remctl
where = "localhost", int(sys.argv[1])
remctl.remctl(*where, command=["test", "hello"])
with remctl.Remctl(*where) as r:
    r.run(["test", "hello"])
    r.noop()
with remctl.ConnectionPool(*where) as pool:
    pool.run(["test", "hello"])
assert "logging" not in sys.modules
"""

ASKING = """
import sys, timeit
from remctl import _remctl
if sys.argv[1] == "imported": import logging
times = timeit.repeat("listening(0)", globals=vars(_remctl), number=10_000, repeat=200)
assert not _remctl.listening(0)
print(min(times) / 10_000)
"""


def python(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout


def test_nothing_is_imported_for_it(server: Server) -> None:
    python(CALLS, str(server.port))


@pytest.mark.measures
@pytest.mark.parametrize("logging", ["imported", "absent"])
def test_a_call_that_nobody_listens_to_pays_less_than_100_ns(logging: str) -> None:
    """All that it does is to ask, once."""
    assert float(python(ASKING, logging)) < 100e-9


@pytest.mark.parametrize("topic", [CONNECTIONS, CREDENTIALS, POOLS])
def test_whoever_listens_is_heard_of(log: Log, topic: int) -> None:
    assert _remctl.listening(topic)
    logging.disable(logging.DEBUG)
    try:
        assert not _remctl.listening(topic)
    finally:
        logging.disable(logging.NOTSET)
    assert _remctl.listening(topic)


def test_a_call_asks_once_and_output_never(
    server: Server, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of a command are made into a text for the log alone where somebody listens."""
    made = []
    first_words = _arguments.first_words

    def counted(command: Any) -> str:
        made.append(command)
        return first_words(command)

    monkeypatch.setattr(_arguments, "first_words", counted)
    client = Remctl("localhost", server.port)
    logger = logging.getLogger("remctl")
    logger.setLevel(logging.INFO)
    client.command(["test", "hello"])
    assert made == []
    logger.setLevel(logging.DEBUG)
    list(client)
    assert made == []
    client.command(["test", "hello"])
    assert made == [(b"test", b"hello")]
    list(client)
    assert [line.split('"')[1] for line in log.lines() if '"' in line] == ["test hello"] * 2


@pytest.mark.parametrize("topic", [-1, 3, 2**40])
def test_a_number_that_is_no_topic(topic: int) -> None:
    with pytest.raises(ValueError, match="no such topic"):
        _remctl.listening(topic)
    with pytest.raises((ValueError, TypeError)):
        _remctl.note(topic, "")
