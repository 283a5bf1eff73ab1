"""Which events need a person, and which say that it is settled: one step for each kind of event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from loop_orchestrator.model.brain import FailureKind
from loop_orchestrator.model.notice import WAITING, Ledger, Notice, NoticeKind, Wait, quoted

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event


def fold(ledger: Ledger, event: Event) -> Ledger:
    """The ledger after one event more."""
    step = _STEPS.get(event.kind)
    return replace(step(ledger, event) if step else ledger, seq=event.seq)


def concerns(kind: str) -> bool:
    """Whether events of this kind open or settle a notice."""
    return kind in _STEPS


_Step = Callable[[Ledger, "Event"], Ledger]


def _text(event: Event, name: str) -> str:
    """A field of the payload as one line; what agents write may stand in any of them."""
    value = event.payload.get(name)
    return "" if value is None else quoted(str(value))


def _decision_filed(ledger: Ledger, event: Event) -> Ledger:
    waiting = event.payload.get("waiting")
    count = len(waiting) if isinstance(waiting, list) else 0
    if not count:
        return ledger
    decision = _text(event, "decision")
    actions = "1 action waits" if count == 1 else f"{count} actions wait"
    return ledger.noted(
        Notice(
            kind=NoticeKind.DECISION,
            key=f"decision:{decision}",
            what=f"decision {decision}: {actions} for a yes or a no",
            answer=f"loop approve {decision}",
            at=event.at,
            seq=event.seq,
        )
    )


def _escalated(ledger: Ledger, event: Event) -> Ledger:
    """An escalation is an action of a decision that waits: one thing, told as what it asks, or as all that it asks."""
    decision, asks = _text(event, "decision"), "the engine asks for you: "
    before = ledger.open.get(f"decision:{decision}")
    if before is not None and before.kind is NoticeKind.ESCALATION:
        asks = f"{before.what}; and: "
    return ledger.noted(
        Notice(
            kind=NoticeKind.ESCALATION,
            key=f"decision:{decision}",
            what=f"{asks}{_text(event, 'summary')}",
            answer=f"loop approve {decision}",
            at=event.at,
            seq=event.seq,
        )
    )


def _decision_settled(ledger: Ledger, event: Event) -> Ledger:
    return ledger.settled(f"decision:{_text(event, 'decision')}")


def _decision_closed(ledger: Ledger, event: Event) -> Ledger:
    return ledger.settled(f"decision:{_text(event, 'decision')}", f"item:{_text(event, 'decision')}")


def _item_closed(ledger: Ledger, event: Event) -> Ledger:
    decision, idx = _text(event, "decision"), _text(event, "idx")
    if event.payload.get("status") != "unknown":
        return ledger.settled(f"item:{decision}:{idx}")
    return ledger.noted(
        Notice(
            kind=NoticeKind.UNKNOWN,
            key=f"item:{decision}:{idx}",
            what=f"decision {decision}: what became of action {idx} ({_text(event, 'kind')}) is not known",
            answer=f"loop engine show {decision}",
            at=event.at,
            seq=event.seq,
        )
    )


def _delivery_closed(ledger: Ledger, event: Event) -> Ledger:
    op, lane = _text(event, "op"), _text(event, "lane")
    if event.payload.get("status") != "unknown":
        return ledger.settled(f"delivery:{op}")
    return ledger.noted(
        Notice(
            kind=NoticeKind.UNKNOWN,
            key=f"delivery:{op}",
            what=f"delivery {op}: nobody knows whether the text reached lane {lane}",
            answer=f"loop attach {lane}, then: loop resolve {op} happened|did-not|drop",
            at=event.at,
            seq=event.seq,
        )
    )


def _route_dead(ledger: Ledger, event: Event) -> Ledger:
    letter, tries = _text(event, "letter"), _text(event, "attempts")
    return ledger.noted(
        Notice(
            kind=NoticeKind.DEAD_LETTER,
            key=f"letter:{letter}",
            what=f"event {_text(event, 'event')} was given up after {tries} tries: {_text(event, 'reason')}",
            answer=f"loop routes replay {letter}",
            at=event.at,
            seq=event.seq,
        )
    )


def _route_replayed(ledger: Ledger, event: Event) -> Ledger:
    return ledger.settled(f"letter:{_text(event, 'letter')}")


def _delivery_resolved(ledger: Ledger, event: Event) -> Ledger:
    return ledger.settled(f"delivery:{_text(event, 'op')}")


def _gave_up(ledger: Ledger, event: Event) -> Ledger:
    lane = _text(event, "lane")
    return ledger.noted(
        Notice(
            kind=NoticeKind.LANE_GAVE_UP,
            key=f"lane-gave-up:{lane}",
            what=f"lane {lane} was given up: {_text(event, 'reason')}",
            answer=f"loop lane restart {lane}",
            at=event.at,
            seq=event.seq,
        )
    )


def _lane_changed(ledger: Ledger, event: Event) -> Ledger:
    ledger = _lane_moved(ledger, event)
    now, lane = str(event.payload.get("now")), _text(event, "lane")
    if now not in WAITING:
        return ledger
    return replace(ledger, waits={**ledger.waits, lane: Wait(now, event.at, event.seq)})


def _lane_moved(ledger: Ledger, event: Event) -> Ledger:
    """It asks no longer, or something else."""
    lane = _text(event, "lane")
    waits = {name: one for name, one in ledger.waits.items() if name != lane}
    return replace(ledger, waits=waits).settled(f"lane-waits:{lane}")


def _lane_begun(ledger: Ledger, event: Event) -> Ledger:
    return _lane_moved(ledger, event).settled(f"lane-gave-up:{_text(event, 'lane')}")


def _session_down(ledger: Ledger, event: Event) -> Ledger:  # noqa: ARG001 - every step has this signature
    return replace(ledger, waits={}).settled("lane-waits", "lane-gave-up")


def _brain_failed(ledger: Ledger, event: Event) -> Ledger:
    brain, failure = _text(event, "brain"), str(event.payload.get("failure"))
    if failure == FailureKind.BUDGET:
        until = f"; the next call is possible at {_text(event, 'until')}" if event.payload.get("until") else ""
        what, answer = f"the budget for calls of the brain is used up{until}", "loop engine status"
        return ledger.noted(
            Notice(kind=NoticeKind.BUDGET, key="budget", what=what, answer=answer, at=event.at, seq=event.seq)
        )
    said = {FailureKind.AUTH.value: "is not logged in", FailureKind.MODEL_UNAVAILABLE.value: "has no such model now"}
    if failure not in said:
        return ledger
    return ledger.noted(
        Notice(
            kind=NoticeKind.BRAIN,
            key=f"brain:{brain}",
            what=f"brain {brain} {said[failure]}, and decides nothing",
            answer="loop engine status, and after mending it: loop engine once --retry",
            at=event.at,
            seq=event.seq,
        )
    )


def _brain_called(ledger: Ledger, event: Event) -> Ledger:
    """A program was called, so there is a budget again; the built-in brain needs none."""
    return ledger if event.payload.get("brain") == "rules" else ledger.settled("budget")


def _brain_replied(ledger: Ledger, event: Event) -> Ledger:
    return ledger.settled(f"brain:{_text(event, 'brain')}")


def _stale(ledger: Ledger, event: Event) -> Ledger:
    what = "the installed program is another than the one that the engine runs"
    return ledger.noted(
        Notice(kind=NoticeKind.CODE, key="code", what=what, answer="loop restart", at=event.at, seq=event.seq)
    )


def _watch_started(ledger: Ledger, event: Event) -> Ledger:
    ledger = ledger.settled("code")
    took_over = _text(event, "took_over")
    if not took_over:
        return ledger
    return ledger.noted(
        Notice(
            kind=NoticeKind.TAKEOVER,
            key=f"takeover:{event.seq}",
            what=f"an engine (pid {_text(event, 'pid')}) took over from one that was killed ({took_over})",
            answer="loop status",
            at=event.at,
            seq=event.seq,
            passing=True,
        )
    )


def _mail_sent(ledger: Ledger, event: Event) -> Ledger:
    if event.payload.get("to") not in ("person", "human"):
        return ledger
    file = _text(event, "file")
    return ledger.noted(
        Notice(
            kind=NoticeKind.MAIL,
            key=f"mail:{file}",
            what=f"mail from {_text(event, 'from')}: {_text(event, 'subject')}",
            answer=f"loop mail show {file}",
            at=event.at,
            seq=event.seq,
        )
    )


def _mail_acked(ledger: Ledger, event: Event) -> Ledger:
    return ledger.settled(f"mail:{_text(event, 'file')}")


def _task_moved(ledger: Ledger, event: Event) -> Ledger:
    task = _text(event, "task")
    if event.payload.get("now") != "review":
        return ledger.settled(f"review:{task}")
    return ledger.noted(
        Notice(
            kind=NoticeKind.REVIEW,
            key=f"review:{task}",
            what=f"task {task} is in review",
            answer=f"loop task show {task}, then: loop task done {task}",
            at=event.at,
            seq=event.seq,
        )
    )


_STEPS: Mapping[str, _Step] = {
    "decision.filed": _decision_filed,
    "escalated": _escalated,
    "decision.approved": _decision_settled,
    "decision.rejected": _decision_settled,
    "decision.expired": _decision_settled,
    "decision.archived": _decision_closed,
    "item.closed": _item_closed,
    "delivery.closed": _delivery_closed,
    "delivery.resolved": _delivery_resolved,
    "route.dead": _route_dead,
    "route.replayed": _route_replayed,
    "lane.gave-up": _gave_up,
    "lane.changed": _lane_changed,
    "lane.exited": _lane_moved,
    "lane.dropped": _lane_begun,
    "lane.added": _lane_begun,
    "lane.restarting": _lane_begun,
    "lane.restarted": _lane_begun,
    "session.down": _session_down,
    "brain.failed": _brain_failed,
    "brain.called": _brain_called,
    "brain.replied": _brain_replied,
    "watch.stale": _stale,
    "watch.started": _watch_started,
    "mail.sent": _mail_sent,
    "mail.acked": _mail_acked,
    "task.moved": _task_moved,
}
"""Kind of event -> what it does to the ledger. Other kinds need nobody."""
