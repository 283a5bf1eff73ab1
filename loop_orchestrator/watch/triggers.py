"""Which changes call for a cycle, and when it may start. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from loop_orchestrator.engine.rules import LONG_UNKNOWN_S, SILENT_S
from loop_orchestrator.model.ask import Ask, AskStatus
from loop_orchestrator.model.lane import WORD_OF, Detail, Lane, LaneWord
from loop_orchestrator.model.snapshot import Snapshot, Unknown
from loop_orchestrator.model.task import Task, ready_tasks

BACKOFF_FIRST_S = 60.0
"""Wait after a first failure of the brain. At half, an outage costs twice the calls; at double, it ends unnoticed."""

HELD_S = 15.0
"""Wait after a cycle that could not write to the disk. At half, twice the tries at a full one; at double, work waits
half a minute after there is space again."""

BACKOFF_MOST_S = 3600.0
"""Longest wait between two tries: the budget of calls is per hour."""


ASKS_UNREAD = frozenset({"what was asked cannot be read"})
"""In place of the asks that ended; it calls for a cycle once, which tells the brain."""


@dataclass(frozen=True)
class Trigger:
    """One reason for a cycle."""

    why: str
    """mail, ask, task, lane, decision or state"""
    detail: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the daemon compares: as much of the project as can call for a cycle."""

    mail: frozenset[str] = frozenset()
    """files of pending messages"""
    tasks: frozenset[str] = frozenset()
    """ids of ready tasks"""
    asks: frozenset[str] = frozenset()
    """asks that ended lately, a sentence each"""
    lanes: Mapping[str, str] | None = None
    """lane -> detail of its state; None: not looked at, or not readable"""
    decisions: frozenset[str] = frozenset()
    """unfinished decisions, and each with every lane that it still acts on: ``d-1``, ``d-1 web``"""
    settling: frozenset[str] = frozenset()
    """lanes that were seen at rest once after they worked"""
    overdue: frozenset[str] = frozenset()
    """what has lasted for too long, a sentence each: no change tells of it"""
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
        asks=ASKS_UNREAD if isinstance(snapshot.asks, Unknown) else ended_asks(snapshot.asks, snapshot.at),
        lanes=lanes,
        decisions=decisions,
        state_version=state_version,
    )


def ended_asks(asks: Iterable[Ask], now: datetime) -> frozenset[str]:
    """A sentence for each ask that was answered, or whose time was over, lately."""
    ended = {AskStatus.REPLIED: "{lane} answered {id}", AskStatus.TIMED_OUT: "{lane} did not answer {id} in time"}
    return frozenset(
        ended[ask.status].format(lane=ask.lane, id=ask.id) for ask in asks if ask.status in ended and ask.is_recent(now)
    )


def settled(before: Look, now: Look, *, too_soon: Collection[str] = ()) -> Look:
    """The new look, with a lane that worked still at work until it is seen at rest twice.

    Between two steps of a turn a screen may show an empty composer for a moment.
    too_soon: lanes that were seen at rest once so lately that seeing it again says nothing.
    """
    if now.lanes is None:
        return replace(now, settling=before.settling)
    was = before.lanes or {}
    first = frozenset(
        name
        for name, detail in now.lanes.items()
        if (name not in before.settling or name in too_soon)
        and WORD_OF[Detail(detail)] is LaneWord.IDLE
        and name in was
        and WORD_OF[Detail(was[name])] is LaneWord.WORKING
    )
    return replace(now, lanes={**now.lanes, **{name: was[name] for name in first}}, settling=first)


def lanes_moved(before: Look, lanes: Mapping[str, str]) -> bool:
    """Whether these details say anything that the last look does not know, its lanes that come to rest included."""
    was = before.lanes or {}
    known = {
        name: detail
        for name, detail in lanes.items()
        if not (name in before.settling and WORD_OF[Detail(detail)] is LaneWord.IDLE)
    }
    return before.lanes is None or was.keys() != lanes.keys() or any(was[name] != known[name] for name in known)


def changes(before: Look, now: Look) -> tuple[Trigger, ...]:
    """What is new and calls for a cycle, in a fixed order."""
    found = [Trigger("mail", file) for file in sorted(now.mail - before.mail)]
    found += [Trigger("ask", one) for one in sorted(now.asks - before.asks)]
    found += [Trigger("task", f"{task} is ready") for task in sorted(now.tasks - before.tasks)]
    if now.lanes is not None:
        found += _lane_changes(before.lanes or {}, now.lanes)
    found += [Trigger("lane", one) for one in sorted(now.overdue - before.overdue)]
    found += [Trigger("decision", f"{one} is finished") for one in sorted(before.decisions - now.decisions)]
    if before.state_version and now.state_version != before.state_version:
        found.append(Trigger("state", "the state file changed"))
    return tuple(found)


def overdue(
    lanes: Iterable[Lane],
    since: Mapping[str, datetime],
    now: datetime,
    *,
    awaited: Collection[str],
    claimed: Collection[str],
    tasks: Iterable[Task],
) -> frozenset[str]:
    """What has lasted too long: an unknown state, silence about work that was handed over, a task beside a lane.

    awaited: lanes that have a task or a message and did not answer. claimed: lanes that a decision acts on.
    """
    long: set[str] = set()
    roles: set[str] = set()
    for lane in lanes:
        age_s = (now - since.get(lane.name, now)).total_seconds()
        if not lane.record.agent:
            continue
        if lane.state.word is LaneWord.UNKNOWN and age_s > LONG_UNKNOWN_S:
            long.add(f"{lane.name} has long been {lane.state.detail.value}")
        if lane.state.ready and age_s > SILENT_S and lane.name in awaited:
            long.add(f"{lane.name} has long been silent")
        if lane.state.ready and age_s > SILENT_S and lane.name not in {*awaited, *claimed}:
            roles.add(lane.record.spec.role)
    long |= {f"{task.id} has long been ready beside an idle lane" for task in tasks if task.role in roles}
    return frozenset(long)


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
    retry_wait_s: float = 0.0
    """how far ahead that was set"""
    for_brain: bool = False
    """that wait is for a brain that may be asked; once one may, it is over"""
    look: Look = field(default_factory=Look)
    """the last look"""

    def started(self, at: datetime) -> Pace:
        return replace(self, last_start=at)

    def succeeded(self, served: int) -> Pace:
        return replace(self, served=served, failures=0, retry_at=None, retry_wait_s=0.0, for_brain=False)

    def held(self, at: datetime) -> Pace:
        """Something that was no failure of the brain, such as a full disk: the triggers stay, and no wait grows."""
        return replace(self, for_brain=False)._waiting(at, HELD_S)

    def failed(self, at: datetime, until: datetime | None = None) -> Pace:
        """The triggers stay; the next try waits until a brain may be asked again.

        Where that is not known, it waits twice as long as the last, up to BACKOFF_MOST_S.
        """
        wait_s = _backoff_s(self.failures) if until is None else max(0.0, (until - at).total_seconds())
        return replace(self, failures=self.failures + 1, for_brain=until is not None)._waiting(at, wait_s)

    def freed(self) -> Pace:
        """A brain may be asked before the time at which that was expected: a person had it asked, or paid for more."""
        return replace(self, retry_at=None, retry_wait_s=0.0, for_brain=False)

    def _waiting(self, at: datetime, wait_s: float) -> Pace:
        return replace(self, retry_at=at + timedelta(seconds=wait_s), retry_wait_s=wait_s)


def start_wait_s(pace: Pace, now: datetime, *, min_interval_s: float) -> float:
    """Seconds until the next cycle may start.

    A time that lies further ahead than it was ever set belongs to a clock that was put back since: it is over.
    """
    waits = [0.0]
    if pace.retry_at:
        waits.append(_left_s(pace.retry_at - now, pace.retry_wait_s))
    if pace.last_start:
        waits.append(_left_s(pace.last_start + timedelta(seconds=min_interval_s) - now, min_interval_s))
    return max(waits)


def _left_s(left: timedelta, most_s: float) -> float:
    return left.total_seconds() if left.total_seconds() <= most_s else 0.0


def _backoff_s(failures: int) -> float:
    return min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** max(0, failures))
