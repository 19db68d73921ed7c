"""Everything at once, for a moment; `scripts/dev soak` does it for as long as one likes."""

import pytest

from tests.programs.soak import Options, Soak
from tests.programs.soak_record import IN_USE_TOLERANCE, MEMORY_TOLERANCE, Rest, grown, judge

pytestmark = pytest.mark.timeout(600)


def test_every_answer_is_right_and_nothing_is_left() -> None:
    found = Soak(Options(seed="ci", seconds=8, processes=2)).run()
    assert not found.faults, "\n\n".join(found.faults[:20])
    assert found.answered
    assert found.done["a fork"]


RIGHT = [("answered", "a.1"), ("perhaps", "a.2 cut"), ("never", "a.3 late"), ("done", "a fork")]
REST = ("rest", "1.0 30000 8000 5 2")


@pytest.mark.parametrize(
    ("record", "said", "fault"),
    [
        (["a.1 7", "a.2 7"], RIGHT, None),
        (["a.1 7"], RIGHT, None),
        ([], RIGHT, "a.1 was answered, and ran 0 times"),
        (["a.1 7", "a.1 8"], RIGHT, "a.1 ran 2 times"),
        (["a.1 7", "a.2 7", "a.2 7"], RIGHT, "a.2 ran 2 times"),
        (["a.1 7", "a.3 7"], RIGHT, "a.3 ran: late says that it has not"),
        (["a.1 7"], [*RIGHT, ("fault", "it hangs")], "client a: it hangs"),
    ],
)
def test_a_lie_is_seen(record: list[str], said: list[tuple[str, str]], fault: str | None) -> None:
    found = judge(record, {"a": [f"{what} {words}\n" for what, words in [REST, *said]]})
    if fault is None:
        assert found.faults == []
        assert (found.commands, found.connections) == (3, 1)
    else:
        assert fault in found.faults


def test_a_client_that_never_rests_is_seen() -> None:
    assert judge([], {"a": []}).faults == ["client a never came to rest"]


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ((MEMORY_TOLERANCE, IN_USE_TOLERANCE, 0, 0), 0),
        ((MEMORY_TOLERANCE + 1, 0, 0, 0), 1),
        ((0, IN_USE_TOLERANCE + 1, 0, 0), 1),
        ((0, 0, 1, 0), 1),
        ((0, 0, 0, 1), 1),
    ],
)
def test_growth_is_seen(more: tuple[int, int, int, int], seen: int) -> None:
    then = (30_000, 8_000, 5, 2)
    now = [before + by for before, by in zip(then, more, strict=True)]
    rests = [Rest(second, *(then if second < 10 else now)) for second in range(20)]
    assert len(list(grown("a", rests))) == seen
