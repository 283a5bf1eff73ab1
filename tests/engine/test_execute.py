"""Performing a decision while a person and another process have a say in it too."""

from __future__ import annotations

import json
from dataclasses import replace
from threading import Thread

import pytest

from loop_orchestrator.actions.base import Hands, Outcome
from loop_orchestrator.actions.drop_lane import DropLane
from loop_orchestrator.actions.stop import Stop
from loop_orchestrator.engine.approval import digest_of
from loop_orchestrator.engine.execute import execute
from loop_orchestrator.engine.settle import settle
from loop_orchestrator.model.decision import ApprovalMode, ItemStatus
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import Level, Verdict
from loop_orchestrator.world import World
from tests.engine.test_settle import filed
from tests.support.clocks import SteppedClock


def test_an_item_that_is_rejected_while_one_before_it_runs_is_not_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(world, ItemStatus.READY, ItemStatus.READY, ItemStatus.READY)

    def performed(self: Stop, hands: Hands) -> Outcome:
        if hands.idx == 0:
            no = ItemStatus.REJECTED
            world.decisions.update("d-1", lambda old: old.with_item(replace(old.items[1], status=no)))
        return Outcome(ItemStatus.DONE, "")

    monkeypatch.setattr(Stop, "perform", performed)
    assert [item.status.value for item in execute(world, "d-1").items] == ["done", "rejected", "done"]
    assert [e.payload["idx"] for e in world.events.tail(20) if e.kind == "item.started"] == [0, 2]


def test_who_waits_for_another_process_performs_what_it_left(world: World) -> None:
    filed(world, ItemStatus.READY)
    held = world.decisions.execution_lock("d-1")
    held.acquire()
    waiting = Thread(target=execute, args=(world, "d-1"), kwargs={"timeout_s": None})
    waiting.start()
    held.release()
    waiting.join(10)
    assert world.decisions.get("d-1").items[0].status is ItemStatus.DONE


def forge(world: World, idx: int, **values: object) -> None:
    """Write into the decision's file, as somebody does who found it."""
    path = world.layout.decisions / "d-1.json"
    document = json.loads(path.read_text())
    document["items"][idx] |= values
    path.write_text(json.dumps(document))


def refusal(world: World) -> str:
    refused = world.events.last("approval.refused")
    return "" if refused is None else str(refused.payload["reason"])


@pytest.mark.parametrize("verdict", [{}, {"verdict": {"level": "safe", "reasons": []}}])
def test_a_decision_file_that_says_yes_by_itself_runs_nothing(world: World, verdict: dict[str, object]) -> None:
    filed(world, ItemStatus.READY, ItemStatus.WAITING)
    forge(world, 1, status="ready", **verdict)
    settle(world)
    assert [item.status.value for item in world.decisions.get("d-1").items] == ["done", "rejected"]
    assert refusal(world) == "the event log does not say that anybody approved it"


def test_an_allowed_action_that_became_another_runs_no_more(world: World) -> None:
    filed(world, ItemStatus.READY, ItemStatus.WAITING)
    forge(world, 0, fields={"rationale": "another"})
    settle(world)
    assert [item.status.value for item in world.decisions.get("d-1").items] == ["rejected", "waiting"]
    assert refusal(world) == "the decision is not what was filed: its file was changed since"
    assert world.events.last("item.started") is None


def test_what_a_person_approved_runs_after_a_kill(world: World) -> None:
    decision = filed(world, ItemStatus.READY, ItemStatus.WAITING)
    approved: dict[str, JsonValue] = {"decision": "d-1", "digest": decision.digest, "items": [1], "by": "ann"}
    world.events.append("decision.approved", "person", {**approved, "signed_by": ""})
    world.decisions.update("d-1", lambda old: old.with_item(replace(old.items[1], status=ItemStatus.READY)))
    settle(world)
    assert world.decisions.open_decisions() == ()
    assert [e.payload["idx"] for e in world.events.tail(20) if e.kind == "item.started"] == [0, 1]


def test_a_decision_that_the_log_does_not_know_runs_nothing(world: World) -> None:
    filed(world, ItemStatus.READY)
    world.layout.events.unlink()
    settle(world)
    assert world.events.last("item.started") is None
    assert refusal(world) == "the event log does not say that this decision was filed"


@pytest.mark.parametrize(
    ("level", "mode", "expected"),
    [
        (Level.SAFE, ApprovalMode.MANUAL, True),
        (Level.SAFE, ApprovalMode.AUTO, False),
        (Level.DESTRUCTIVE, ApprovalMode.AUTO, True),
        (Level.DESTRUCTIVE, ApprovalMode.FULL, False),
    ],
)
def test_an_action_knows_whether_a_person_said_yes_to_it(
    world: World, monkeypatch: pytest.MonkeyPatch, level: Level, mode: ApprovalMode, expected: bool
) -> None:
    told: list[bool] = []

    def performed(self: DropLane, hands: Hands) -> Outcome:
        told.append(hands.approved)
        return Outcome(ItemStatus.DONE, "")

    monkeypatch.setattr(DropLane, "perform", performed)
    decision = filed(world, ItemStatus.READY)
    action = DropLane(window="web", rationale="r")
    item = replace(decision.items[0], action=action, verdict=Verdict(level, () if level is Level.SAFE else ("why",)))
    digest = digest_of("d-1", world.session, [action])
    world.decisions.save(replace(decision, mode=mode, items=(item,), digest=digest), previous=decision)
    said: dict[str, JsonValue] = {"decision": "d-1", "digest": digest, "verdicts": [level.value], "waiting": []}
    world.events.append("decision.filed", "engine", said)
    execute(world, "d-1")
    assert told == [expected]


def test_a_stop_that_a_later_process_carries_out_goes_by_when_it_was_decided(
    world: World, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(world), "observe_lanes", lambda _: ())
    world.clock = clock  # type: ignore[misc]
    clock.advance(-1)
    world.mailbox.send("ann", "coord", "before", "x")
    filed(world, ItemStatus.READY, ItemStatus.WAITING)
    assert execute(world, "d-1").items[0].status is ItemStatus.DONE
    clock.advance(1)
    world.mailbox.send("ann", "coord", "since", "x")
    ready = ItemStatus.READY
    yes: dict[str, JsonValue] = {"decision": "d-1", "digest": "", "items": [1], "by": "ann", "signed_by": ""}
    world.events.append("decision.approved", "person", yes)
    world.decisions.update("d-1", lambda old: old.with_item(replace(old.items[1], status=ready)))
    (_, second) = execute(world, "d-1").items
    assert second.status is ItemStatus.FAILED
    assert "mail arrived since" in second.note
