"""What lanes come to: at rest, in need of somebody, or ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from loop_orchestrator.model.lane import WORD_OF, Detail, Lane, LaneWord, SignalSource
from loop_orchestrator.model.route import Emission
from loop_orchestrator.sources.base import SourceKind
from loop_orchestrator.sources.look import Look
from loop_orchestrator.substrate.readiness import FRESH_S


def details_of(lanes: Iterable[Lane]) -> dict[str, str]:
    """Lane -> detail, of the lanes that take text: what a command lane does calls for nothing."""
    return {lane.name: lane.state.detail.value for lane in lanes if not lane.record.spec.cmd}


def told_at_rest(lanes: Iterable[Lane], now: datetime) -> frozenset[str]:
    """Lanes at rest whose program said so itself, last and just now: what it shows need not settle."""
    return frozenset(lane.name for lane in lanes if lane.state.word is LaneWord.IDLE and _said_so(lane, now))


def _said_so(lane: Lane, now: datetime) -> bool:
    said = [one for one in lane.state.evidence if one.source is SignalSource.HARNESS]
    last = max(said, key=lambda one: one.at, default=None)
    return last is not None and last.word is LaneWord.IDLE and (now - last.at).total_seconds() <= FRESH_S


def settled(before: Look, now: Look, *, too_soon: Collection[str] = ()) -> Look:
    """The new look, with a lane that worked still at work until it is seen at rest twice.

    Between two steps of a turn a screen may show an empty composer for a moment; a program that says that its turn is
    over, ``told``, is believed at once.
    too_soon: lanes that were seen at rest once so lately that seeing it again says nothing.
    """
    if now.lanes is None:
        return replace(now, settling=before.settling)
    was = before.lanes or {}
    first = frozenset(
        name
        for name, detail in now.lanes.items()
        if (name not in before.settling or name in too_soon)
        and name not in now.told
        and WORD_OF[Detail(detail)] is LaneWord.IDLE
        and name in was
        and is_working(was[name])
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


def is_working(detail: str) -> bool:
    return WORD_OF[Detail(detail)] is LaneWord.WORKING


_ENDED = {
    Detail.EXITED: "exited",
    Detail.MISSING: "missing",
    Detail.SUSPENDED: "suspended",
}
"""Errored without a program that goes on; the others failed at something."""


def _compare(before: Look, now: Look) -> Iterator[Emission]:
    """A lane that came to rest, needs somebody, or is new and ready. A lane that begins to work calls for nothing."""
    known = before.lanes or {}
    for name, detail in sorted((now.lanes or {}).items()):
        was = known.get(name, "")
        event = _event(was, Detail(detail)) if detail != was else ""
        if event:
            data = {"lane": name, "was": was, "now": detail}
            yield Emission("lanes", event, f"{name} {detail}#{now.number}", f"{name} is {detail}", data)


def _event(was: str, now: Detail) -> str:
    """Empty: of no interest."""
    match WORD_OF[now]:
        case LaneWord.IDLE if now is not Detail.DRAFT:
            return "finished" if was and is_working(was) else "ready"
        case LaneWord.AWAITING_APPROVAL:
            return "waiting"
        case LaneWord.ERRORED:
            return _ENDED.get(now, "failed")
        case _:
            return ""


LANES = SourceKind(
    "lanes",
    {
        "finished": "a lane that worked is at rest",
        "ready": "a lane is ready for text that was not before",
        "waiting": "a lane asks a person something",
        "failed": "the last turn of a lane failed: quota, login, an error of the model's service",
        "exited": "the program of a lane ended",
        "suspended": "the program of a lane was stopped from the keyboard",
        "missing": "the pane of a lane is gone",
    },
    _compare,
)
