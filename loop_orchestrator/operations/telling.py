"""Events as sentences for a person who looks on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
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
        "notice.sent",
        "task.assigned",
        "actor.stopped",
        "route.claimed",
        "source.emitted",
    }
)
"""Steps on the way to something that is told, or told by `loop status`."""


class Weight(StrEnum):
    """How much an event matters to a person who looks on."""

    QUIET = "quiet"
    """a step on the way"""
    PLAIN = "plain"
    """something happened"""
    PERSON = "person"
    """it needs a person"""
    FAILURE = "failure"
    """something went wrong"""


_FAILURES = frozenset(
    {
        *("adr.refused", "approval.refused", "brain.failed", "control.lost", "crash", "lane.gave-up", "mail.failed"),
        *("notice.failed", "observe.incomplete", "route.dead", "signal.refused"),
    }
)
_FOR_A_PERSON = frozenset({"escalated", "harness.drift", "lane.restart-postponed", "prompt.overflow", "watch.stale"})


def weight_of(event: Event) -> Weight:
    payload = event.payload
    if event.kind in _FAILURES or (event.kind == "item.closed" and payload.get("status") in ("failed", "unknown")):
        return Weight.FAILURE
    if event.kind == "lane.exited" and payload.get("exit_status") != 0:
        return Weight.FAILURE
    if event.kind == "delivery.closed" and payload.get("status") in ("not-delivered", "unknown"):
        return Weight.FAILURE
    if event.kind == "watch.started" and payload.get("took_over"):
        return Weight.FAILURE
    if event.kind in _FOR_A_PERSON or (event.kind == "decision.filed" and payload.get("waiting")):
        return Weight.PERSON
    return Weight.QUIET if event.kind in QUIET else Weight.PLAIN


_ROWS: Mapping[str, str] = {
    "brain.called": "{brain} is asked",
    "brain.failed": "{brain}: {failure}: {reason}",
    "brain.replied": "{brain} answered after {duration_s} s",
    "control.lost": "{reason}; it looks by itself",
    "crash": "{what}: {reason}; it is tried again",
    "cycle.ended": "{outcome}, after {duration_s} s",
    "decision.archived": "{decision}",
    "decision.approved": "{decision} by {by}",
    "decision.rejected": "{decision} by {by} {reason}",
    "delivery.closed": "{lane}: {status} ({op})",
    "delivery.queued": "{lane}: {op}, behind {before}",
    "delivery.resolved": "{op}: {outcome} (by {by})",
    "delivery.taken": "{lane}: {op}, after {waited_s} s",
    "escalated": "{summary}",
    "item.closed": "{kind} {target}: {status} {note}",
    "item.started": "{kind} {target}",
    "lane.added": "{lane}: {harness} as {role}",
    "lane.changed": "{lane}: {was} -> {now}",
    "lane.dropped": "{lane} by {by}",
    "lane.exited": "{lane}: exit status {exit_status}",
    "lane.gave-up": "{lane}: {reason}; loop lane restart {lane}",
    "lane.restarted": "{lane}, restart {attempt} in a row",
    "lane.restarting": "{lane}, restart {attempt} in a row: {reason}",
    "mail.acked": "{file} by {by}",
    "mail.sent": "{from} -> {to}: {subject}",
    "notice.failed": "{service}: {reason}",
    "prompt.cut": "for {brain}, to {tokens} tokens: loop engine prompt --sizes",
    "prompt.long": "for {brain}: about {tokens} tokens",
    "prompt.overflow": "the checkpoint fits into none; {brain} was told to have it trimmed",
    "task.assigned": "{task} to {lane} ({purpose})",
    "task.moved": "{task}: {was} -> {now} (by {by})",
    "task.proved": "{task}: {answer} (by {by})",
    "actor.stopped": "{actor} {outcome} {reason}",
    "route.claimed": "{actor} begins, try {attempt}",
    "route.dead": "{route}: {reason}; loop routes replay {letter}",
    "source.emitted": "{detail}",
    "watch.stale": "the installed program is another now: loop restart",
    "watch.stopped": "{reason}",
}
"""Kind -> the row of its event behind the kind itself, with fields of its payload; the other kinds list theirs."""


class _Told(dict[str, str]):
    """Fields of a payload; one that a line of an older release lacks is empty."""

    def __missing__(self, name: str) -> str:
        return ""


def _in_place_of(killed: str) -> str:
    return f", in place of one that was killed: {killed}" if killed else ""


def row_text(event: Event) -> str:
    """What happened in a few words, for the row of an event whose kind stands before them."""
    told = _Told({name: "" if value is None else str(value) for name, value in event.payload.items()})
    match event.kind:
        case "watch.started":
            return f"pid {told['pid']}{_in_place_of(told['took_over'])}"
        case "cycle.started":
            return _first(_list(event, "why"))
        case "decision.filed":
            waiting = len(_list(event, "waiting"))
            if not waiting:
                return f"{told['decision']}: nothing waits"
            return f"{'waits' if waiting == 1 else f'{waiting} wait'}: loop approve {told['decision']}"
        case "brain.replied" if told["brain"] != "rules":
            return f"{told['brain']}: {usage_words(event.payload)}"
        case "session.up":
            return _session_up(event).removeprefix("session up: ")
        case "notice.sent":
            return f"{told['service']} told you of {_first(_list(event, 'things'))}"
    if event.kind in _ROWS:
        return " ".join(_ROWS[event.kind].format_map(told).split()).replace(" :", ":")
    return " ".join(f"{name} {value}" for name, value in told.items() if value)


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
            return f"the engine watches (pid {told['pid']}){_in_place_of(told.get('took_over', ''))}"
        case "watch.stopped":
            return f"the engine stopped: {told['reason']}"
        case "watch.stale":
            return "the installed program is another than the one that runs: loop restart"
        case "notice.failed":
            return f"{told['service']} does not tell you: {told['reason']}"
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
