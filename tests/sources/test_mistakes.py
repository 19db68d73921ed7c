"""The mistakes that `scripts/dev mutate --by-hand` makes can still be made."""

from pathlib import Path

import pytest
from devkit.mistakes import Mistake, every

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mistake", every(), ids=lambda mistake: mistake.name)
def test_the_place_of_a_mistake_is_there_once(mistake: Mistake) -> None:
    text = (ROOT / mistake.path).read_text()
    assert mistake.applied(text) != text
    assert mistake.seen
    for test in mistake.tests:
        assert (ROOT / "tests" / test).exists(), test


def test_no_two_have_a_name() -> None:
    names = [mistake.name for mistake in every()]
    assert len(names) == len(set(names))
