"""What is still to be done with which event: a fold over the event log. Pure.

The log is the truth: whoever reads it from any board on, with the routes that held meanwhile, comes to the same board.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.clock import parse_time
from loop_orchestrator.model.route import EMITTED, DeadLetter, Entry, OutcomeWord, Route
from loop_orchestrator.routing.match import takes

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import JsonValue

CLAIMED, STOPPED, DEAD, REPLAYED = "route.claimed", "actor.stopped", "route.dead", "route.replayed"
CHANGING = (EMITTED, CLAIMED, STOPPED, DEAD, REPLAYED)
"""The kinds that change a board."""


class Board:
    """The entries of every route, oldest first. Taking an event costs the same however many there are."""

    def __init__(self, routes: Iterable[Route], *, seq: int = 0, entries: Iterable[Entry] = ()) -> None:
        """seq: the last event that is in the entries already."""
        self._routes = {route.name: route for route in routes}
        self.seq = seq
        self._entries: dict[str, dict[int, Entry]] = {name: {} for name in self._routes}
        for entry in entries:
            self._put(entry)

    def entries(self) -> tuple[Entry, ...]:
        """All of them; what no route brings anywhere any more is not among them."""
        return tuple(entry for ones in self._entries.values() for entry in ones.values())

    def of(self, route: str) -> tuple[Entry, ...]:
        """Those of a route, oldest first."""
        return tuple(self._entries[route].values())

    def ready(self, route: str, now: datetime) -> tuple[Entry, ...]:
        """Those that its actor may be given now, oldest first."""
        return tuple(one for one in self._entries[route].values() if not one.claimed and left_s(one, now) == 0.0)

    def wait_s(self, route: str, now: datetime) -> float | None:
        """Seconds until the first of a route may be given to its actor; None: there is none."""
        waits = [left_s(one, now) for one in self._entries[route].values() if not one.claimed]
        return min(waits, default=None)

    def claimed(self, route: str) -> tuple[Entry, ...]:
        """Those that an actor has."""
        return tuple(one for one in self._entries[route].values() if one.claimed)

    def put_back(self, letter: DeadLetter) -> None:
        """A dead letter is to be tried again, as if for the first time."""
        self._put(Entry(event=letter.event, route=letter.route))

    def take(self, event: Event) -> None:
        """Take in the next event of the log."""
        self.seq = max(self.seq, event.seq)
        match event.kind:
            case kind if kind == EMITTED:
                for route in self._routes.values():
                    if takes(route, event):
                        self._put(Entry(event=event, route=route.name))
            case kind if kind == CLAIMED:
                self._change(event, claimed=True)
            case kind if kind == STOPPED:
                self._stopped(event)
            case kind if kind == DEAD:
                self._entries.get(_text(event, "route"), {}).pop(_number(event.payload.get("event")), None)

    def _stopped(self, event: Event) -> None:
        word = _text(event, "outcome")
        if word == OutcomeWord.DONE:
            entries = self._entries.get(_text(event, "route"), {})
            for number in numbers_of(event.payload):
                entries.pop(number, None)
            return
        failed = word == OutcomeWord.FAILED
        due_at = _time(event, "again_at")
        wait_s = max(0.0, (due_at - event.at).total_seconds()) if due_at else 0.0
        self._change(event, claimed=False, failures=int(failed), due_at=due_at, wait_s=wait_s)

    def _change(
        self, event: Event, *, claimed: bool, failures: int = 0, due_at: datetime | None = None, wait_s: float = 0.0
    ) -> None:
        entries = self._entries.get(_text(event, "route"), {})
        for number in numbers_of(event.payload):
            if entry := entries.get(number):
                entries[number] = replace(
                    entry, claimed=claimed, attempts=entry.attempts + failures, due_at=due_at, wait_s=wait_s
                )

    def _put(self, entry: Entry) -> None:
        if entry.route in self._entries:
            self._entries[entry.route][entry.event.seq] = entry


def left_s(entry: Entry, now: datetime) -> float:
    """Seconds until an entry is due. A time further ahead than it was ever set belongs to a clock that was put back."""
    if entry.due_at is None:
        return 0.0
    left = (entry.due_at - now).total_seconds()
    return left if 0.0 < left <= entry.wait_s else 0.0


def numbers_of(payload: Mapping[str, JsonValue]) -> Sequence[int]:
    """The numbers of the events that a claim or its end is about."""
    value = payload.get("events")
    return [number for number in value if isinstance(number, int)] if isinstance(value, list) else []


def due_at(now: datetime, wait_s: float | None) -> datetime | None:
    return None if not wait_s else now + timedelta(seconds=wait_s)


def _text(event: Event, key: str) -> str:
    value = event.payload.get(key)
    return value if isinstance(value, str) else ""


def _time(event: Event, key: str) -> datetime | None:
    try:
        return parse_time(_text(event, key))
    except ValueError:
        return None


def _number(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0
