"""A person's yes and no: who may say it, about what, and what follows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.errors import ChangedElsewhereError, DecisionStateError, NotAPersonError, UsageError
from loop_orchestrator.model.decision import Decision, ItemStatus
from loop_orchestrator.operations.decisions import approve, filed_digest, reject
from loop_orchestrator.process.person import PersonCheck
from loop_orchestrator.world import World

ANN = PersonCheck(ok=True, who="ann on pts/3 (bash 4321)", reason="its terminal comes from sshd 7")
AGENT = PersonCheck(ok=False, who="ann without a terminal", reason="it has no controlling terminal")


@pytest.fixture
def decision(world: World) -> Decision:
    """Two escalates that wait: the built-in brain puts mail to the coordinator before a person."""
    for subject in ("first", "second"):
        world.mailbox.send("ann", "coord", subject, "text")
    found = run_cycle(world, ("test",)).decision
    assert found is not None
    assert [item.status for item in found.items] == [ItemStatus.WAITING, ItemStatus.WAITING]
    return found


def statuses(decision: Decision) -> list[str]:
    return [item.status.value for item in decision.items]


def kinds(world: World) -> list[str]:
    return [event.kind for event in world.events.tail(30)]


def test_approving_runs_the_actions_and_archives_the_decision(world: World, decision: Decision) -> None:
    approved = approve(world, decision.id, digest=decision.digest, person=ANN)
    assert statuses(approved.decision) == ["done", "done"]
    assert not approved.failed
    assert world.decisions.open_decisions() == ()
    assert world.mailbox.pending("coord") == ()
    event = world.events.last("decision.approved")
    assert event is not None
    assert event.payload == {"decision": decision.id, "digest": decision.digest, "items": [0, 1], "by": ANN.who}


def test_whoever_is_no_person_is_refused_and_the_attempt_is_an_event(world: World, decision: Decision) -> None:
    with pytest.raises(NotAPersonError, match="no controlling terminal"):
        approve(world, decision.id, person=AGENT)
    with pytest.raises(NotAPersonError):
        reject(world, decision.id, person=AGENT)
    assert world.decisions.get(decision.id) == decision
    refused = world.events.tail(2)
    assert [event.kind for event in refused] == ["approval.refused", "approval.refused"]
    assert refused[0].payload == {"decision": decision.id, "reason": AGENT.reason, "who": AGENT.who}


def test_an_approval_of_something_else_than_was_seen_is_refused(world: World, decision: Decision) -> None:
    with pytest.raises(ChangedElsewhereError, match="its digest is"):
        approve(world, decision.id, digest="0" * 12, person=ANN)
    assert world.decisions.get(decision.id) == decision
    assert "approval.refused" in kinds(world)


@pytest.mark.parametrize("with_digest", [False, True])
def test_a_decision_that_was_edited_on_disk_is_void(world: World, decision: Decision, with_digest: bool) -> None:
    path = world.layout.decisions / f"{decision.id}.json"
    text = path.read_text().replace("first", "other")
    path.write_text(text)
    if with_digest:
        changed = world.decisions.get(decision.id)
        from loop_orchestrator.engine.approval import digest_now

        data = json.loads(text)
        data["digest"] = digest_now(changed)
        path.write_text(json.dumps(data))
    with pytest.raises(ChangedElsewhereError, match="its file was changed since"):
        approve(world, decision.id, person=ANN)
    assert statuses(world.decisions.get(decision.id)) == ["waiting", "waiting"]


def test_without_the_event_of_its_filing_a_decision_cannot_be_approved(
    world: World, decision: Decision, project: Path
) -> None:
    world.layout.events.unlink()
    with pytest.raises(ChangedElsewhereError, match="does not say with which digest"):
        approve(world, decision.id, person=ANN)


def test_one_action_can_be_approved_and_the_other_goes_on_waiting(world: World, decision: Decision) -> None:
    approved = approve(world, decision.id, indices=(1,), person=ANN)
    assert statuses(approved.decision) == ["waiting", "done"]
    again = approve(world, decision.id, person=ANN)
    assert again.items == (0,)
    assert statuses(again.decision) == ["done", "done"]


def test_an_action_that_does_not_wait_is_named(world: World, decision: Decision) -> None:
    with pytest.raises(UsageError, match="action 2, 7 does not wait; those that do: 0, 1"):
        approve(world, decision.id, indices=(0, 2, 7), person=ANN)
    assert statuses(world.decisions.get(decision.id)) == ["waiting", "waiting"]


def test_a_closed_decision_has_nothing_to_approve(world: World, decision: Decision) -> None:
    reject(world, decision.id, reason="not now", person=ANN)
    with pytest.raises(DecisionStateError, match="nothing of it waits"):
        approve(world, decision.id, person=ANN)


def test_rejecting_closes_the_decision_with_the_reason(world: World, decision: Decision) -> None:
    rejected = reject(world, decision.id, reason="not now", person=ANN)
    assert statuses(rejected) == ["rejected", "rejected"]
    assert rejected.items[0].note == f"rejected by {ANN.who}: not now"
    assert world.decisions.open_decisions() == ()
    event = world.events.last("decision.rejected")
    assert event is not None
    assert event.payload["reason"] == "not now"
    assert len(world.mailbox.pending("coord")) == 2, "a rejected escalate does nothing"


def test_what_was_approved_and_never_begun_runs_when_it_is_approved_again(world: World, decision: Decision) -> None:
    now = world.clock.now()
    ready = lambda old: old.with_item(old.items[0].moved(ItemStatus.READY, note="", at=now))  # noqa: E731
    world.decisions.update(decision.id, ready)
    approved = approve(world, decision.id, person=ANN)
    assert approved.items == (0, 1)
    assert statuses(approved.decision) == ["done", "done"]


def test_the_digest_of_the_filing_is_found_far_back_in_the_log(world: World, decision: Decision) -> None:
    for _ in range(600):
        world.events.append("engine.resumed", "cli", {"by": "ann"})
    assert filed_digest(world.events, decision.id) == decision.digest
    assert filed_digest(world.events, "d-none") is None
