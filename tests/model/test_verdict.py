"""Verdicts: the order of the levels, and that combining never lowers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_orchestrator.model.verdict import Level, Verdict, worst

VERDICTS = st.builds(Verdict, st.sampled_from(Level), st.just(("why",)))


def test_safe_is_below_destructive_is_below_blocked() -> None:
    assert Level.SAFE < Level.DESTRUCTIVE < Level.BLOCKED
    assert Level.BLOCKED > Level.DESTRUCTIVE >= Level.DESTRUCTIVE > Level.SAFE
    assert max(Level) is Level.BLOCKED
    assert not Level.BLOCKED <= Level.SAFE


@given(st.lists(VERDICTS))
def test_combining_gives_the_highest_level_and_keeps_every_reason(verdicts: list[Verdict]) -> None:
    combined = worst(verdicts)
    assert combined.level == max((verdict.level for verdict in verdicts), default=Level.SAFE)
    assert set(combined.reasons) == {reason for verdict in verdicts for reason in verdict.reasons}


def test_above_safe_there_is_a_reason() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        Verdict(Level.DESTRUCTIVE)
