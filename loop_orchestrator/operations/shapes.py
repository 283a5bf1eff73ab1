"""Values as JSON: the shapes that CONTRACT.md promises. Every document on stdout is built of these."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time

if TYPE_CHECKING:
    from loop_orchestrator.model.decision import Decision, Item
    from loop_orchestrator.model.delivery import Receipt
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.finding import Finding
    from loop_orchestrator.model.lane import Lane, LaneSpec, LaneState
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.model.restart import RestartNote
    from loop_orchestrator.model.route import DeadLetter
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.model.task import Task

Json = dict[str, "JsonValue"]


def time_or_none(at: datetime | None) -> str | None:
    return format_time(at) if at else None


def texts(values: tuple[str, ...]) -> list[JsonValue]:
    return list(values)


def state_shape(state: LaneState) -> Json:
    """``evidence``: what each signal said and when, the deciding one first, and what became of it."""
    evidence: list[JsonValue] = [
        {
            "source": signal.source.value,
            "detail": signal.detail.value,
            "rule": signal.rule,
            "seen": signal.seen,
            "at": format_time(signal.at),
            "why": why or None,
        }
        for signal, why in state.weighed()
    ]
    return {
        "status": state.word.value,
        "detail": state.detail.value,
        "ready": state.ready,
        "confidence": state.confidence,
        "rule": state.rule,
        "evidence": evidence,
    }


def spec_shape(spec: LaneSpec) -> Json:
    """``base``: the lane was declared, not added while the session ran. Empty texts are null."""
    from loop_orchestrator.model.lane import LaneKind

    return {
        "lane": spec.name,
        "window": spec.window,
        "harness": spec.harness or None,
        "model": spec.model or None,
        "role": spec.role,
        "cmd": spec.cmd or None,
        "base": spec.kind is LaneKind.STANDING,
        "kind": spec.kind.value,
        "cwd": str(spec.cwd),
        "worktree": spec.worktree_of is not None,
    }


def finding_shape(finding: Finding) -> Json:
    """``line`` is null where it is about the whole file; ``key`` and ``nearest`` are null where there is none."""
    return {
        "file": str(finding.file),
        "line": finding.line or None,
        "key": finding.key or None,
        "severity": finding.severity.value,
        "message": finding.message,
        "nearest": finding.nearest or None,
    }


def restarts_shape(note: RestartNote | None) -> JsonValue:
    """``attempt``: restarts in a row, 0 after a good one; null for a lane that never had to be restarted."""
    if note is None:
        return None
    from loop_orchestrator.model.restart import RestartEvent

    return {
        "event": note.event.value,
        "attempt": 0 if note.event is RestartEvent.READY else note.attempt,
        "at": format_time(note.at),
        "reason": note.reason,
        "exit_status": note.exit_status,
        "next_at": time_or_none(note.next_at),
    }


def lane_shape(lane: Lane, branch: str, note: RestartNote | None) -> Json:
    return {
        **spec_shape(lane.record.spec),
        "pane": lane.record.pane,
        "branch": branch or None,
        "status": lane.state.word.value,
        "detail": lane.state.detail.value,
        "ready": lane.state.ready,
        "restarts": restarts_shape(note),
    }


def receipt_shape(receipt: Receipt) -> Json:
    times: Json = {step: format_time(at) for step, at in receipt.times.items()}
    removed: Json = dict(receipt.removed)
    return {
        "op": receipt.op,
        "lane": receipt.lane,
        "sender": receipt.sender,
        "mode": receipt.mode.value,
        "status": receipt.status.value,
        "step": receipt.step.value,
        "sha256": receipt.sha256,
        "bytes": receipt.bytes,
        "removed": removed,
        "times": times,
        "evidence": receipt.evidence,
        "proof": receipt.proof.value if receipt.proof else None,
        "enters": receipt.enters,
        "reset": receipt.reset,
        "sent_sha256": receipt.sent_sha256,
    }


def message_shape(message: Message) -> Json:
    return {
        "file": message.file,
        "id": message.id,
        "from": message.sender,
        "to": message.recipient,
        "subject": message.subject,
        "sent_at": format_time(message.sent_at),
        "in_reply_to": message.in_reply_to or None,
    }


def task_shape(task: Task) -> Json:
    return {
        "id": task.id,
        "title": task.title,
        "status": task.status.value,
        "role": task.role,
        "depends_on": texts(task.depends_on),
        "file": str(task.file),
    }


def item_shape(item: Item, fields: Mapping[str, JsonValue]) -> Json:
    return {
        "idx": item.idx,
        "kind": item.action.kind,
        "target": item.action.target or None,
        "verdict": item.verdict.level.value,
        "reasons": texts(item.verdict.reasons),
        "status": item.status.value,
        "note": item.note or None,
        "fields": dict(fields),
    }


def decision_shape(decision: Decision, items: list[JsonValue]) -> Json:
    return {
        "id": decision.id,
        "digest": decision.digest,
        "created_at": format_time(decision.created_at),
        "status": decision.status.value,
        "brain": decision.brain,
        "mode": decision.mode.value,
        "cycle": decision.cycle,
        "critique": decision.critique,
        "actions": items,
    }


def event_shape(event: Event) -> Json:
    return {
        "seq": event.seq,
        "at": format_time(event.at),
        "kind": event.kind,
        "source": event.source,
        "payload": dict(event.payload),
        "trace": event.trace or None,
    }


def letter_shape(letter: DeadLetter) -> Json:
    """One of ``dead_letters`` in ``loop routes dead --json``."""
    return {
        "id": letter.id,
        "route": letter.route,
        "attempts": letter.attempts,
        "reason": letter.reason,
        "at": format_time(letter.at),
        "tried_again": letter.tried_again,
        "event": event_shape(letter.event),
    }
