"""Brings events to actors: an event is in the log before anything else, a claim before its actor acts, then the end.

source -> append -> match -> claim -> actor -> outcome -> try again later, or dead letter. All of it is in the event
log; a board that is kept beside it now and then only shortens what a start has to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from loop_orchestrator.clock import format_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LoopError
from loop_orchestrator.ids import derived_id, new_id
from loop_orchestrator.model.event import Draft
from loop_orchestrator.model.route import EMITTED, DeadLetter, Emission, Entry, Outcome, OutcomeWord, Route, letter_id
from loop_orchestrator.routing.board import CHANGING, CLAIMED, DEAD, REPLAYED, STOPPED, Board, due_at
from loop_orchestrator.routing.retry import next_wait_s
from loop_orchestrator.stores.segmentindex import Sought

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.stores.eventlog import EventLog
    from loop_orchestrator.stores.routing import RoutingStore

SAVE_EVENTS = 1_000
"""The board is saved once for so many events of the log. At half, twice the writes; at double, a daemon reads twice as
much at its start, some 10 ms."""

SOURCE = "routing"


class Actor(Protocol):
    """What events are brought to."""

    def wait_s(self) -> float | None:
        """Seconds until it may be given something; None: not before something else changes."""

    def act(self, events: Sequence[Event]) -> Outcome:
        """Do what these events call for; blocks until that is done. Whatever it raises counts as a failure."""


def emit(log: EventLog, clock: Clock, emissions: Iterable[Emission]) -> None:
    """Put into the log what sources say, a trace begun with each; what was said before is not said twice.

    Raises StoreError.
    """
    drafts = []
    for one in emissions:
        payload: dict[str, JsonValue] = {
            "event": one.event,
            "key": one.key,
            "detail": one.detail,
            "data": dict(one.data),
        }
        id = derived_id("e", one.source, one.event, one.key)
        drafts.append(Draft(EMITTED, one.source, payload, id=id, trace=new_id("t", clock.now())))
    log.append_all(drafts)


def read_board(log: EventLog, store: RoutingStore, routes: Iterable[Route]) -> Board:
    """What is still to be done with which event, as the log says it now. Raises StoreError."""
    routes, newest = tuple(routes), log.tail(1)
    seq, entries = store.board() or (0, ())
    if seq > (newest[0].seq if newest else 0):
        seq, entries = 0, ()  # of another log than the one that is there
    board = Board(routes, seq=seq, entries=entries)
    for event in log.since(seq, Sought(kinds=CHANGING)):
        _take(board, store, event)
    board.seq = max(board.seq, newest[0].seq if newest else 0)
    return board


def _take(board: Board, store: RoutingStore, event: Event) -> None:
    if event.kind == REPLAYED:
        letter = store.letter(str(event.payload.get("letter")))
        if letter is not None:
            board.put_back(letter)
    board.take(event)


class Pump:
    """The routes of one session at work. One per session, one thread at a time."""

    def __init__(
        self, log: EventLog, store: RoutingStore, clock: Clock, routes: Iterable[Route], actors: Mapping[str, Actor]
    ) -> None:
        self._log = log
        self._store = store
        self._clock = clock
        self._routes = {route.name: route for route in routes}
        self._actors = actors
        self._owed: list[tuple[str, dict[str, JsonValue], Event]] = []
        """what could not be written yet of what already happened, each with the event that led to it"""
        self._offset = log.end()
        self._board = read_board(log, store, self._routes.values())
        self._saved_at = 0
        """the number of the last event that is in the board on disk, as far as this process knows"""

    def settle(self) -> None:
        """At a start: what an earlier process had given to an actor is there to be given again. Raises StoreError."""
        for route in self._routes.values():
            if entries := self._board.claimed(route.name):
                reason = "the process ended meanwhile"
                self._end(route, entries, Outcome(OutcomeWord.INTERRUPTED, reason=reason), 0.0)

    def pending(self, route: str) -> tuple[Event, ...]:
        """What an actor has not dealt with, oldest first."""
        self.catch_up()
        return tuple(entry.event for entry in self._board.of(route))

    def wait_s(self, route: str) -> float | None:
        """Seconds until an actor may be given something; None: nothing is there for it, or it takes nothing now."""
        self.catch_up()
        wait_s = self._board.wait_s(route, self._clock.now())
        if wait_s is None:
            return None
        actor_s = self._actors[self._routes[route].actor].wait_s()
        return None if actor_s is None else max(wait_s, actor_s)

    def run(self, name: str) -> None:
        """Give an actor everything of a route that is due; blocks until it is done. Raises StoreError.

        What became of it is on disk on return, or is written before anything else happens with it.
        """
        self.catch_up()
        route, started = self._routes[name], self._clock.monotonic()
        entries = self._board.ready(name, self._clock.now())
        if not entries:
            return
        events = [entry.event for entry in entries]
        attempt = 1 + max(entry.attempts for entry in entries)
        self._say(
            CLAIMED, {"route": name, "actor": route.actor, "attempt": attempt, "events": _numbers(entries)}, events[0]
        )
        crash_point("route.claimed")
        try:
            outcome = self._actors[route.actor].act(events)
        except Exception as error:
            reason = error.message if isinstance(error, LoopError) else f"{type(error).__name__}: {error}"
            outcome = Outcome(OutcomeWord.FAILED, reason=reason)
        crash_point("actor.acted")
        self._end(route, entries, outcome, round(self._clock.monotonic() - started, 3))

    def catch_up(self) -> None:
        """Take in what was written to the log since. Raises StoreError."""
        while self._owed:
            kind, payload, cause = self._owed[0]
            self._log.append(kind, SOURCE, payload, trace=cause.trace, caused_by=cause.id)
            del self._owed[0]
        fresh, self._offset = self._log.read_from(self._offset)
        if fresh and fresh[-1].seq < self._board.seq:  # another log stands in the place of the one that was read
            self._board, self._saved_at = Board(self._routes.values()), 0
        for event in fresh:
            if event.seq > self._board.seq:
                _take(self._board, self._store, event)
        if self._board.seq - self._saved_at >= SAVE_EVENTS:
            self.save()

    def save(self) -> None:
        """Keep the board, so that the next start reads less. Raises StoreError."""
        self._store.save_board(self._board.seq, self._board.entries())
        self._saved_at = self._board.seq

    def _end(self, route: Route, entries: Sequence[Entry], outcome: Outcome, duration_s: float) -> None:
        """Write what became of these entries of a route: for all of them, or by how often each was tried."""

        def stopped(ended: Sequence[Entry], wait_s: float | None = None) -> None:
            again_at = due_at(self._clock.now(), wait_s)
            payload: dict[str, JsonValue] = {
                "route": route.name,
                "actor": route.actor,
                "events": _numbers(ended),
                "outcome": outcome.word.value,
                "reason": outcome.reason,
                "again_at": format_time(again_at) if again_at else None,
                "duration_s": duration_s,
            }
            self._say(STOPPED, payload, ended[0].event)

        match outcome.word:
            case OutcomeWord.DONE:
                self.catch_up()
                also = [one for one in self._board.ready(route.name, self._clock.now()) if outcome.knew(one.event)]
                stopped([*entries, *also])
                for entry in entries:
                    self._store.forget(letter_id(entry.event, route.name))
            case OutcomeWord.FAILED:
                for attempts, group in groupby(sorted(entries, key=lambda one: one.attempts), lambda one: one.attempts):
                    ended, wait_s = list(group), next_wait_s(route.retry, attempts + 1)
                    stopped(ended, wait_s)
                    if wait_s is None:
                        self._bury(route, ended, attempts + 1, outcome.reason)
            case _:
                stopped(entries)

    def _bury(self, route: Route, entries: Sequence[Entry], attempts: int, reason: str) -> None:
        for entry in entries:
            letter = DeadLetter(
                event=entry.event, route=route.name, attempts=attempts, reason=reason, at=self._clock.now()
            )
            self._store.bury(letter)
            crash_point("route.buried")
            self._say(
                DEAD,
                {
                    "route": route.name,
                    "event": entry.event.seq,
                    "letter": letter.id,
                    "attempts": attempts,
                    "reason": reason,
                },
                entry.event,
            )

    def _say(self, kind: str, payload: dict[str, JsonValue], cause: Event) -> None:
        """Write an event that a cause led to, and take it in. Raises StoreError for a claim: then nothing is begun."""
        if kind == CLAIMED:
            self._log.append(kind, SOURCE, payload, trace=cause.trace, caused_by=cause.id)
        else:
            self._owed.append((kind, payload, cause))
        self.catch_up()


def _numbers(entries: Sequence[Entry]) -> list[JsonValue]:
    return [entry.event.seq for entry in entries]
