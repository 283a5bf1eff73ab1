"""The daemon waits for a brain until it may be asked, and no longer once a person had it asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loop_orchestrator.actions.dispatch import Dispatch
from loop_orchestrator.engine.brain import can_be_asked
from loop_orchestrator.engine.cycle import CycleResult, run_cycle
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.watch.pacing import Pacing
from loop_orchestrator.world import World
from tests.stores.builders import decision, item
from tests.support.clocks import SteppedClock
from tests.support.projects import project_at

QUOTA = "import sys; sys.exit('usage limit reached, resets in 3 hours')"


def watching(project: Path, **brain: object) -> tuple[World, SteppedClock]:
    """A project whose brain is out of quota for three hours, with something to do."""
    config = {"engine": {"brain": {"use": "command", "command": [sys.executable, "-c", QUOTA], **brain}}}
    clock = SteppedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    world = project_at(project, config=json.dumps(config), clock=clock).world
    world.events.append("trigger.noted", "watch", {"why": "mail", "detail": "x"})
    return world, clock


def test_a_brain_is_waited_for_until_it_may_be_asked(project: Path) -> None:
    world, clock = watching(project)
    pacing = Pacing(world)
    pacing.run_cycle()
    assert pacing.cycle_wait_s() == 3 * 3600
    clock.advance(3600)
    assert Pacing(world).cycle_wait_s() == 2 * 3600
    clock.advance(2 * 3600)
    assert pacing.cycle_wait_s() == 0


def test_a_brain_that_a_person_had_asked_is_waited_for_no_longer(project: Path) -> None:
    world, clock = watching(project)
    pacing = Pacing(world)
    pacing.run_cycle()
    clock.advance(60)
    assert not can_be_asked(world)
    world.brain_rests.answered("command")
    assert can_be_asked(world)
    assert pacing.cycle_wait_s() == 0
    assert Pacing(world).now.retry_at is None


def test_a_budget_that_is_used_up_is_waited_for(project: Path) -> None:
    world, clock = watching(project, max_calls_per_hour=1)
    world.budget.charge()
    pacing = Pacing(world)
    pacing.run_cycle()
    assert pacing.cycle_wait_s() == 3600
    clock.advance(1800)
    assert pacing.cycle_wait_s() == 1800
    more, clock = watching(project, max_calls_per_hour=2)
    clock.advance(60)
    assert Pacing(more).cycle_wait_s() == 0


def test_what_ends_or_changes_while_a_cycle_runs_calls_for_another_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = project_at(project, config="engine: {approval: manual}\n").world
    waits = replace(item(), action=Dispatch(lane="web", payload="p", rationale="r"))
    world.decisions.create(decision("d-1", items=(waits,)))
    (lane,) = world.decisions.get("d-1").claimed_lanes
    pacing = Pacing(world)
    pacing.note_changes(None)
    world.events.append("trigger.noted", "watch", {"why": "mail", "detail": "x"})

    def cycle(world: World, why: Sequence[str]) -> CycleResult:
        result = run_cycle(world, why)
        # A person says no after the cycle looked.
        no = waits.moved(ItemStatus.REJECTED, note="", at=world.clock.now())
        world.decisions.update("d-1", lambda old: old.with_item(no))
        world.decisions.archive("d-1")
        world.state.change_keys(lambda values: {**values, "objective": "another"})
        return result

    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.watch.pacing.run_cycle", cycle)
        pacing.run_cycle()
    assert pacing.cycle_wait_s() is None
    pacing.note_changes(None)
    noted = [event.payload["detail"] for event in pacing.pending()]
    assert noted == ["d-1 is finished", f"d-1 {lane} is finished", "the state file changed"]


def test_what_a_cycle_filed_itself_and_the_state_it_saw_call_for_none(project: Path) -> None:
    world = project_at(project, config="engine: {approval: manual}\n").world
    world.mailbox.send("web", "coord", "a wish", "text")
    world.state.change_keys(lambda values: {**values, "objective": "one"})
    pacing = Pacing(world)
    pacing.note_changes(None)
    pacing.run_cycle()
    assert world.decisions.open_decisions()
    pacing.note_changes(None)
    assert not pacing.pending()


def test_a_report_that_comes_between_settling_and_observing_calls_for_another_cycle(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = project_at(project, config="engine: {approval: manual}\n").world
    pacing = Pacing(world)
    pacing.note_changes(None)
    world.events.append("trigger.noted", "watch", {"why": "mail", "detail": "x"})
    came = []

    def cycle(world: World, why: Sequence[str]) -> CycleResult:
        # As if it came once the cycle had settled: the cycle sees it.
        came.append(world.mailbox.send("web", "coord", "T0001 proved", "text").file)
        return run_cycle(world, why)

    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.watch.pacing.run_cycle", cycle)
        pacing.run_cycle()
    pacing.note_changes(None)
    assert [event.payload["detail"] for event in pacing.pending()] == came
