"""What the event log says of a decision: what it may be, and which of its actions may run.

A decision's file says so too, and anybody who runs with the user's rights can write it; the log has what was filed,
judged and approved, before it was done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loop_orchestrator.engine.approval import digest_now
from loop_orchestrator.model.verdict import Level
from loop_orchestrator.stores.segmentindex import Sought

if TYPE_CHECKING:
    from loop_orchestrator.model.decision import Decision, Item
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.stores.eventlog import EventLog


@dataclass(frozen=True)
class OnRecord:
    """One decision, as the log has it."""

    digests: tuple[str, ...] = ()
    """as it was filed, or left by its last edit; of an edit also the one before it, because a crash may have kept the
    edit from the disk. Empty where the log does not say."""
    allowed: frozenset[int] = frozenset()
    """actions that needed nobody, and those that a person approved"""

    def why_not(self, decision: Decision, item: Item) -> str:
        """Why an action that is allowed, by the decision's file, must not run; empty: it may."""
        if not self.digests:
            return "the event log does not say that this decision was filed"
        if digest_now(decision) not in self.digests:
            return "the decision is not what was filed: its file was changed since"
        if item.idx not in self.allowed:
            return "the event log does not say that anybody approved it"
        return ""


def on_record(events: EventLog, decision_id: str) -> OnRecord:
    """What the log says of a decision; it is read back to the filing."""
    found: list[Event] = []
    for event in events.backwards(Sought(ids=[decision_id])):
        if event.payload.get("decision") == decision_id:
            found.append(event)
            if event.kind == "decision.filed":
                break
    return _read(reversed(found))


def _read(events: Iterable[Event]) -> OnRecord:
    """From the filing on; what the log has of a decision without its filing says nothing."""
    found = OnRecord()
    for event in events:
        said = event.payload
        match event.kind:
            case "decision.filed":
                runs = {idx for idx, level in enumerate(_list(said["verdicts"])) if level != Level.BLOCKED}
                found = OnRecord((str(said["digest"]),), frozenset(runs - _indices(said["waiting"])))
            case "decision.edited" if found.digests:
                found = OnRecord((str(said["digest"]), str(said["was"])), found.allowed)
            case "decision.approved" if found.digests:
                found = OnRecord(found.digests, found.allowed | _indices(said["items"]))
    return found


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _indices(value: JsonValue) -> frozenset[int]:
    return frozenset(one for one in _list(value) if isinstance(one, int))
