"""Brains that failed rest on disk, for as long as their failure asks for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.brain import MOST_WAIT_S, FailureKind
from loop_orchestrator.stores.brains import BrainRests
from loop_orchestrator.stores.layout import Layout, ensure_dir
from tests.stores.builders import NOON, layout_of
from tests.support.clocks import SteppedClock


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


def test_a_named_time_is_waited_for_and_outlives_a_restart(layout: Layout, clock: SteppedClock) -> None:
    at = NOON + timedelta(hours=3)
    BrainRests(layout, clock).failed("claude", FailureKind.QUOTA, "limit", at)
    clock.advance(3 * 3600 - 1)
    assert BrainRests(layout, clock).resting()["claude"].until == at
    clock.advance(1)
    assert not BrainRests(layout, clock).resting()


@pytest.mark.parametrize(
    ("kind", "wait_s"),
    [(FailureKind.QUOTA, 3600), (FailureKind.RATE_LIMITED, 60), (FailureKind.AUTH, 3600), (FailureKind.EXIT, 60)],
)
def test_without_a_time_each_kind_has_its_wait(
    layout: Layout, clock: SteppedClock, kind: FailureKind, wait_s: float
) -> None:
    rest = BrainRests(layout, clock).failed("claude", kind, "x", None)
    assert rest.until == NOON + timedelta(seconds=wait_s)


def test_waits_grow_with_failures_in_a_row_and_an_answer_ends_the_row(layout: Layout, clock: SteppedClock) -> None:
    rests = BrainRests(layout, clock)

    def failed() -> float:
        rest = rests.failed("codex", FailureKind.TIMEOUT, "x", None)
        return (rest.until - rest.since).total_seconds()

    assert [failed() for _ in range(7)] == [60, 120, 240, 480, 960, MOST_WAIT_S, MOST_WAIT_S]
    rests.answered("codex")
    assert not rests.resting()
    assert failed() == 60


def test_brains_rest_by_themselves_and_a_person_may_end_all_rests(layout: Layout, clock: SteppedClock) -> None:
    rests = BrainRests(layout, clock)
    rests.failed("claude", FailureKind.QUOTA, "x", None)
    rests.failed("codex:o5", FailureKind.EXIT, "y", None)
    assert set(rests.resting()) == {"claude", "codex:o5"}
    assert set(rests.forget()) == {"claude", "codex:o5"}
    assert not rests.resting()


def test_a_clock_that_was_put_back_ends_a_rest(layout: Layout, clock: SteppedClock) -> None:
    rests = BrainRests(layout, clock)
    rests.failed("claude", FailureKind.QUOTA, "x", NOON + timedelta(days=7))
    clock.advance(-86_400)
    assert not rests.resting()


def test_a_file_that_cannot_be_read_is_said(layout: Layout, clock: SteppedClock) -> None:
    ensure_dir(layout.engine_dir)
    layout.brain_rests.write_text('{"schema": 1, "rests": [{"brain": "x"}]}')
    with pytest.raises(StoreError, match=r"brains\.json"):
        BrainRests(layout, clock).resting()
