"""Events as sentences for a person who looks on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_age
from loop_orchestrator.model.event import Event

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

QUIET = frozenset(
    {
        "brain.called",
        "control.connected",
        "cycle.ended",
        "decision.archived",
        "delivery.closed",
        "item.started",
        "lane.changed",
        "mail.acked",
        "task.assigned",
        "trigger.noted",
    }
)
"""Steps on the way to something that is told, or told by `loop status`."""


def sentence(event: Event) -> str:
    """What happened, in one line; empty for events that need no telling."""
    if event.kind in QUIET:
        return ""
    told = {name: str(value) for name, value in event.payload.items()}
    match event.kind:
        case "session.up":
            return _session_up(event)
        case "session.down":
            return f"session ended by {told['by']}"
        case "snapshot.made":
            return f"uncommitted work of {told['lane']} was saved: loop undo show {told['ref'].split('/', 3)[3]}"
        case "watch.started":
            return f"the engine watches (pid {told['pid']})"
        case "watch.stopped":
            return f"the engine stopped: {told['reason']}"
        case "engine.paused" | "engine.resumed":
            return f"the engine was {event.kind.removeprefix('engine.')} by {told['by']}"
        case "mail.sent":
            return f"mail {told['from']} -> {told['to']}: {told['subject']}"
        case "brain.replied":
            return "" if told["brain"] == "rules" else f"brain {told['brain']} answered: {usage_words(event.payload)}"
        case "brain.failed":
            return f"brain {told['brain']} failed ({told['failure']}): {told['reason']}{_asked_again(event)}"
        case "brain.corrected":
            return f"the reply breaks the contract and is quoted back to the brain: {told['problem']}"
        case "cycle.started":
            return "cycle, because of " + _first(_list(event, "why"))
        case "prompt.long":
            return f"the prompt for {told['brain']} is long: about {told['tokens']} tokens"
        case "prompt.cut":
            return f"the prompt for {told['brain']} was cut to {told['tokens']} tokens: loop engine prompt --sizes"
        case "prompt.overflow":
            return f"the checkpoint fits into no prompt; {told['brain']} was told to have it trimmed"
        case "decision.filed":
            waiting = _list(event, "waiting")
            which = f"action {', '.join(map(str, waiting))} waits for a person"
            return f"decision {told['decision']}: {which}" if waiting else ""
        case "item.closed":
            ended = ":".join(told["note"].split(":")[:2])  # the rest is what the screen showed
            return "" if told["kind"] == "stop" else f"{told['kind']} {told['target']}: {ended}".replace("  ", " ")
        case "task.moved":
            return f"task {told['task']}: {told['was']} -> {told['now']} (by {told['by']})"
        case "task.proved":
            return f"task {told['task']}: {told['answer']} (by {told['by']})"
        case "ask.made":
            return f"{told['lane']} is asked for an answer within {format_age(float(told['timeout_s']))}"
        case "ask.replied":
            return f"{told['lane']} answered {told['ask']}" + (", late" if event.payload["late"] else "")
        case "ask.timed-out":
            return f"{told['lane']} did not answer {told['ask']} in time"
        case "stop.refused":
            return f"not stopped: {told['reason']}"
        case "handoff.noted":
            return f"the state of {told['lane']} is not on its page: {told['reason']}" if told["reason"] else ""
        case "decision.approved" | "decision.rejected":
            return f"{event.kind.removeprefix('decision.')} by {told['by']}"
    return f"{event.kind}: " + ", ".join(f"{name} {value}" for name, value in told.items() if value not in ("", "None"))


def usage_words(call: Mapping[str, JsonValue]) -> str:
    """``1200 tokens in, 30 out, 0.012 USD, after 3.2 s``; what is not known is n/a.

    call: as ``brain.replied`` has it.
    """
    usage = call.get("usage")
    used = usage if isinstance(usage, dict) else {}
    tokens = [used.get(name) for name in ("input_tokens", "output_tokens")]
    known = ["n/a" if count is None else str(count) for count in tokens]
    return f"{known[0]} tokens in, {known[1]} out, {_usd(used)} USD, after {call.get('duration_s')} s"


def _usd(used: Mapping[str, JsonValue]) -> str:
    """Two digits that say something, so that no cost reads as zero."""
    usd = used.get("cost_usd")
    if isinstance(usd, bool) or not isinstance(usd, int | float):
        return "n/a"
    digits = 2 if usd <= 0 else max(2, 1 - floor(log10(usd)))
    return f"{usd:.{digits}f}"


def _asked_again(event: Event) -> str:
    until = event.payload.get("until")
    return f"; it is asked again from {until} on" if until else ""


def _session_up(event: Event) -> str:
    added, adopted = _list(event, "added"), _list(event, "adopted")
    parts = [f"started {', '.join(map(str, added))}"] if added else []
    parts += [f"kept {', '.join(map(str, adopted))}"] if adopted else []
    return f"session up: {'; '.join(parts) or 'no lanes'}"


def _list(event: Event, name: str) -> Sequence[object]:
    value = event.payload.get(name)
    return value if isinstance(value, list) else []


def _first(reasons: Sequence[object]) -> str:
    """The first three of many."""
    more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return ", ".join(map(str, reasons[:3])) + more
