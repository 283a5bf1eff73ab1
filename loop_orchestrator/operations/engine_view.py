"""The engine as it stands on disk: who watches, what waits, what it may spend. Reads files and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_age, format_time
from loop_orchestrator.operations.shapes import Json, decision_shape, event_shape, item_shape, time_or_none
from loop_orchestrator.process import installed

if TYPE_CHECKING:
    from loop_orchestrator.model.brain import BrainRest
    from loop_orchestrator.model.budget import Spent
    from loop_orchestrator.model.decision import Decision
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.stores.brains import BrainRests
    from loop_orchestrator.stores.budget import Budget
    from loop_orchestrator.stores.control import Control, WatchRecord
    from loop_orchestrator.stores.decisions import DecisionStore
    from loop_orchestrator.stores.eventlog import EventLog

LAST_EVENTS = 5
"""Events that a status shows: what happened since one last looked, on one screen."""


class EngineWord(StrEnum):
    """What the engine of a session does."""

    RUNNING = "running"
    """a daemon watches the session"""
    PAUSED = "paused"
    """a daemon watches, and starts no cycle"""
    STOPPED = "stopped"
    """no daemon watches"""


@dataclass(frozen=True, kw_only=True)
class EngineStatus:
    """The engine of one session."""

    word: EngineWord
    paused_by: str
    """empty: not paused; also said while no daemon runs"""
    pid: int | None
    since: datetime | None
    code: str
    """``current``, ``stale`` (the daemon runs other code than is installed), or empty without a daemon"""
    decisions: tuple[Decision, ...]
    """of which something is left to do, oldest first"""
    unreadable: tuple[str, ...]
    """what could not be read of them"""
    spent: Spent
    resting: tuple[BrainRest, ...]
    """brains that are left out for a while after a failure"""
    last_events: tuple[Event, ...]


def engine_status(
    control: Control, decisions: DecisionStore, events: EventLog, budget: Budget, rests: BrainRests
) -> EngineStatus:
    """The engine of this session; writes nothing."""
    holder, record = control.watch_lock().holder(), control.watch()
    paused_by = control.paused() or ""
    word = EngineWord.STOPPED if holder is None else EngineWord.PAUSED if paused_by else EngineWord.RUNNING
    return EngineStatus(
        word=word,
        paused_by=paused_by,
        pid=holder.pid if holder else None,
        since=holder.since if holder else None,
        code=code_of(record) if record is not None else "",
        decisions=decisions.open_decisions(),
        unreadable=decisions.unreadable(),
        spent=budget.spent(),
        resting=tuple(rests.resting().values()),
        last_events=events.tail(LAST_EVENTS),
    )


def code_of(record: WatchRecord) -> str:
    """``current`` where the daemon runs what is installed now, else ``stale``: by content, whatever the times say."""
    if record.stamp == installed.stamp():
        return "current"
    return "current" if record.code == installed.digest() else "stale"


def meant_decision(decisions: DecisionStore, given: str) -> str:
    """The id of the one waiting decision that begins with this; what was given where none does, or several do.

    Decisions that are being carried out come and go; they do not make the beginning of a waiting one ambiguous.
    """
    from loop_orchestrator.model.decision import DecisionStatus

    waiting = [one.id for one in decisions.open_decisions() if one.status is DecisionStatus.WAITING]
    fitting = [one for one in waiting if one.startswith(given)]
    return fitting[0] if len(fitting) == 1 else given


def engine_shape(status: EngineStatus) -> Json:
    """``state``, ``pid``, ``since``, ``code``: what ``loop engine status --json`` has under ``engine``."""
    return {
        "state": status.word.value,
        "paused_by": status.paused_by or None,
        "pid": status.pid,
        "since": time_or_none(status.since),
        "code": status.code or None,
    }


def budget_shape(status: EngineStatus) -> Json:
    spent, limits = status.spent, status.spent.limits
    return {
        "calls_left": spent.calls_left,
        "max_calls_per_hour": limits.calls_per_hour,
        "max_calls_per_day": limits.calls_per_day,
        "usd_24h": spent.usd if limits.usd_per_day is not None or not spent.unpriced else None,
        "unpriced_calls_24h": spent.unpriced,
        "max_usd_per_day": limits.usd_per_day,
    }


def budget_line(spent: Spent) -> str:
    """``budget: 3 brain calls left (12 per hour)``, and the money where it is limited."""
    limits = spent.limits
    bounds = [f"{limits.calls_per_hour} per hour"]
    bounds += [] if limits.calls_per_day is None else [f"{limits.calls_per_day} per day"]
    line = f"budget: {spent.calls_left} brain calls left ({', '.join(bounds)})"
    if limits.usd_per_day is not None:
        line += f", {spent.usd:.2f} of {limits.usd_per_day:g} USD used in 24 hours"
    return line


def rest_line(rest: BrainRest, now: datetime) -> str:
    """``claude is not asked before 2026-11-30T21:00:00.000Z, in 2h (quota): it ended with …``"""
    wait = format_age((rest.until - now).total_seconds())
    return (
        f"{rest.brain} is not asked before {format_time(rest.until)}, in {wait} ({rest.failure.value}): {rest.reason}"
    )


def rest_shape(rest: BrainRest) -> Json:
    return {
        "brain": rest.brain,
        "failure": rest.failure.value,
        "reason": rest.reason,
        "since": format_time(rest.since),
        "until": format_time(rest.until),
        "failures": rest.failures,
    }


def full_decision_shape(decision: Decision) -> Json:
    """A decision with every field of every action."""
    from loop_orchestrator.actions.base import ActionKind

    items: list[JsonValue] = []
    for item in decision.items:
        fields = item.action.to_fields() if isinstance(item.action, ActionKind) else {}
        items.append(item_shape(item, fields))
    return decision_shape(decision, items)


def engine_document(session: str, status: EngineStatus) -> Json:
    """The document of ``loop engine status --json``."""
    decisions: list[JsonValue] = [full_decision_shape(decision) for decision in status.decisions]
    last_events: list[JsonValue] = [event_shape(event) for event in status.last_events]
    unreadable: list[JsonValue] = list(status.unreadable)
    return {
        "session": session,
        "engine": engine_shape(status),
        "decisions": decisions,
        "unreadable": unreadable,
        "budget": budget_shape(status),
        "resting_brains": [rest_shape(rest) for rest in status.resting],
        "last_events": last_events,
    }
