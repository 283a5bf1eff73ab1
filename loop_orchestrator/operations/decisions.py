"""A person's yes or no to the waiting actions of a decision. What is refused is an event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.crash import crash_point
from loop_orchestrator.engine.approval import digest_now
from loop_orchestrator.engine.execute import archive_if_closed, execute
from loop_orchestrator.errors import (
    ChangedElsewhereError,
    DecisionStateError,
    LoopError,
    NotAPersonError,
    UsageError,
)
from loop_orchestrator.model.decision import Decision, Item, ItemStatus
from loop_orchestrator.process.person import PersonCheck
from loop_orchestrator.stores.lock import Lock

if TYPE_CHECKING:
    from loop_orchestrator.stores.eventlog import EventLog
    from loop_orchestrator.world import World

_OPEN = (ItemStatus.WAITING, ItemStatus.READY)
_LOCK_LIMIT_S = 5.0
"""Another approval holds the lock for milliseconds; a person does not notice the wait."""


@dataclass(frozen=True)
class Approved:
    """What an approval led to."""

    decision: Decision
    """after its execution"""
    items: tuple[int, ...]
    """the actions that this approval let run"""

    @property
    def failed(self) -> bool:
        """An approved action did not end in its effect."""
        return any(item.status is not ItemStatus.DONE for item in self.decision.items if item.idx in self.items)


def approve(
    world: World, decision_id: str, *, digest: str = "", indices: Sequence[int] = (), person: PersonCheck
) -> Approved:
    """Let waiting actions run, in order, and wait until they ended; no indices: all that wait.

    Actions that were approved before and provably did not begin run too. Actions left out go on waiting.
    Raises NotAPersonError; ChangedElsewhereError if the decision on disk, the digest it was filed with and the one the
    person saw are not one; DecisionStateError if nothing waits; UsageError for an index that does not wait.
    """
    with _approvals(world):
        decision = world.decisions.get(decision_id)
        _require_person(world, decision, person)
        _require_digest(world, decision, digest)
        chosen = _chosen(decision, indices)
        waiting = [idx for idx in chosen if _item(decision, idx).status is ItemStatus.WAITING]
        decision = _move(world, decision, waiting, ItemStatus.READY, note=f"approved by {person.who}")
        world.events.append(
            "decision.approved",
            "person",
            {"decision": decision.id, "digest": decision.digest, "items": list(chosen), "by": person.who},
            trace=decision.cycle,
        )
    crash_point("approval.recorded")
    return Approved(execute(world, decision.id, timeout_s=None), chosen)


def reject(
    world: World, decision_id: str, *, reason: str = "", indices: Sequence[int] = (), person: PersonCheck
) -> Decision:
    """Say no to actions that wait or are allowed and not begun; no indices: to all of them. Raises as approve does."""
    with _approvals(world):
        decision = world.decisions.get(decision_id)
        _require_person(world, decision, person)
        chosen = _chosen(decision, indices)
        note = f"rejected by {person.who}" + (f": {reason}" if reason else "")
        decision = _move(world, decision, chosen, ItemStatus.REJECTED, note=note)
        world.events.append(
            "decision.rejected",
            "person",
            {"decision": decision.id, "items": list(chosen), "reason": reason, "by": person.who},
            trace=decision.cycle,
        )
    return archive_if_closed(world, decision)


def filed_digest(events: EventLog, decision_id: str) -> str | None:
    """The digest that the event log says the decision was filed with; None where it does not say."""
    for recent in (events.tail(500), events.since(0)):
        for event in recent:
            if event.kind == "decision.filed" and event.payload.get("decision") == decision_id:
                return str(event.payload["digest"])
    return None


def _approvals(world: World) -> Lock:
    return Lock(world.layout.approvals_lock, "the approval of decisions", timeout_s=_LOCK_LIMIT_S)


def _require_person(world: World, decision: Decision, person: PersonCheck) -> None:
    if not person.ok:
        error = NotAPersonError(
            f"decision {decision.id} was not touched: {person.reason}",
            hint="run it in a terminal of your own, outside the lanes",
        )
        _refuse(world, decision, person, error)


def _require_digest(world: World, decision: Decision, seen: str) -> None:
    """What will be done must be what was filed, and what the person saw."""
    filed = filed_digest(world.events, decision.id)
    now = digest_now(decision)
    if filed is None:
        problem = "the event log does not say with which digest it was filed"
    elif not now == decision.digest == filed:
        problem = "it is not what was filed: its file was changed since"
    elif seen and not filed.startswith(seen):
        problem = f"its digest is {filed[:12]}, not {seen[:12]}"
    else:
        return
    who = PersonCheck(ok=False, who="", reason=problem)
    error = ChangedElsewhereError(
        f"decision {decision.id} was not approved: {problem}", hint=f"loop engine show {decision.id}"
    )
    _refuse(world, decision, who, error)


def _refuse(world: World, decision: Decision, person: PersonCheck, error: LoopError) -> None:
    world.events.append(
        "approval.refused", "cli", {"decision": decision.id, "reason": person.reason, "who": person.who}
    )
    raise error


def _chosen(decision: Decision, indices: Sequence[int]) -> tuple[int, ...]:
    open_items = tuple(item.idx for item in decision.items if item.status in _OPEN)
    wrong = [str(idx) for idx in indices if idx not in open_items]
    if wrong:
        listed = ", ".join(map(str, open_items)) or "none"
        raise UsageError(f"decision {decision.id}: action {', '.join(wrong)} does not wait; those that do: {listed}")
    if not open_items:
        raise DecisionStateError(
            f"decision {decision.id} is {decision.status.value}: nothing of it waits",
            hint=f"loop engine show {decision.id}",
        )
    return tuple(sorted(set(indices))) or open_items


def _item(decision: Decision, idx: int) -> Item:
    return next(item for item in decision.items if item.idx == idx)


def _move(world: World, decision: Decision, indices: Sequence[int], to: ItemStatus, *, note: str) -> Decision:
    """The decision with these actions moved, on disk; refused if it changed since it was looked at."""
    return world.decisions.update(decision.id, _mover(decision, indices, to, note, world.clock.now()))


def _mover(
    seen: Decision, indices: Sequence[int], to: ItemStatus, note: str, at: datetime
) -> Callable[[Decision], Decision]:
    def moved(current: Decision) -> Decision:
        if current != seen:
            raise ChangedElsewhereError(
                f"decision {seen.id} changed while it was looked at", hint=f"loop engine show {seen.id}"
            )
        for idx in indices:
            current = current.with_item(_item(current, idx).moved(to, note=note, at=at))
        return current

    return moved
