"""What the lanes are doing: records, screens, launchers' files and what was said, read in one round trip to tmux."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import Detail, Lane, LaneRecord, LaneRun, LaneState, Signal
from loop_orchestrator.substrate import readiness
from loop_orchestrator.substrate.evidence import moved, signals_of, still, stillness, unchecked
from loop_orchestrator.substrate.screenrules import RereadScreens

if TYPE_CHECKING:
    from loop_orchestrator.model.terminal import PaneReading, Screen
    from loop_orchestrator.world import World

Said = Mapping[str, Sequence[Signal]]
"""Lane -> what its terminal said by itself."""


def observe_lanes(world: World) -> tuple[Lane, ...]:
    """Every booted lane with its state, in the order they were booted. Raises SubstrateError and StoreError.

    A lane that looks idle and may have drawn something within its settle time is looked at a second time when that is
    over, all such lanes in one more round trip: a decision is made on what holds.
    """
    return _observed(world, tuple(world.lanes.records().values()))


def read_panes(world: World, panes: Sequence[str]) -> dict[str, PaneReading]:
    """What these panes show, in one round trip; those that are gone are left out."""
    return {reading.facts.pane: reading for reading in world.substrate.read(panes)}


def lanes_of(
    world: World,
    records: Iterable[LaneRecord],
    readings: Mapping[str, PaneReading],
    now: datetime,
    extra: Said,
    drawn: Mapping[str, datetime] | None = None,
) -> tuple[Lane, ...]:
    """The lanes and their states, from what their panes show and what else was heard of them; nothing is read twice.

    A lane that looks idle is so once its screen is known to have held still. drawn: see Ears.drawn.
    """
    seen = [_seen(world, record, readings.get(record.pane), now, extra) for record in records]
    return tuple(one.lane(one.movement((drawn or {}).get(one.name))) for one in seen)


def observe_lane(world: World, name: str) -> Lane:
    """One lane. Raises UsageError, naming the nearest, if there is no lane of that name."""
    return _observed(world, (record_of(world, name),))[0]


class CloseLook:
    """One lane, looked at again and again by somebody who sees to it alone that it holds still.

    No look waits for the screen to settle. What was seen before serves only to tell a turn that was cut off.
    """

    def __init__(self, world: World, name: str) -> None:
        """Raises UsageError, naming the nearest, if there is no lane of that name."""
        self._world = world
        self._record = record_of(world, name)
        self._shown: Screen | None = None
        self._since = world.clock.machine_now()
        self._read_screen = RereadScreens()

    def look(self) -> Lane:
        """The lane now. Raises SubstrateError and StoreError."""
        world, record = self._world, self._record
        reading = next(iter(world.substrate.read([record.pane])), None)
        now = world.clock.machine_now()
        shown = reading.screen if reading else None
        if shown != self._shown:
            self._shown, self._since = shown, now
        spec = spec_of(world, record)
        settled = spec is not None and (now - self._since).total_seconds() >= spec.idle_settle_s
        known = still(self._since, now) if settled else reading and stillness(reading.facts, spec, now)
        return readiness.lane_of(
            record,
            reading,
            world.lanes.run(record.spec.name),
            spec,
            now,
            extra=world.signals.of(record.spec.name),
            movement=known or unchecked(now),
            read_screen=self._read_screen,
        )


def record_of(world: World, name: str) -> LaneRecord:
    """The record of a lane. Raises UsageError, naming the nearest, if there is no lane of that name."""
    records = world.lanes.records()
    if name in records:
        return records[name]
    if not records:
        raise UsageError(f"session {world.session} has no lane {name}: nothing is booted", hint="loop up")
    from difflib import get_close_matches

    near = get_close_matches(name, records, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"session {world.session} has no lane {name}{meant}", hint="loop lane list")


def lane_in_window(world: World, target: str) -> LaneRecord:
    """The record of the one lane in a tmux window, by its exact name or id (``@3``), or in a pane (``%7``).

    Raises UsageError where there is none of the session's lanes, or more than one.
    """
    panes = world.substrate.panes()
    mine = [facts for facts in panes if target in (facts.window, facts.window_id, facts.pane)]
    if not mine:
        from difflib import get_close_matches

        near = get_close_matches(target, sorted({facts.window for facts in panes}), n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"session {world.session} has no window or pane {target}{meant}", hint="loop lane list")
    ids = {facts.pane for facts in mine}
    found = [record for record in world.lanes.records().values() if record.pane in ids]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"no lane of session {world.session} is in {target}", hint="loop lane list")
    names = ", ".join(f"{record.spec.name} ({record.pane})" for record in found)
    raise UsageError(f"{target} holds several lanes: {names}", hint="name the lane, or its pane")


def spec_of(world: World, record: LaneRecord) -> HarnessSpec | None:
    """The harness of a lane; None for a command lane. A harness whose data is gone is one that no rule knows."""
    name = record.spec.harness
    if not name:
        return None
    kind = HarnessKind.AGENT if record.agent else HarnessKind.SHELL
    return world.harnesses.get(name) or HarnessSpec(name=name, title=name, kind=kind)


def classify(text: str, spec: HarnessSpec, *, title: str, command: str, now: datetime) -> LaneState:
    """The state that a capture of a screen shows, plain or with escape codes."""
    from loop_orchestrator.substrate.screens import parse_ansi

    return readiness.classify(parse_ansi(text), spec, now, title=title, command=command)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """One lane as it was read once."""

    record: LaneRecord
    spec: HarnessSpec | None
    reading: PaneReading | None
    run: LaneRun | None
    signals: tuple[Signal, ...]
    """all evidence but movement"""
    now: datetime

    @property
    def name(self) -> str:
        return self.record.spec.name

    @property
    def settle_s(self) -> float:
        return self.spec.idle_settle_s if self.spec else 0.0

    def lane(self, movement: Signal | None) -> Lane:
        """movement: None: nothing is known of it."""
        return readiness.lane_with(self._state(movement), self.record, self.reading, self.run)

    def movement(self, drawn: datetime | None) -> Signal | None:
        """Whether the screen holds still, as far as that is known without a second look.

        drawn: when it drew something last; None: nobody was told.
        """
        if self.reading is None:
            return None
        if drawn is None:
            return stillness(self.reading.facts, self.spec, self.now)
        return moved(drawn) if (self.now - drawn).total_seconds() < self.settle_s else still(drawn, self.now)

    def depends_on_movement(self) -> bool:
        """It would be in another state if the screen were known to hold still."""
        long_still = still(self.now - timedelta(seconds=self.settle_s), self.now)
        return self._state(None).detail is not self._state(long_still).detail

    def after(self, first: _Seen) -> Signal:
        """What this look says of movement, the same lane having been looked at before."""
        same = self.reading and first.reading and self.reading.screen == first.reading.screen
        return still(first.now, self.now) if same else moved(self.now)

    def _state(self, movement: Signal | None) -> LaneState:
        signals = self.signals if movement is None else (*self.signals, movement)
        return readiness.fuse(signals, self.spec, self.now)


def _observed(world: World, records: Sequence[LaneRecord]) -> tuple[Lane, ...]:
    extra = world.ears.signals(records) if world.ears else {}
    drawn = world.ears.drawn(records) if world.ears else {}
    looks = _looks(world, records, extra)
    known = {look.name: look.movement(drawn.get(look.name)) for look in looks}
    unsettled = [look for look in looks if not _is_still(known[look.name]) and look.depends_on_movement()]
    if not unsettled:
        return tuple(look.lane(known[look.name]) for look in looks)
    world.clock.sleep(max(look.settle_s for look in unsettled))
    again = {look.name: look for look in _looks(world, [look.record for look in unsettled], extra)}
    return tuple(
        second.lane(second.after(look)) if (second := again.get(look.name)) else look.lane(known[look.name])
        for look in looks
    )


def _is_still(movement: Signal | None) -> bool:
    return movement is not None and movement.detail is Detail.READY


def _looks(world: World, records: Sequence[LaneRecord], extra: Said) -> list[_Seen]:
    readings = read_panes(world, [record.pane for record in records])
    now = world.clock.machine_now()
    return [_seen(world, record, readings.get(record.pane), now, extra) for record in records]


def _seen(world: World, record: LaneRecord, reading: PaneReading | None, now: datetime, extra: Said) -> _Seen:
    name, spec = record.spec.name, spec_of(world, record)
    run = world.lanes.run(name)
    said = (*world.signals.of(name), *extra.get(name, ()))
    signals = signals_of(record, reading, run, spec, now, extra=said)
    return _Seen(record=record, spec=spec, reading=reading, run=run, signals=signals, now=now)
