"""What the deck shows, as one value: the Status that every front shows, and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from loop_orchestrator.clock import parse_time
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.routes import routes_of
from loop_orchestrator.operations.status import status

if TYPE_CHECKING:
    from loop_orchestrator.model.adr import Adr
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import LoopState
    from loop_orchestrator.model.task import Assignment
    from loop_orchestrator.operations.routes import RouteView
    from loop_orchestrator.operations.status import Status
    from loop_orchestrator.world import World

T = TypeVar("T")

MOST_EVENTS = 10_000
"""Events that the deck holds. At half, a night's log is cut; at double, its first frame takes 100 ms more."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Everything on the screen at one moment. What could not be read is Unknown, with the reason."""

    status: Status
    state: LoopState | Unknown
    adrs: tuple[Adr, ...] | Unknown
    """oldest first"""
    routes: tuple[RouteView, ...] | Unknown
    assignments: tuple[Assignment, ...] | Unknown
    """tasks that lanes have"""
    since: Mapping[str, datetime]
    """lane -> when its present state was first seen"""
    events: tuple[Event, ...]
    """the newest, oldest first"""
    expires_s: float | None = None
    """how long an action waits for an answer before silence is a no; None: for ever"""
    signed: bool = False
    """approvals want a signature"""


class Painter:
    """Takes pictures; of the event log it reads only what is new."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._offset: int | None = None
        self._events: tuple[Event, ...] = ()

    def take(self) -> Picture:
        """One picture; blocks for some 30 ms. Raises LoopError where even the files of the session cannot be read."""
        world = self.world
        return Picture(
            status=status(world),
            state=_seen(world.state.read),
            adrs=_seen(world.adrs.all),
            routes=_seen(lambda: routes_of(world.events, world.routing)),
            assignments=_seen(world.tasks.assignments),
            since=_since(world),
            events=self._newest(),
            expires_s=world.config.engine.approval_expires_s if world.config.engine else None,
            signed=world.signers is not None,
        )

    def _newest(self) -> tuple[Event, ...]:
        log = self.world.events
        if self._offset is None:
            self._offset = log.end()
            self._events = log.tail(MOST_EVENTS)
            return self._events
        fresh, self._offset = log.read_from(self._offset)
        if not fresh:
            return self._events
        last = self._events[-1].seq if self._events else 0
        if fresh and fresh[-1].seq < last:
            self._events = ()  # another log stands in its place
            last = 0
        self._events = (*self._events, *(event for event in fresh if event.seq > last))[-MOST_EVENTS:]
        return self._events


def _since(world: World) -> dict[str, datetime]:
    found = {}
    for lane, seen in world.lanes_seen.items().items():
        try:
            found[lane] = parse_time(seen.partition(" ")[2])
        except ValueError:
            continue
    return found


def _seen(look: Callable[[], T]) -> T | Unknown:
    try:
        return look()
    except LoopError as error:
        return Unknown(error.message)
