"""The event log for people: the last events, those since a time, those of some kinds, and one chain of causes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.event import EVENT_KINDS, Event
from loop_orchestrator.model.sentences import sentence_of
from loop_orchestrator.operations.shapes import Json, event_shape
from loop_orchestrator.process.folders import looks
from loop_orchestrator.stores.layout import ensure_dir
from loop_orchestrator.stores.segmentindex import Sought

if TYPE_CHECKING:
    from loop_orchestrator.redaction import Redactor
    from loop_orchestrator.world import World

FIRST = 20
"""Events that are shown where nothing says how many: one screen."""

MOST_LINKS = 2_000
"""Events of a chain that are shown. A cycle has some hundred; at half, one of many lanes loses its end; at double, a
chain without end takes twice the time."""

SAFETY_S = 30.0
"""Between two looks that nothing announced, for file systems that announce nothing. At half, twice the wakes of a quiet
log; at double, an event there is shown that much later."""

_TIME = re.compile(r"-([0-9]{8}T[0-9]{6})[0-9]{3}-")
_LINKS = ("cycle", "decision", "op")
"""Fields of payloads that tie an event to others."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which events are asked for."""

    kinds: frozenset[str] = frozenset()
    """empty: all"""
    since: datetime | None = None
    n: int | None = None
    """the last so many; None: all since then, or FIRST"""


@dataclass(frozen=True)
class Link:
    """An event of a chain, in the order in which the chain is drawn."""

    event: Event
    level: int
    """0: nothing caused it"""
    is_last: tuple[bool, ...]
    """for each level from 1 on down to its own: nothing follows there"""
    parent: int
    """number of the event above it; 0: none"""


def kinds_of(given: Sequence[str]) -> frozenset[str]:
    """The kinds that were named; ``lane`` means every kind that begins with ``lane.``. Raises UsageError."""
    found: set[str] = set()
    for name in (part.strip() for one in given for part in one.split(",")):
        family = name.removesuffix("*").removesuffix(".")
        kinds = [kind for kind in EVENT_KINDS if kind == name or kind.startswith(f"{family}.")]
        if not kinds or not family:
            families = {kind.partition(".")[0] for kind in EVENT_KINDS}
            near = get_close_matches(name, [*EVENT_KINDS, *families], n=1, cutoff=0.5)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(f"{name!r} is no kind of event{meant}", hint="the kinds: loop logs --kinds")
        found.update(kinds)
    return frozenset(found)


def read_logs(world: World, wanted: Wanted) -> Iterator[Event]:
    """The events that are asked for, oldest first."""
    sought = Sought(kinds=sorted(wanted.kinds)) if wanted.kinds else None

    def fits(event: Event) -> bool:
        return not wanted.kinds or event.kind in wanted.kinds

    if wanted.since is not None and wanted.n is None:
        return filter(fits, world.events.since_time(wanted.since, sought))
    n = FIRST if wanted.n is None else wanted.n
    found: Iterator[Event] = filter(fits, world.events.backwards(sought))
    if (since := wanted.since) is not None:
        found = takewhile(lambda event: event.at >= since, found)
    return reversed(tuple(islice(found, n)))


def follow_logs(world: World, wanted: Wanted, tell: Callable[[Event], None]) -> None:
    """Tell of the events that are asked for, then of each as it is written, until interrupted."""
    place, seen = world.events.end(), 0
    newest = world.events.tail(1)
    for event in read_logs(world, wanted):
        tell(event)
        seen = event.seq
    seen = max(seen, newest[0].seq if newest else 0)

    async def watch() -> None:
        nonlocal place
        folder = world.layout.session_dir
        async with aclosing(looks(lambda: [ensure_dir(folder)], lambda: SAFETY_S)) as due:
            async for _ in due:
                events, place = world.events.read_from(place)
                for event in events:
                    if event.seq > seen and (not wanted.kinds or event.kind in wanted.kinds):
                        tell(event)

    asyncio.run(watch())


def read_trace(world: World, given: str) -> tuple[str, tuple[Link, ...]]:
    """The first MOST_LINKS of what is tied to a cycle, a decision, a delivery or an event, as a tree, and its trace.

    given: an id, its beginning, or the number of an event. Raises UsageError where there is no such thing.
    """
    first = _event_of(world, given) or _event_of(world, _decision_in(given))
    if first is None:
        hint = "loop logs --kind cycle.started, or: loop engine status"
        raise UsageError(f"no event has anything to do with {given!r}", hint=hint)
    known = _ids_of(first)
    if not any(key in first.payload for key in _LINKS) and not first.trace:
        known.add(first.id)
    events = _chain(world, known, first.at)
    return first.trace or given, tuple(_tree(events))


def _event_of(world: World, given: str) -> Event | None:
    """The newest event that is meant."""
    if given.isdecimal():
        return next((event for event in world.events.since(int(given) - 1) if event.seq == int(given)), None)
    if not given or not given.isprintable():
        return None
    for event in world.events.backwards(Sought(ids=[given])):
        if any(one.startswith(given) for one in (event.id, *_ids_of(event))):
            return event
    return None


def _chain(world: World, known: set[str], at: datetime) -> list[Event]:
    """Every event that has one of these ids, or an id of such an event; from the time of the oldest id on.

    Read again as long as a later event named an id that an earlier one may have.
    """
    while True:
        begin = min([at, *filter(None, map(_time_in, known))]) - timedelta(seconds=1)
        before = set(known)
        sought = Sought(ids=known)
        found = []
        for event in world.events.since_time(begin, sought):
            if known & {*_ids_of(event), event.id, event.caused_by}:
                found.append(event)
                ids = _ids_of(event) | {event.id}
                sought.add_ids(ids - known)
                known |= ids
                if len(found) == MOST_LINKS:
                    return found
        if known == before:
            return found


def _ids_of(event: Event) -> set[str]:
    """What ties an event to others; an operation of a decision's item names its decision."""
    found = {str(event.payload[key]) for key in _LINKS if event.payload.get(key)}
    found |= {decision for one in found if (decision := _decision_in(one))}
    return found | ({event.trace} if event.trace else set())


def _decision_in(op: str) -> str:
    """The decision of an operation, whose id is ``<decision>-<idx>``; empty where it is of none."""
    decision, _, idx = op.rpartition("-")
    return decision if decision.startswith("d-") and idx.isdecimal() and _TIME.search(decision) else ""


def _time_in(id: str) -> datetime | None:
    found = _TIME.search(id)
    try:
        return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _tree(events: Sequence[Event]) -> Iterator[Link]:
    """The events below what they follow from, each level in the order of the log."""
    above = _Above(events)
    below: dict[int, list[Event]] = {}
    for event in events:
        below.setdefault(above.number_of(event), []).append(event)

    def walk(parent: int, is_last: tuple[bool, ...]) -> Iterator[Link]:
        children = below.get(parent, [])
        for place, event in enumerate(children):
            ends = (*is_last, place == len(children) - 1) if parent else ()
            yield Link(event, len(ends), ends, parent)
            yield from walk(event.seq, ends)

    return walk(0, ())


class _Above:
    """Which event of a chain stands above another: what caused it, else the step of the engine that it belongs to."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._by_id = {event.id: event.seq for event in events}
        self._cycle: dict[str, int] = {}
        self._decision: dict[str, int] = {}
        self._item: dict[str, int] = {}
        self._op: dict[str, int] = {}
        for event in events:
            said = event.payload
            if event.kind == "cycle.started":
                self._cycle[event.trace] = event.seq
            elif event.kind == "decision.filed":
                self._decision[str(said["decision"])] = event.seq
            elif event.kind == "item.started":
                self._item[f"{said['decision']}-{said['idx']}"] = event.seq
            elif "op" in said:
                self._op.setdefault(str(said["op"]), event.seq)

    def number_of(self, event: Event) -> int:
        """0: nothing stands above it. Never an event behind it, so that there is no circle."""
        said = event.payload
        if event.kind.startswith("cycle."):
            return self._before(event, self._by_id.get(event.caused_by), self._cycle.get(event.trace))
        op, decision = str(said.get("op", "")), str(said.get("decision", ""))
        item = op if "op" in said else f"{decision}-{said.get('idx', '')}"
        return self._before(
            event,
            self._by_id.get(event.caused_by),
            self._item.get(item),
            self._op.get(op),
            self._decision.get(decision),
            self._cycle.get(event.trace),
        )

    def _before(self, event: Event, *places: int | None) -> int:
        return next((one for one in places if one is not None and one < event.seq), 0)


def logged_shape(event: Event, redactor: Redactor) -> Json:
    """An event in a JSON document, without secrets."""
    return {
        **event_shape(event),
        "payload": redactor.value(dict(event.payload)),
        "id": event.id,
        "caused_by": event.caused_by or None,
        "depth": event.depth,
        "sentence": redactor.text(sentence_of(event)),
    }
