"""Step 9, act: each allowed item in order: recorded as started, performed, its outcome recorded."""

from __future__ import annotations

from loop_orchestrator.actions.base import ActionKind, Hands, Outcome
from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.approval import digest_now, first_status
from loop_orchestrator.engine.filing import file_noted, note_closed
from loop_orchestrator.engine.onrecord import OnRecord, on_record
from loop_orchestrator.engine.signed import why_not
from loop_orchestrator.errors import LoopError
from loop_orchestrator.ids import derived_id
from loop_orchestrator.model.decision import Decision, DecisionStatus, Item, ItemStatus
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.world import World


def execute(
    world: World,
    decision_id: str,
    *,
    timeout_s: float | None = 0.0,
    judged: Decision | None = None,
    seen_mail: frozenset[str] | None = None,
) -> Decision:
    """Perform every READY item of a decision, and archive it if nothing is left.

    What the event log does not know as filed and allowed is refused, whatever the decision's file says.
    seen_mail: files of the messages that the cycle had seen which made it; None: that is not known any more.

    judged: the decision as this process has just judged it. Where approvals are signed, nothing else runs without a
    valid signature.

    Holds the decision's execution lock; raises LockedError if another process executes it for longer than timeout_s
    (None waits for its end). An item that was started before is never started again.
    """
    with world.decisions.execution_lock(decision_id, timeout_s=timeout_s):
        decision = world.decisions.get(decision_id)
        ready = [item.idx for item in decision.items if item.status is ItemStatus.READY]
        record = on_record(world.events, decision_id) if ready else OnRecord()
        for idx in ready:
            if world.cancel.is_set():
                break
            decision = _perform(world, decision_id, idx, record, judged, seen_mail)
    return archive_if_closed(world, decision)


def archive_if_closed(world: World, decision: Decision) -> Decision:
    """Move a decision of which nothing is left to do to the archive, and file it in the wiki."""
    if decision.status is DecisionStatus.CLOSED:
        note_closed(world, decision)
        world.events.append(
            "decision.archived",
            "engine",
            {"decision": decision.id},
            trace=decision.cycle,
            id=derived_id("e", decision.id, "archived"),
        )
        world.decisions.archive(decision.id)
        crash_point("decision.archived")
        file_noted(world)
    return decision


def close_item(world: World, decision_id: str, idx: int, outcome: Outcome) -> Decision:
    """Record how a started item ended."""
    decision = world.decisions.get(decision_id)
    item = decision.items[idx]
    payload: dict[str, JsonValue] = {
        **_about(decision, item),
        "status": outcome.status.value,
        "note": outcome.note,
    }
    world.events.append(
        "item.closed",
        "engine",
        payload,
        trace=decision.cycle,
        id=derived_id("e", decision_id, str(idx), outcome.status),
    )
    crash_point("item.noted")
    closed = _move(world, decision_id, idx, outcome.status, outcome.note)
    crash_point("item.closed")
    return closed


def _perform(
    world: World,
    decision_id: str,
    idx: int,
    record: OnRecord,
    judged: Decision | None,
    seen_mail: frozenset[str] | None,
) -> Decision:
    decision = world.decisions.get(decision_id)
    item = decision.items[idx]
    if item.status is ItemStatus.READY and (
        reason := record.why_not(decision, item) or why_not(world, decision, item, judged)
    ):
        return _refuse(world, decision, idx, reason)
    decision = _started(world, decision_id, idx, decision)
    item = decision.items[idx]
    if item.status is not ItemStatus.STARTED:
        return decision  # a person said no while the items before it were performed
    crash_point("item.marked")
    assert isinstance(item.action, ActionKind)
    world.events.append("item.started", "engine", _about(decision, item), trace=decision.cycle)
    crash_point("item.started")
    alone = first_status(item.action, item.verdict, decision.mode, signed=world.signers is not None)
    hands = Hands(
        world=world,
        decision=decision_id,
        idx=idx,
        trace=decision.cycle,
        decided_at=decision.created_at,
        seen_mail=seen_mail,
        approved=alone is ItemStatus.WAITING,  # it waited, so that only a person's yes got it here
    )
    try:
        outcome = item.action.perform(hands)
    except LoopError as error:
        outcome = Outcome(ItemStatus.FAILED, error.message)
    crash_point("item.performed")
    return close_item(world, decision_id, idx, outcome)


def _refuse(world: World, decision: Decision, idx: int, reason: str) -> Decision:
    """An allowed item that may not run is a no, and an event."""
    world.events.append("approval.refused", "engine", {"decision": decision.id, "reason": reason, "who": ""})
    return _move(world, decision.id, idx, ItemStatus.REJECTED, reason)


def _started(world: World, decision_id: str, idx: int, seen: Decision) -> Decision:
    """The decision with the item recorded as started, unless it is no longer allowed, or no longer what was seen."""
    now = world.clock.now()

    def started(old: Decision) -> Decision:
        item = old.items[idx]
        return (
            old.with_item(item.moved(ItemStatus.STARTED, note="", at=now))
            if item.status is ItemStatus.READY and digest_now(old) == digest_now(seen)
            else old
        )

    return world.decisions.update(decision_id, started)


def _move(world: World, decision_id: str, idx: int, status: ItemStatus, note: str) -> Decision:
    now = world.clock.now()
    return world.decisions.update(
        decision_id, lambda old: old.with_item(old.items[idx].moved(status, note=note, at=now))
    )


def _about(decision: Decision, item: Item) -> dict[str, JsonValue]:
    return {"decision": decision.id, "idx": item.idx, "kind": item.action.kind, "target": item.action.target}
