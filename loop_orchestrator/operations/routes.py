"""Routes as a person sees them: what wakes what, what waits, and what was given up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.route import DeadLetter, Entry, Route
from loop_orchestrator.operations.shapes import Json, time_or_none
from loop_orchestrator.routing.board import REPLAYED
from loop_orchestrator.routing.pump import read_board
from loop_orchestrator.routing.routes import ROUTES
from loop_orchestrator.sources.registry import SOURCES

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.stores.eventlog import EventLog
    from loop_orchestrator.stores.routing import RoutingStore
    from loop_orchestrator.world import World


@dataclass(frozen=True)
class RouteView:
    """A route, and the events that it has yet to bring to its actor."""

    route: Route
    waiting: tuple[Entry, ...]
    """oldest first"""


def routes_of(log: EventLog, store: RoutingStore) -> tuple[RouteView, ...]:
    """Every route of a session with what waits, from the files alone. Raises StoreError."""
    board = read_board(log, store, ROUTES)
    return tuple(RouteView(route, board.of(route.name)) for route in ROUTES)


def replay(world: World, id: str, *, by: str) -> DeadLetter:
    """Have a dead letter tried again, as if for the first time; an engine that watches begins at once.

    Raises UsageError where there is no such letter; StoreError.
    """
    letter = world.routing.letter(id)
    if letter is None:
        known = ", ".join(one.id for one in world.routing.dead()) or "there is none"
        raise UsageError(f"there is no dead letter {id}: {known}", hint="loop routes dead")
    payload: dict[str, JsonValue] = {"route": letter.route, "event": letter.event.seq, "letter": letter.id, "by": by}
    world.events.append(REPLAYED, "cli", payload, trace=letter.event.trace, caused_by=letter.event.id)
    world.routing.bury(replace(letter, tried_again=True))
    return letter


def routes_document(session: str, views: Iterable[RouteView]) -> Json:
    """The document of ``loop routes --json``."""
    sources: list[JsonValue] = [{"source": source.name, "events": dict(source.events)} for source in SOURCES]
    routes: list[JsonValue] = [_view_shape(view) for view in views]
    return {"session": session, "sources": sources, "routes": routes}


def _view_shape(view: RouteView) -> Json:
    route = view.route
    waiting: list[JsonValue] = [
        {
            "event": entry.event.seq,
            "attempts": entry.attempts,
            "claimed": entry.claimed,
            "due_at": time_or_none(entry.due_at),
        }
        for entry in view.waiting
    ]
    return {
        "route": route.name,
        "sources": [*route.when.sources],
        "events": [*route.when.events],
        "actor": route.actor,
        "retry": {"attempts": route.retry.attempts, "first_s": route.retry.first_s, "most_s": route.retry.most_s},
        "waiting": waiting,
    }
