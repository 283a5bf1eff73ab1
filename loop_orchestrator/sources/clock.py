"""What nothing but time tells of: something has lasted for too long."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from loop_orchestrator.model.lane import Lane, LaneWord
from loop_orchestrator.model.route import Emission
from loop_orchestrator.model.task import Task
from loop_orchestrator.sources.base import SourceKind
from loop_orchestrator.sources.look import Look

LONG_UNKNOWN_S = 120.0
"""Seconds after which a lane whose state is unknown is put before a person. At half, slow boots are escalated; at
double, a lane that hangs at an unknown dialog costs minutes of a night."""

SILENT_S = 120.0
"""Seconds after a hand-over in which an idle lane may still be about to begin. At half, a slow program is taken for a
silent one; at double, a finished lane that forgot to report is noticed later."""


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


def _compare(before: Look, now: Look) -> Iterator[Emission]:
    for one in sorted(now.overdue - before.overdue):
        yield Emission("clock", "overdue", f"{one}#{now.number}", one)


CLOCK = SourceKind("clock", {"overdue": "something has lasted for too long"}, _compare)
