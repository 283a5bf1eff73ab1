"""What the deck shows, as one value: the Status that every front shows, and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from loop_orchestrator.clock import parse_time
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.routes import routes_of
from loop_orchestrator.operations.status import status
from loop_orchestrator.process.worktree import branch_at

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
    branches: Mapping[str, str] = field(default_factory=dict)
    """lane -> the branch that is checked out where it works; those outside of any are left out"""


class Painter:
    """Takes pictures; of the event log it reads only what is new."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._offset: int | None = None
        self._events: tuple[Event, ...] = ()
        self._turned: dict[str, tuple[str, datetime | None]] = {}
        """lane -> its last state, and when it turned to it; None: it was in it when first seen"""

    def take(self) -> Picture:
        """One picture; blocks for some 30 ms. Raises LoopError where even the files of the session cannot be read."""
        world = self.world
        now = status(world)
        return Picture(
            status=now,
            branches=_branches(now),
            state=_seen(world.state.read),
            adrs=_seen(world.adrs.all),
            routes=_seen(lambda: routes_of(world.events, world.routing)),
            assignments=_seen(world.tasks.assignments),
            since=self._since(now),
            events=self._newest(),
            expires_s=world.config.engine.approval_expires_s if world.config.engine else None,
            signed=world.signers is not None,
        )

    def _since(self, now: Status) -> dict[str, datetime]:
        """What the engine saw where that is still the state, else what pictures saw."""
        lanes = () if isinstance(now.lanes, Unknown) else now.lanes
        on_file = self.world.lanes_seen.items()
        turned = {}
        for lane in lanes:
            detail, before = lane.state.detail.value, self._turned.get(lane.name)
            if before is None or before[0] != detail:
                before = (detail, now.generated_at if before else None)
            turned[lane.name] = before
        self._turned = turned
        found = {name: at for name, (_, at) in turned.items() if at is not None}
        for name, (detail, _) in turned.items():
            was, _, at = on_file.get(name, "").partition(" ")
            if was == detail:
                with suppress(ValueError):
                    found[name] = parse_time(at)
        return found

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


def _branches(now: Status) -> dict[str, str]:
    lanes = () if isinstance(now.lanes, Unknown) else now.lanes
    places = {place: branch_at(place) for place in {lane.record.spec.cwd for lane in lanes}}
    return {lane.name: branch for lane in lanes if (branch := places[lane.record.spec.cwd])}


def _seen(look: Callable[[], T]) -> T | Unknown:
    try:
        return look()
    except LoopError as error:
        return Unknown(error.message)
