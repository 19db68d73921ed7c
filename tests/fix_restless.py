"""`--restless-kdc`: every KDC stops and goes on at random moments while the tests run.

For runs by hand, under a sanitizer for example. A test that stops a KDC by itself has it for
itself meanwhile.
"""

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from remctl.testing import Realm

LONGEST_STOP = 0.05  # seconds
LONGEST_PAUSE = 0.3

STOPS = pytest.StashKey[int]()  # how often they were stopped


class Restless:
    """The realms that are open, and a thread that stops their KDCs for a moment."""

    def __init__(self) -> None:
        self.stops = 0
        self._realms: set[Realm] = set()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def wrap(self, name: str, *, free: bool) -> Callable[..., Any]:
        """A method of Realm's, after which its KDC is the thread's, or the test's."""
        method = getattr(Realm, name)

        def wrapped(realm: Realm, *args: Any) -> Any:
            with self._lock:
                self._realms.discard(realm)
                result = method(realm, *args)
                if free:
                    self._realms.add(realm)
                return result

        return wrapped

    def _run(self) -> None:
        while not self._done.wait(random.uniform(0, LONGEST_PAUSE)):
            with self._lock:
                for realm in self._realms:
                    Realm._running_kdc(realm).pause()
                self._done.wait(random.uniform(0, LONGEST_STOP))
                for realm in self._realms:
                    Realm._running_kdc(realm).resume()
                    self.stops += 1

    def __enter__(self) -> "Restless":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--restless-kdc", action="store_true", help="stop KDCs at random moments")


@pytest.fixture(scope="session", autouse=True)
def _restless_kdc(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop them, if the option is given."""
    if not request.config.getoption("--restless-kdc"):
        yield
        return
    with pytest.MonkeyPatch.context() as patch, Restless() as restless:
        for name in ("pause_kdc", "stop_kdc", "close"):
            patch.setattr(Realm, name, restless.wrap(name, free=False))
        for name in ("resume_kdc", "start_kdc"):
            patch.setattr(Realm, name, restless.wrap(name, free=True))
        yield
        request.config.stash[STOPS] = restless.stops


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Tell how often they were stopped."""
    if STOPS in config.stash:
        terminalreporter.write_line(f"KDCs were stopped {config.stash[STOPS]} times")
