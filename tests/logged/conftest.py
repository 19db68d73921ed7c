"""What was logged, as the tests compare it."""

import logging
import re

import pytest

from tests.fix_logged import Watch

_TIMES = re.compile(r"\d+\.\d (ms|s)\b")
_PORTS = re.compile(r"^(\S+)(?: \(port \d+\)| \(a socket\)): ")


class Log:
    """The messages of the package's loggers at DEBUG, without hosts and times."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        caplog.set_level(logging.DEBUG, "remctl")

    @property
    def records(self) -> list[logging.LogRecord]:
        """The records."""
        return [one for one in self._caplog.records if one.name.split(".")[0] == "remctl"]

    def lines(self, name: str = "remctl") -> list[str]:
        """What one logger has said since the last time."""
        said = [one.getMessage() for one in self.records if one.name == name]
        self._caplog.clear()
        return [_TIMES.sub(r"N \1", _PORTS.sub("", line)) for line in said]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, watch: Watch) -> Log:
    """What the package logs, from here on."""
    monkeypatch.setattr(watch, "passing", True)
    return Log(caplog)


#: What a connection says when it is made.
MADE = [
    "connected to 127.0.0.1 in N ms",
    "authenticated, the server is host/localhost, in N ms",
]
