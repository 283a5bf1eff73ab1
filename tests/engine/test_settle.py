"""What earlier cycles left, and what lanes report: closed once, by the right lane, and never in the way of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loop_orchestrator.actions.stop import Stop
from loop_orchestrator.engine.approval import digest_of
from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.engine.execute import execute
from loop_orchestrator.engine.settle import settle
from loop_orchestrator.model.decision import ApprovalMode, Decision, Item, ItemStatus
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.task import Assignment, TaskStatus
from loop_orchestrator.model.verdict import SAFE
from loop_orchestrator.model.wiki import PERSON
from loop_orchestrator.stores.decisions import DecisionStore
from loop_orchestrator.world import World
from tests.support.builders import NOW
from tests.support.scratch import write_task

STOP = Stop(rationale="r")
ALLOWED = Item(idx=0, action=STOP, verdict=SAFE, status=ItemStatus.READY, changed_at=NOW)


def filed(world: World, *statuses: ItemStatus) -> Decision:
    items = tuple(replace(ALLOWED, idx=idx, status=status) for idx, status in enumerate(statuses))
    found = Decision(
        id="d-1",
        session=world.session,
        created_at=NOW,
        brain="rules",
        mode=ApprovalMode.MANUAL,
        critique="c",
        items=items,
        digest=digest_of("d-1", world.session, [STOP for _ in items]),
        cycle="c-1",
    )
    said: dict[str, JsonValue] = {
        "decision": found.id,
        "digest": found.digest,
        "verdicts": ["safe" for _ in items],
        "waiting": [item.idx for item in items if item.status is ItemStatus.WAITING],
    }
    world.events.append("decision.filed", "engine", said)
    world.decisions.create(found)
    return found


def given(world: World, task: str, lane: str, purpose: str = "work") -> None:
    write_task(world.root, task)
    op = f"d-{task}-{purpose}"
    world.tasks.assign(Assignment(task=task, lane=lane, op=op, at=NOW, purpose=purpose))


def says(world: World, lane: str, subject: str) -> None:
    world.mailbox.send(lane, "coord", subject, "text")


@pytest.fixture(autouse=True)
def hand_overs_arrived(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loop_orchestrator.engine.settle._never_arrived", lambda *_: False)


def test_a_decision_that_was_executed_since_it_was_listed_is_left_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(world, ItemStatus.READY, ItemStatus.WAITING)
    listed = DecisionStore.open_decisions
    stale: list[tuple[Decision, ...]] = []

    def and_then_executed(store: DecisionStore) -> tuple[Decision, ...]:
        if not stale:
            stale.append(())
            world.decisions.update("d-1", lambda old: old.with_item(replace(old.items[0], status=ItemStatus.STARTED)))
            stale[0] = listed(store)
            world.decisions.update("d-1", lambda old: old.with_item(replace(old.items[0], status=ItemStatus.DONE)))
            return stale[0]
        return listed(store)

    monkeypatch.setattr(DecisionStore, "open_decisions", and_then_executed)
    settle(world)
    assert [item.status.value for item in world.decisions.get("d-1").items] == ["done", "waiting"]
    assert world.events.last("item.closed") is None


def test_a_decision_that_another_process_begins_to_execute_holds_no_cycle_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(world, ItemStatus.READY)

    def taken(world: World, decision_id: str, **_: Any) -> Decision:
        with world.decisions.execution_lock(decision_id):
            return execute(world, decision_id)

    monkeypatch.setattr("loop_orchestrator.engine.settle.execute", taken)
    settle(world)
    assert world.decisions.get("d-1").items[0].status is ItemStatus.READY


def test_only_the_lane_that_has_the_task_moves_it(world: World) -> None:
    given(world, "T0001", "web")
    says(world, "infra", "T0001 review")
    settle(world)
    assert world.tasks.get("T0001").status is TaskStatus.OPEN
    assert len(world.mailbox.pending("coord")) == 1
    says(world, "web", "T0001 review")
    settle(world)
    assert world.tasks.get("T0001").status is TaskStatus.REVIEW


def test_a_lane_cannot_prove_its_own_work(world: World) -> None:
    given(world, "T0001", "web")
    says(world, "web", "T0001 proved")
    settle(world)
    assert world.proofs.items() == {}
    assert len(world.mailbox.pending("coord")) == 1


def test_a_lane_that_proves_a_task_does_not_take_it_back_to_work(world: World) -> None:
    given(world, "T0001", "validate", "prove")
    world.tasks.move("T0001", TaskStatus.REVIEW, by="web", source="engine")
    says(world, "validate", "T0001 in-progress")
    settle(world)
    assert world.mailbox.pending("coord") == ()
    assert world.tasks.get("T0001").status is TaskStatus.REVIEW
    says(world, "validate", "T0001 not-proved")
    settle(world)
    assert list(world.proofs.items()) == ["T0001"]
    assert world.tasks.assignments() == ()


def test_work_that_begins_again_is_proved_again(world: World) -> None:
    given(world, "T0001", "web")
    world.tasks.move("T0001", TaskStatus.REVIEW, by="web", source="engine")
    world.proofs.add("T0001", "not-proved x.md")
    world.escalations.add("proof:T0001", "d-1")
    settle(world)
    assert "T0001" in world.proofs.items()
    world.tasks.move("T0001", TaskStatus.OPEN, by="ann", source="cli")
    settle(world)
    assert world.proofs.items() == {}
    assert world.escalations.items() == {}


def test_a_report_that_cannot_be_recorded_holds_no_other_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given(world, "T0001", "web")
    given(world, "T0002", "infra")
    says(world, "web", "T0001 review")
    says(world, "infra", "T0002 review")
    monkeypatch.setattr("loop_orchestrator.stores.tasks._with_status", _fails_for("T0001"))
    settle(world)
    assert (world.tasks.get("T0001").status, world.tasks.get("T0002").status) == (TaskStatus.OPEN, TaskStatus.REVIEW)
    assert [message.sender for message in world.mailbox.pending("coord")] == ["web"]
    crash = world.events.last("crash")
    assert crash is not None
    assert crash.payload["reason"] == "no"


def _fails_for(id: str) -> Any:
    from loop_orchestrator.errors import StoreError
    from loop_orchestrator.stores import tasks

    real = tasks._with_status

    def with_status(task: Any, text: str, to: TaskStatus) -> str:
        if task.id == id:
            raise StoreError("no")
        return real(task, text, to)

    return with_status


def test_what_passed_is_asked_again_when_it_comes_back(world: World) -> None:
    given(world, "T0001", "web")
    world.escalations.add("silent:T0001.web", "d-1")
    world.escalations.add("silent:T0002.web", "d-1")
    world.escalations.add("mail:x.md", "d-1")
    run_cycle(world, ("test",))
    assert list(world.escalations.items()) == ["silent:T0001.web", "mail:x.md"]


@pytest.mark.parametrize("text", ["{", '{"schema": 99, "lanes": {}}', '{"schema": 1, "lanes": {"web": {"name": 3}}}'])
def test_a_broken_record_of_the_lanes_is_unknown_and_ends_no_cycle(world: World, text: str) -> None:
    world.layout.lanes_file.parent.mkdir(parents=True, exist_ok=True)
    world.layout.lanes_file.write_text(text)
    says(world, "ann", "a wish")
    result = run_cycle(world, ("test",))
    assert result.outcome == "waiting"
    assert result.decision is not None
    assert any("not trusted" in reason for reason in result.decision.items[0].verdict.reasons)


def test_a_lane_that_says_it_goes_on_is_heard_once_and_only_about_itself(world: World) -> None:
    world.wiki.root.mkdir()
    for lane in ("web", "infra"):
        world.wiki.update(f"lanes/{lane}.md", lambda _: "# x\n\n## Handoff state\n\n- time: x\n", by=PERSON)
    says(world, "web", "re:handoff:web")
    says(world, "infra", "re:handoff:web")
    says(world, "docs", "re:handoff:docs")
    settle(world)
    settle(world)
    assert [message.sender for message in world.mailbox.pending("coord")] == ["docs", "infra"]
    (taken,) = [event for event in world.events.tail(20) if event.kind == "handoff.taken-up"]
    assert taken.payload["lane"] == "web"
