"""A person's yes and no: who may say it, about what, and what follows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loop_orchestrator.actions.base import ActionKind
from loop_orchestrator.actions.escalate import Escalate
from loop_orchestrator.actions.registry import read_action
from loop_orchestrator.engine.approval import digest_of
from loop_orchestrator.engine.cycle import run_cycle
from loop_orchestrator.engine.expiry import expire_all
from loop_orchestrator.engine.onrecord import on_record
from loop_orchestrator.errors import ChangedElsewhereError, DecisionStateError, LoopError, NotAPersonError, UsageError
from loop_orchestrator.model.decision import ApprovalMode, Decision, Item, ItemStatus
from loop_orchestrator.model.event import Event
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.verdict import destructive
from loop_orchestrator.operations.decisions import approve, edit, reject
from loop_orchestrator.process.person import PersonCheck
from loop_orchestrator.stores import eventlog
from loop_orchestrator.stores.eventlines import decode as read_line
from loop_orchestrator.world import World
from tests.support.clocks import SteppedClock
from tests.support.projects import PLAIN, project_at

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
    assert event.payload == {
        "decision": decision.id,
        "digest": decision.digest,
        "items": [0, 1],
        "by": ANN.who,
        "signed_by": "",
    }


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
    assert on_record(world.events, decision.id).digests == (decision.digest,)
    assert on_record(world.events, "d-none").digests == ()


def test_what_the_log_has_of_other_decisions_is_not_read(
    world: World, decision: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(600):
        world.events.append("decision.archived", "engine", {"decision": f"d-{number}"})
    decoded: list[bytes] = []

    def counted(line: bytes) -> tuple[Event, ...]:
        decoded.append(line)
        return read_line(line)

    monkeypatch.setattr(eventlog, "decode", counted)
    assert on_record(world.events, decision.id).digests == (decision.digest,)
    assert len(decoded) < 20


# Edited, expired and signed.


def filed(world: World, action: ActionKind) -> Decision:
    """A decision with one action that waits, filed as a cycle files it."""
    id, now = "d-20260301T120000000-abcdef", world.clock.now()
    item = Item(idx=0, action=action, verdict=destructive("a test"), status=ItemStatus.WAITING, changed_at=now)
    decision = Decision(
        id=id,
        session=world.session,
        created_at=now,
        brain="rules",
        mode=ApprovalMode.MANUAL,
        critique="x",
        items=(item,),
        digest=digest_of(id, world.session, [action]),
        cycle="c-1",
    )
    payload: dict[str, JsonValue] = {
        "decision": id,
        "digest": decision.digest,
        "verdicts": ["destructive"],
        "waiting": [0],
    }
    world.events.append("decision.filed", "engine", payload)
    world.decisions.create(decision)
    return decision


def test_an_edited_action_has_a_new_digest_and_what_it_was_is_kept(world: World, decision: Decision) -> None:
    edited = edit(world, decision.id, 0, {"summary": "Ask Bob."}, digest=decision.digest[:8], person=ANN)
    assert edited.digest != decision.digest
    assert edited == world.decisions.get(decision.id)
    assert isinstance(edited.items[0].action, Escalate) and edited.items[0].action.summary == "Ask Bob."
    (kept,) = edited.edits
    assert (kept.idx, kept.by, kept.digest, kept.action) == (0, ANN.who, decision.digest, decision.items[0].action)
    with pytest.raises(ChangedElsewhereError, match="its digest is"):
        approve(world, decision.id, digest=decision.digest, person=ANN)
    approved = approve(world, decision.id, digest=edited.digest, person=ANN)
    assert statuses(approved.decision) == ["done", "done"]
    assert approved.decision.edits == edited.edits


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sumary": "x"}, "no field sumary; did you mean summary"),
        ({"summary": ""}, "cannot become that"),
        ({"summary": "a\x1bb"}, "cannot become that"),
    ],
)
def test_an_edit_that_no_action_can_have_changes_nothing(
    world: World, decision: Decision, values: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        edit(world, decision.id, 0, values, person=ANN)
    assert world.decisions.get(decision.id) == decision
    assert "decision.edited" not in kinds(world)


def test_only_a_person_edits_only_what_waits_and_only_what_was_filed(world: World, decision: Decision) -> None:
    with pytest.raises(NotAPersonError):
        edit(world, decision.id, 0, {"summary": "x"}, person=AGENT)
    with pytest.raises(UsageError, match="action 7 does not wait"):
        edit(world, decision.id, 7, {"summary": "x"}, person=ANN)
    path = world.layout.decisions / f"{decision.id}.json"
    path.write_text(path.read_text().replace("first", "other"))
    with pytest.raises(ChangedElsewhereError):
        edit(world, decision.id, 0, {"summary": "x"}, person=ANN)


def test_an_edit_is_judged_and_what_is_blocked_is_not_taken(world: World) -> None:
    values: dict[str, JsonValue] = {"window": "new", "harness": "shell", "brief": "x", "rationale": "r"}
    action, problems = read_action({"kind": "add_lane", **values})
    assert action is not None, problems
    decision = filed(world, action)
    with pytest.raises(LoopError, match="only a person may"):
        edit(world, decision.id, 0, {"brief": "loop approve d-1"}, person=ANN)
    edited = edit(world, decision.id, 0, {"brief": "make test"}, person=ANN)
    assert "claimed" not in " ".join(edited.items[0].verdict.reasons)


def test_a_crash_between_the_event_of_an_edit_and_the_edit_leaves_the_decision_as_it_was(
    world: World, decision: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(world.decisions, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        edit(world, decision.id, 0, {"summary": "x"}, person=ANN)
    monkeypatch.undo()
    assert statuses(approve(world, decision.id, digest=decision.digest, person=ANN).decision) == ["done", "done"]


def test_silence_is_a_no_after_the_time_of_the_config(project: Path) -> None:
    clock = SteppedClock()
    world = project_at(project, config=PLAIN + "  approval_expires_s: 600\n", clock=clock).world
    world.mailbox.send("ann", "coord", "first", "text")
    decision = run_cycle(world, ("test",)).decision
    assert decision is not None
    clock.advance(599)
    expire_all(world)
    assert statuses(world.decisions.get(decision.id)) == ["waiting"]
    clock.advance(2)
    with pytest.raises(DecisionStateError, match="nothing of it waits"):
        approve(world, decision.id, person=ANN)
    assert statuses(world.decisions.get(decision.id)) == ["rejected"]
    expire_all(world)
    run_cycle(world, ("test",))
    assert "silence is a no" in world.decisions.get(decision.id).items[0].note
    assert kinds(world).count("decision.expired") == 1
