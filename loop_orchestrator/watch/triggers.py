"""Which changes call for a cycle, and when it may start. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from loop_orchestrator.model.lane import WORD_OF, Detail, Lane, LaneWord
from loop_orchestrator.model.snapshot import Snapshot, Unknown
from loop_orchestrator.model.task import ready_tasks

BACKOFF_FIRST_S = 60.0
"""Wait after a first failure of the brain. At half, an outage costs twice the calls; at double, it ends unnoticed."""

BACKOFF_MOST_S = 3600.0
"""Longest wait between two tries: the budget of calls is per hour."""


@dataclass(frozen=True)
class Trigger:
    """One reason for a cycle."""

    why: str
    """mail, task, lane, decision or start"""
    detail: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the daemon compares: as much of the project as can call for a cycle."""

    mail: frozenset[str] = frozenset()
    """files of pending messages"""
    tasks: frozenset[str] = frozenset()
    """ids of ready tasks"""
    lanes: Mapping[str, str] | None = None
    """lane -> detail of its state; None: not looked at, or not readable"""
    decisions: frozenset[str] = frozenset()
    """ids of unfinished decisions"""
    settling: frozenset[str] = frozenset()
    """lanes that were seen at rest once after they worked"""
    state_version: str = ""
    """stands for the content of the state file"""


def details_of(lanes: Iterable[Lane]) -> dict[str, str]:
    """Lane -> detail, of the lanes that take text: what a command lane does calls for nothing."""
    return {lane.name: lane.state.detail.value for lane in lanes if not lane.record.spec.cmd}


def look_of(
    snapshot: Snapshot, *, lanes: Mapping[str, str] | None, decisions: frozenset[str], state_version: str
) -> Look:
    """The look that a cycle took; ``lanes``: what is known of them after it, texts delivered by it included."""
    mail = () if isinstance(snapshot.mail, Unknown) else snapshot.mail
    tasks = () if isinstance(snapshot.tasks, Unknown) else ready_tasks(snapshot.tasks)
    return Look(
        mail=frozenset(message.file for message in mail),
        tasks=frozenset(task.id for task in tasks),
        lanes=lanes,
        decisions=decisions,
        state_version=state_version,
    )


def settled(before: Look, now: Look) -> Look:
    """The new look, with a lane that worked still at work until it is seen at rest twice.

    Between two steps of a turn a screen may show an empty composer for a moment.
    """
    if now.lanes is None:
        return replace(now, settling=before.settling)
    was = before.lanes or {}
    first = frozenset(
        name
        for name, detail in now.lanes.items()
        if name not in before.settling
        and WORD_OF[Detail(detail)] is LaneWord.IDLE
        and name in was
        and WORD_OF[Detail(was[name])] is LaneWord.WORKING
    )
    return replace(now, lanes={**now.lanes, **{name: was[name] for name in first}}, settling=first)


def changes(before: Look, now: Look) -> tuple[Trigger, ...]:
    """What is new and calls for a cycle, in a fixed order."""
    found = [Trigger("mail", file) for file in sorted(now.mail - before.mail)]
    found += [Trigger("task", f"{task} is ready") for task in sorted(now.tasks - before.tasks)]
    if now.lanes is not None:
        found += _lane_changes(before.lanes or {}, now.lanes)
    found += [Trigger("decision", f"{one} is finished") for one in sorted(before.decisions - now.decisions)]
    if before.state_version and now.state_version != before.state_version:
        found.append(Trigger("state", "the state file changed"))
    return tuple(found)


def _lane_changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[Trigger]:
    """A lane that came to rest, needs somebody, or is new and ready. A lane that begins to work calls for nothing."""
    found = []
    for name, detail in sorted(now.items()):
        if detail == before.get(name) or WORD_OF[Detail(detail)] in (LaneWord.WORKING, LaneWord.UNKNOWN):
            continue
        if Detail(detail) is not Detail.DRAFT:
            found.append(Trigger("lane", f"{name} is {detail}"))
    return found


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What is remembered between cycles; on disk, so that a restart does not forget a wait."""

    served: int = 0
    """sequence number of the last trigger that a finished cycle knew of"""
    last_start: datetime | None = None
    failures: int = 0
    """failures of the brain in a row"""
    retry_at: datetime | None = None
    """no cycle before this"""
    look: Look = field(default_factory=Look)
    """the last look"""

    def started(self, at: datetime) -> Pace:
        return replace(self, last_start=at)

    def succeeded(self, served: int) -> Pace:
        return replace(self, served=served, failures=0, retry_at=None)

    def failed(self, at: datetime) -> Pace:
        """The triggers stay; the next try waits twice as long as the last, up to BACKOFF_MOST_S."""
        wait_s = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0**self.failures)
        return replace(self, failures=self.failures + 1, retry_at=at + timedelta(seconds=wait_s))


def may_start_at(pace: Pace, *, min_interval_s: float) -> datetime | None:
    """The earliest time of the next cycle; None: at once."""
    waits = [pace.retry_at] if pace.retry_at else []
    if pace.last_start:
        waits.append(pace.last_start + timedelta(seconds=min_interval_s))
    return max(waits) if waits else None
