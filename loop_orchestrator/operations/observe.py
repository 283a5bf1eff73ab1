"""What the lanes are doing: every record, every screen and every launcher's file, read in one round trip to tmux."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.harness import HarnessKind, HarnessSpec
from loop_orchestrator.model.lane import Lane, LaneRecord, LaneState, Signal
from loop_orchestrator.substrate import readiness

if TYPE_CHECKING:
    from loop_orchestrator.model.terminal import PaneReading
    from loop_orchestrator.world import World


def observe_lanes(world: World) -> tuple[Lane, ...]:
    """Every booted lane with its state, in the order they were booted. Raises SubstrateError and StoreError."""
    return _observed(world, tuple(world.lanes.records().values()))


def observe_lane(world: World, name: str) -> Lane:
    """One lane. Raises UsageError, naming the nearest, if there is no lane of that name."""
    return _observed(world, (record_of(world, name),))[0]


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


def read_panes(world: World, panes: Sequence[str]) -> dict[str, PaneReading]:
    """What these panes show, in one round trip; those that are gone are left out."""
    return {reading.facts.pane: reading for reading in world.substrate.read(panes)}


def lanes_of(
    world: World,
    records: Iterable[LaneRecord],
    readings: Mapping[str, PaneReading],
    now: datetime,
    extra: Mapping[str, tuple[Signal, ...]],
) -> tuple[Lane, ...]:
    """The lanes and their states, from what their panes show and what else was heard of them by name."""
    return tuple(
        readiness.lane_of(
            record,
            readings.get(record.pane),
            world.lanes.run(record.spec.name),
            spec_of(world, record),
            now,
            extra=extra.get(record.spec.name, ()),
        )
        for record in records
    )


def _observed(world: World, records: tuple[LaneRecord, ...]) -> tuple[Lane, ...]:
    readings = read_panes(world, [record.pane for record in records])
    now = world.clock.now()
    return lanes_of(world, records, readings, now, world.heard(records))
