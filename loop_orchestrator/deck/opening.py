"""Which screen shows the whole of something: of what needs a person, and of a row of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loop_orchestrator.deck.screens.adr import AdrScreen
from loop_orchestrator.deck.screens.brain import RestScreen
from loop_orchestrator.deck.screens.decision import DecisionScreen
from loop_orchestrator.deck.screens.delivery import DeliveryScreen, LineScreen
from loop_orchestrator.deck.screens.events import EventScreen
from loop_orchestrator.deck.screens.lane import LaneScreen
from loop_orchestrator.deck.screens.letter import LetterScreen
from loop_orchestrator.deck.screens.loop import LoopScreen
from loop_orchestrator.deck.screens.mail import MessageScreen
from loop_orchestrator.deck.screens.task import TaskScreen
from loop_orchestrator.deck.screens.whole import Text
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.need import Need, NeedKind

if TYPE_CHECKING:
    from textual.screen import Screen

    from loop_orchestrator.deck.picture import Picture


def screen_of_need(need: Need) -> Screen[Any]:
    """The one with the keys that answer it; for what cannot be answered here, one that says what to do."""
    match need.kind:
        case NeedKind.DECISION:
            return DecisionScreen(need.key)
        case NeedKind.DELIVERY:
            return DeliveryScreen(need.key)
        case NeedKind.LINE:
            return LineScreen(need.key)
        case NeedKind.LANE:
            return LaneScreen(need.key)
        case NeedKind.BRAIN:
            return RestScreen(need.key)
        case NeedKind.DEAD_LETTER:
            return LetterScreen(need.key)
        case NeedKind.TASK:
            return TaskScreen(need.key)
        case NeedKind.OTHER:
            return Text("needs you", f"{need.what}\n\nWhat to do, in a terminal: {need.next_step}")


def screen_of_record(ledger: str, key: str, picture: Picture) -> Screen[Any] | None:
    """None: the row is gone meanwhile."""
    match ledger:
        case "events":
            return EventScreen(int(key))
        case "mail":
            mail = () if isinstance(picture.status.mail, Unknown) else picture.status.mail
            return next((MessageScreen(one) for one in mail if one.file == key), None)
        case "tasks":
            return TaskScreen(key)
        case "loops":
            return LoopScreen(key)
        case "adrs":
            return AdrScreen(key)
        case "lanes":
            return LaneScreen(key)
        case "asks":
            asks = () if isinstance(picture.status.asks, Unknown) else picture.status.asks
            return next((LaneScreen(one.lane) for one in asks if one.id == key), None)
        case _:
            return _of_route(key, picture)


def _of_route(key: str, picture: Picture) -> Screen[Any] | None:
    """A dead letter, an event that waits (``<route> <number>``), or a route."""
    if any(one.id == key for one in picture.status.dead_letters):
        return LetterScreen(key)
    name, _, seq = key.partition(" ")
    if seq:
        return EventScreen(int(seq))
    routes = () if isinstance(picture.routes, Unknown) else picture.routes
    found = next((one for one in routes if one.route.name == name), None)
    if found is None:
        return None
    route, retry = found.route, found.route.retry
    waiting = [
        f"    event {one.event.seq}, {one.attempts} failures  {one.event.payload.get('detail', '')}"
        for one in found.waiting
    ]
    lines = [
        f"what it takes: {', '.join(route.when.events)} of {', '.join(route.when.sources)}",
        f"where it goes: {route.actor}",
        f"given up after {retry.attempts} failures, tried again after {retry.first_s:g} to {retry.most_s:g} s",
        "",
        f"{len(waiting)} wait",
        *waiting,
    ]
    return Text(f"route {route.name}", "\n".join(lines))
