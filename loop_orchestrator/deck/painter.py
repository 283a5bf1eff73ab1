"""Takes pictures: looks at everything that the deck shows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

from loop_orchestrator.clock import parse_time
from loop_orchestrator.deck.picture import MOST_EVENTS, Picture
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.lane import Detail, SignalSource
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.operations.routes import routes_of
from loop_orchestrator.operations.status import status, with_lanes
from loop_orchestrator.process.worktree import branch_at
from loop_orchestrator.stores.signals import KEPT
from loop_orchestrator.substrate.evidence import RUNS

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.operations.status import Status
    from loop_orchestrator.world import World

T = TypeVar("T")


class Painter:
    """Takes pictures; of the event log it reads only what is new."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._last: Picture | None = None
        self._offset: int | None = None
        self._events: tuple[Event, ...] = ()
        self._turned: dict[str, tuple[str, datetime | None]] = {}
        """lane -> its last state, and when it turned to it; None: it was in it when first seen"""
        self._told: dict[str, tuple[Lane, datetime | None, datetime | None]] = {}
        """lane -> the lane as it was seen, and what its launcher and its program told of it"""

    def take(self, lanes: tuple[Lane, ...] | Unknown | None = None, *, config_note: str = "") -> Picture:
        """One picture; blocks. Raises LoopError where even the files of the session cannot be read.

        lanes: as the caller saw them, or why it did not; None: they are looked at. config_note: see Picture.
        """
        world = self.world
        now = status(world, lanes)
        self._last = Picture(
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
            config_note=config_note,
        )
        return self._last

    def take_lanes(self, lanes: tuple[Lane, ...] | Unknown) -> Picture:
        """The last picture with lanes as they were seen since, where no file changed: of those none is read again.

        Raises LoopError as ``take`` does, which has to be called first.
        """
        assert self._last is not None
        now = with_lanes(self._last.status, self.world, lanes)
        self._last = replace(self._last, status=now, since=self._since(now))
        return self._last

    def _since(self, now: Status) -> dict[str, datetime]:
        """By the launcher's record where that tells; else the latest of what pictures saw, what the engine saw and what
        the program said: whoever saw the present state begin later knows of another one before it.
        """
        lanes = () if isinstance(now.lanes, Unknown) else now.lanes
        on_file = self.world.lanes_seen.items()
        turned, told, found = {}, {}, {}
        for lane in lanes:
            detail, before = lane.state.detail.value, self._turned.get(lane.name)
            if before is None or before[0] != detail:
                before = (detail, now.generated_at if before else None)
            turned[lane.name] = before
            known = self._told.get(lane.name)
            told[lane.name] = known = known if known and known[0] is lane else (lane, _recorded(lane), _said(lane))
            _, recorded, said = known
            if recorded is not None:
                found[lane.name] = recorded
                continue
            times = [at for at in (before[1], _filed(on_file.get(lane.name, ""), detail), said) if at]
            # What was seen of a run that is over says nothing of this one.
            times = [at for at in times if lane.run is None or at >= lane.run.started_at]
            if times:
                found[lane.name] = max(times)
        self._turned, self._told = turned, told
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


def _filed(note: str, detail: str) -> datetime | None:
    """When the engine saw a lane turn to this state, where that is the last one it saw."""
    was, _, at = note.partition(" ")
    with suppress(ValueError):
        return parse_time(at) if was == detail else None
    return None


def _recorded(lane: Lane) -> datetime | None:
    """Since when a lane is in its state by what its launcher recorded; None: it tells nothing of that state."""
    state, run = lane.state, lane.run
    if run is None:
        return None
    if state.detail is Detail.EXITED:
        return run.ended_at
    return run.started_at if state.detail is Detail.BOOTING or state.rule == RUNS else None


def _said(lane: Lane) -> datetime | None:
    """The same by what its program said of itself: the first of its newest signals that all say so."""
    said = sorted((one for one in lane.state.evidence if one.source is SignalSource.HARNESS), key=lambda one: one.at)
    same = list(takewhile(lambda one: one.detail is lane.state.detail, reversed(said)))
    # Where every signal that is kept says the same, there may have been more of them.
    return same[-1].at if same and len(same) < KEPT else None


def _branches(now: Status) -> dict[str, str]:
    lanes = () if isinstance(now.lanes, Unknown) else now.lanes
    places = {place: branch_at(place) for place in {lane.record.spec.cwd for lane in lanes}}
    return {lane.name: branch for lane in lanes if (branch := places[lane.record.spec.cwd])}


def _seen(look: Callable[[], T]) -> T | Unknown:
    try:
        return look()
    except LoopError as error:
        return Unknown(error.message)
