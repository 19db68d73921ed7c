"""Whose each command is, in any sequence of calls, changes, losses and forks."""

import pytest

from tests.programs.identities import try_sequences

pytestmark = pytest.mark.usefixtures("no_log")


def test_as_the_model_has_it() -> None:
    """`python -m tests.programs.identities` tries more."""
    seen = try_sequences(sequences=12, steps=30)
    assert {"commands on a connection", "commands in a pool", "errors"} <= set(seen)
    assert sum(seen.values()) > 200
