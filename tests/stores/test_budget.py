"""The budget counts every call before it is made, across restarts, processes and clocks that jump."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from loop_orchestrator.errors import BrainError, StoreError
from loop_orchestrator.model.budget import Limits
from loop_orchestrator.stores.budget import Budget
from loop_orchestrator.stores.layout import Layout, ensure_dir
from tests.stores.builders import NOON, layout_of
from tests.stores.forks import in_processes, killed_at_every_write
from tests.support.clocks import SteppedClock


@pytest.fixture
def layout(project: Path) -> Layout:
    return layout_of(project)


def test_the_hour_slides(layout: Layout, clock: SteppedClock) -> None:
    budget = Budget(layout, clock, 2)
    assert budget.calls_left() == 2
    budget.charge()
    clock.advance(600)
    budget.charge()
    assert budget.calls_left() == 0
    with pytest.raises(BrainError, match=r"2 calls per hour is used up; .* possible at 2026-03-01T13:00:00\.000Z") as e:
        budget.charge()
    assert e.value.kind == "budget"
    assert budget.next_call_at() == NOON + timedelta(hours=1)
    clock.advance(2_999)
    assert budget.calls_left() == 0
    clock.advance(1)
    assert budget.calls_left() == 1
    budget.charge()
    assert budget.next_call_at() == NOON + timedelta(seconds=4_200)


def test_a_restart_forgets_no_call(layout: Layout, clock: SteppedClock) -> None:
    Budget(layout, clock, 2).charge()
    assert Budget(layout, clock, 2).calls_left() == 1


@pytest.mark.parametrize("jump", [-10, -7_200, -86_400 * 400])
def test_a_clock_that_jumps_back_frees_no_call_and_blocks_for_an_hour_at_most(
    layout: Layout, clock: SteppedClock, jump: float
) -> None:
    budget = Budget(layout, clock, 1)
    budget.charge()
    clock.advance(jump)
    assert budget.calls_left() == 0
    with pytest.raises(BrainError):
        budget.charge()
    clock.advance(3_599)
    assert budget.calls_left() == 0
    clock.advance(1)
    budget.charge()


def test_a_budget_of_nothing_allows_nothing(layout: Layout, clock: SteppedClock) -> None:
    budget = Budget(layout, clock, 0)
    assert (budget.calls_left(), budget.next_call_at()) == (0, None)
    with pytest.raises(BrainError, match="it allows none"):
        budget.charge()


def test_a_lower_limit_waits_for_as_many_calls_to_pass(layout: Layout, clock: SteppedClock) -> None:
    for _ in range(3):
        Budget(layout, clock, 3).charge()
        clock.advance(60)
    assert Budget(layout, clock, 1).next_call_at() == NOON + timedelta(seconds=3_720)


def test_a_day_has_a_limit_of_its_own(layout: Layout, clock: SteppedClock) -> None:
    budget = Budget(layout, clock, Limits(calls_per_hour=2, calls_per_day=3))
    for wait_s in (0, 1_800, 3_600):
        clock.advance(wait_s)
        budget.charge()
    assert budget.next_call_at() == NOON + timedelta(days=1)
    with pytest.raises(BrainError, match=r"budget of 3 calls per day is used up; .* 2026-03-02T12:00") as refused:
        budget.charge()
    assert refused.value.until == NOON + timedelta(days=1)
    clock.advance(86_400 - 5_400)
    budget.charge()


def test_money_of_a_day_is_counted_and_unknown_costs_as_assumed(layout: Layout, clock: SteppedClock) -> None:
    limits = Limits(calls_per_hour=100, usd_per_day=1.0, assumed_usd=0.5)
    budget = Budget(layout, clock, limits)
    budget.price(budget.charge(), 0.3)
    clock.advance(60)
    unknown = budget.charge()
    budget.price(unknown, None)
    assert (budget.spent().usd, budget.spent().unpriced) == (0.8, 1)
    budget.price(budget.charge(), 0.25)
    assert budget.calls_left() == 0
    with pytest.raises(BrainError, match="budget of 1 USD per day is used up"):
        budget.charge()
    assert budget.next_call_at() == NOON + timedelta(days=1)
    clock.advance(86_400 - 60)
    assert Budget(layout, clock, limits).spent().usd == 0.75


def test_calls_at_one_instant_are_priced_apart(layout: Layout, clock: SteppedClock) -> None:
    budget = Budget(layout, clock, 10)
    first, second = budget.charge(), budget.charge()
    budget.price(second, 0.2)
    assert first != second
    assert (budget.spent().usd, budget.spent().unpriced) == (0.2, 1)


def test_a_budget_of_the_first_schema_counts(layout: Layout, clock: SteppedClock) -> None:
    ensure_dir(layout.engine_dir)
    layout.budget.write_text('{"schema": 1, "calls": ["2026-03-01T11:30:00.000Z"]}')
    assert Budget(layout, clock, 3).calls_left() == 2


def test_many_processes_make_no_call_too_many(layout: Layout, clock: SteppedClock, tmp_path: Path) -> None:
    def call(number: int) -> None:
        for turn in range(3):
            try:
                Budget(layout, clock, 10).charge()
            except BrainError:
                continue
            (tmp_path / f"call-{number}-{turn}").touch()

    in_processes(8, call)
    assert len(list(tmp_path.glob("call-*"))) == 10


def test_a_process_killed_at_any_write_leaves_a_readable_budget(layout: Layout, clock: SteppedClock) -> None:
    budget = Budget(layout, clock, 10_000)
    counts = []
    killed_at_every_write(budget.charge, lambda: counts.append(10_000 - budget.calls_left()))
    assert counts == sorted(counts)
    assert counts[-1] >= 1


@pytest.mark.parametrize("text", ["{", '{"schema": 1}', '{"schema": 1, "calls": ["now"]}'])
def test_a_budget_that_cannot_be_read_allows_no_call(layout: Layout, clock: SteppedClock, text: str) -> None:
    ensure_dir(layout.engine_dir)
    layout.budget.write_text(text)
    with pytest.raises(StoreError, match=r"budget\.json"):
        Budget(layout, clock, 2).charge()
