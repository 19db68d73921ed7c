"""The system fails in the middle of a verb: an exception, nothing left, the next command right.

`scripts/dev faults` tries every call of every verb; here a few of each are tried.
"""

from pathlib import Path

import pytest
from remctl.testing import Server

from tests.support.faults import build_shim, inject
from tests.support.faulty import ERRORS, SCENES

pytestmark = pytest.mark.measures


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.mark.parametrize("scene", SCENES)
def test_a_call_that_fails(shim: Path, server: Server, scene: str) -> None:
    report = inject(shim, server, [scene], most=(4, 1))
    assert report.wrong == []
    # A verb that makes no call at all would be a fault of the test's.
    assert sum(outcome.tried for outcome in report.outcomes) > 0


@pytest.mark.parametrize("scene", ["open", "run", "large command", "stream left", "close"])
def test_no_memory(shim: Path, server: Server, scene: str) -> None:
    """Every allocation of a verb in turn; what is refused is a MemoryError, or done without."""
    report = inject(shim, server, [scene], ["malloc"], most=(60, 20))
    assert report.wrong == []
    for outcome in report.outcomes:
        assert outcome.tried >= min(outcome.calls, 20)
        assert set(outcome.raised) <= {"MemoryError", "RemctlError", "RemctlTimeoutError"}


def test_it_is_the_extension_whose_calls_fail(shim: Path, server: Server) -> None:
    """The verbs make the calls that are meant to fail."""
    report = inject(shim, server, most=(0, 0))
    called = {outcome.function for outcome in report.outcomes if outcome.calls}
    waits = {"poll", "epoll_wait", "epoll_ctl", "epoll_create1", "timerfd_create", "eventfd"}
    assert called >= set(ERRORS) - waits - {"bind"}
    assert called & waits
