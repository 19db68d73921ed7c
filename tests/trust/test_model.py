"""Any sequence of verbs, with servers that answer, refuse, stall, hang up and come back."""

import pytest
from remctl.testing import Realm

from tests.programs.model import try_sequences
from tests.programs.worlds import WORLDS

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("no_log")]


@pytest.mark.parametrize("world", WORLDS)
def test_as_the_model_has_it(realm: Realm, world: str) -> None:
    """`python -m tests.programs.model` tries more."""
    assert try_sequences(realm, WORLDS[world], sequences=150, steps=20) > 100
