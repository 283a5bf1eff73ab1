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
from loop_orchestrator.errors import StoreError, SubstrateError
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.lane import Detail, Signal, SignalSource
from loop_orchestrator.model.route import Emission
from loop_orchestrator.operations.routes import replay
from loop_orchestrator.routing.pump import emit
from loop_orchestrator.world import World
from tests.stores.builders import decision, item
from tests.support.builders import a_lane
from tests.support.clocks import SteppedClock
from tests.support.projects import project_at
from tests.support.scratch import write_task
from tests.watch.builders import Watching, something_happens

QUOTA = "import sys; sys.exit('usage limit reached, resets in 3 hours')"


def quota_at(project: Path, **brain: object) -> tuple[World, SteppedClock]:
    """A project whose brain is out of quota for three hours, with something to do."""
    config = {"engine": {"brain": {"use": "command", "command": [sys.executable, "-c", QUOTA], **brain}}}
    clock = SteppedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    world = project_at(project, config=json.dumps(config), clock=clock).world
    something_happens(world)
    return world, clock


def test_a_brain_is_waited_for_until_it_may_be_asked(project: Path) -> None:
    world, clock = quota_at(project)
    watching = Watching(world)
    watching.cycle()
    assert watching.cycle_wait_s() == 3 * 3600
    clock.advance(3600)
    assert Watching(world).cycle_wait_s() == 2 * 3600
    clock.advance(2 * 3600)
    assert watching.cycle_wait_s() == 0


def test_a_brain_that_a_person_had_asked_is_waited_for_no_longer(project: Path) -> None:
    world, clock = quota_at(project)
    watching = Watching(world)
    watching.cycle()
    clock.advance(60)
    assert not can_be_asked(world)
    world.brain_rests.answered("command")
    assert can_be_asked(world)
    assert watching.cycle_wait_s() == 0
    assert Watching(world).pacing.now.retry_at is None


def test_a_budget_that_is_used_up_is_waited_for(project: Path) -> None:
    world, clock = quota_at(project, max_calls_per_hour=1)
    world.budget.charge()
    watching = Watching(world)
    watching.cycle()
    assert watching.cycle_wait_s() == 3600
    clock.advance(1800)
    assert watching.cycle_wait_s() == 1800
    more, clock = quota_at(project, max_calls_per_hour=2)
    clock.advance(60)
    assert Watching(more).cycle_wait_s() == 0


def test_what_ends_or_changes_while_a_cycle_runs_calls_for_another_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = project_at(project, config="engine: {approval: manual}\n").world
    waits = replace(item(), action=Dispatch(lane="web", payload="p", rationale="r"))
    world.decisions.create(decision("d-1", items=(waits,)))
    (lane,) = world.decisions.get("d-1").claimed_lanes
    watching = Watching(world)
    watching.look()
    something_happens(world)

    def cycle(world: World, why: Sequence[str], *, caused_by: str) -> CycleResult:
        result = run_cycle(world, why, caused_by=caused_by)
        # A person says no after the cycle looked.
        no = waits.moved(ItemStatus.REJECTED, note="", at=world.clock.now())
        world.decisions.update("d-1", lambda old: old.with_item(no))
        world.decisions.archive("d-1")
        world.state.change_keys(lambda values: {**values, "objective": "another"})
        return result

    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.watch.pacing.run_cycle", cycle)
        watching.cycle()
    assert watching.cycle_wait_s() is None
    watching.look()
    assert watching.pending() == ["d-1 is finished", f"d-1 holds {lane} no longer", "the state file changed"]


def test_what_a_cycle_filed_itself_and_the_state_it_saw_call_for_none(project: Path) -> None:
    world = project_at(project, config="engine: {approval: manual}\n").world
    world.mailbox.send("web", "coord", "a wish", "text")
    world.state.change_keys(lambda values: {**values, "objective": "one"})
    watching = Watching(world)
    watching.look()
    watching.cycle()
    assert world.decisions.open_decisions()
    watching.look()
    assert not watching.pending()


def test_a_report_that_comes_between_settling_and_observing_calls_for_another_cycle(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = project_at(project, config="engine: {approval: manual}\n").world
    watching = Watching(world)
    watching.look()
    something_happens(world)
    came = []

    def cycle(world: World, why: Sequence[str], *, caused_by: str) -> CycleResult:
        # As if it came once the cycle had settled: the cycle sees it.
        came.append(world.mailbox.send("web", "coord", "T0001 proved", "text").file)
        return run_cycle(world, why, caused_by=caused_by)

    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.watch.pacing.run_cycle", cycle)
        watching.cycle()
    watching.look()
    assert watching.pending() == came


def test_what_breaks_the_cycle_again_and_again_is_put_before_a_person_and_can_be_tried_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SteppedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    world = project_at(project, config="engine: {approval: manual}\n", clock=clock).world
    watching = Watching(world)
    something_happens(world, "poison")

    def broken(world: World, why: Sequence[str], *, caused_by: str) -> CycleResult:
        raise ZeroDivisionError(caused_by)

    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.watch.pacing.run_cycle", broken)
        cycles = 0
        while (wait_s := watching.cycle_wait_s()) is not None:
            assert wait_s <= 3600
            clock.advance(wait_s)
            watching.cycle()
            cycles += 1
    assert (cycles, len(watching.failures)) == (8, 8)
    (letter,) = world.routing.dead()
    assert letter.reason.startswith("ZeroDivisionError: e-")
    assert replay(world, letter.id, by="anna") == letter
    clock.advance(3600)
    assert watching.cycle_wait_s() == 0
    watching.cycle()
    assert not watching.pending()
    assert not world.routing.dead()


def test_what_is_wrong_around_a_cycle_fails_no_event_however_long_it_lasts(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SteppedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    world = project_at(project, config="engine: {approval: manual}\n", clock=clock).world
    watching = Watching(world)
    something_happens(world)
    waits = {"full": [15.0] * 12, "gone": [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, *[3600.0] * 6]}
    errors = {"full": StoreError("no space left"), "gone": SubstrateError("no tmux")}
    for name, error in errors.items():

        def failing(world: World, why: Sequence[str], *, caused_by: str, error: Exception = error) -> CycleResult:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr("loop_orchestrator.watch.pacing.run_cycle", failing)
            for wait_s in waits[name]:
                clock.advance(3600)
                watching.cycle()
                assert watching.cycle_wait_s() == wait_s
    assert not world.routing.dead()
    clock.advance(3600)
    watching.cycle()
    assert watching.pending() == []


def test_while_a_cycle_runs_mail_and_lanes_are_noted_and_its_own_doing_is_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = project_at(project, config="engine: {approval: manual}\n").world
    watching = Watching(world)
    watching.look()
    something_happens(world)
    came = []

    def cycle(world: World, why: Sequence[str], *, caused_by: str) -> CycleResult:
        world.state.change_keys(lambda values: {**values, "objective": "the cycle's own"})
        came.append(world.mailbox.send("web", "coord", "a report", "text").file)
        watching.looking.look_beside_cycle(None)
        assert [event.payload["detail"] for event in world.events.tail(1)] == came, "at once, not after the cycle"
        return run_cycle(world, why, caused_by=caused_by)

    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.watch.pacing.run_cycle", cycle)
        watching.cycle()
    assert watching.pending() == came
    watching.look()
    assert watching.pending() == [*came, "the state file changed"]


def test_what_a_cycle_saw_of_lanes_that_came_to_rest_while_it_began_calls_for_no_other(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = project_at(project, config="engine: {approval: manual}\n").world
    watching = Watching(world)
    something_happens(world)

    def cycle(world: World, why: Sequence[str], *, caused_by: str) -> CycleResult:
        emit(world.events, world.clock, [Emission("lanes", "finished", "web#1", "web is ready")])
        result = run_cycle(world, why, caused_by=caused_by)
        emit(world.events, world.clock, [Emission("lanes", "finished", "web#2", "web is ready again")])
        return result

    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.watch.pacing.run_cycle", cycle)
        watching.cycle()
    assert watching.pending() == ["web is ready again"]


def test_a_cycle_that_is_told_to_stop_leaves_its_events_for_the_next_daemon(project: Path) -> None:
    world, _ = quota_at(project)
    world.cancel.set()
    watching = Watching(world)
    watching.cycle()
    (stopped,) = [event for event in world.events.tail(9) if event.kind == "actor.stopped"]
    assert stopped.payload["outcome"] == "held"
    again = Watching(world)
    assert again.pending() == ["x"]
    assert again.pacing.now.failures == 0


def test_news_that_a_crash_left_unremembered_is_told_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = project_at(project, config="engine: {approval: manual}\n").world
    watching = Watching(world)
    watching.look()
    write_task(world.root, "T0001")
    with monkeypatch.context() as patch:
        patch.setattr("loop_orchestrator.watch.looking.save_look", lambda path, look: None)
        watching.look()
    again = Watching(world)
    again.look()
    assert again.pending() == ["T0001 is ready"]
    again.cycle()
    assert Watching(world).pending() == []


def test_a_turn_that_a_program_says_is_over_calls_for_a_cycle_at_the_first_look(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SteppedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    looking = Watching(project_at(project, config="engine: {approval: manual}\n", clock=clock).world).looking
    said = Signal(source=SignalSource.HARNESS, detail=Detail.READY, rule="hook:x", seen="it stopped", at=clock.now())
    lanes = {name: a_lane(name) for name in ("screen", "hook", "beside")}
    for name in ("hook", "beside"):
        state = lanes[name].state
        lanes[name] = replace(lanes[name], state=replace(state, evidence=(*state.evidence, said)))
    looking.last = replace(looking.last, lanes=dict.fromkeys(lanes, "busy"))
    monkeypatch.setattr(looking, "_lanes", lambda panes, **how: (lanes["screen"], lanes["hook"]))
    looking.look(frozenset())
    monkeypatch.setattr(looking, "_lanes", lambda panes, **how: tuple(lanes.values()))
    looking.last = replace(looking.last, lanes={**(looking.last.lanes or {}), "beside": "busy"})
    looking.look_beside_cycle(frozenset())
    noted = [one.payload["detail"] for one in looking.world.events.tail(9) if one.payload.get("event") == "finished"]
    assert noted == ["hook is ready", "beside is ready"], "of the other only its screen tells, which has to hold"
