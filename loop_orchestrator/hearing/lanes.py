"""The lanes as they were last read: only what may have changed is read again."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.hearing.heard import Heard
from loop_orchestrator.operations.observe import lanes_of, read_panes
from loop_orchestrator.substrate.readiness import CONTRADICTED, SETTLING

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import Lane, LaneRecord, LaneRun, Signal
    from loop_orchestrator.model.terminal import PaneReading
    from loop_orchestrator.stores.listing import Stamp
    from loop_orchestrator.world import World

    Signals = tuple[Signal, ...]

RECORD_S = 0.5
"""Seconds that a launcher may take to record how its program ended. At half, a slow disk hides the status at first; at
double, a launcher that was killed is waited for longer."""


@dataclass(frozen=True)
class Missed:
    """A lane whose state had changed although nothing was pushed about it."""

    lane: str
    pane: str
    was: str
    now: str


@dataclass(frozen=True)
class _Seen:
    """A pane as it was last read, and what its lane was found to be."""

    reading: PaneReading
    given: tuple[LaneRun | None, Signals, Stamp | None]
    """what else it was found from"""
    lane: Lane


class LaneWatch:
    """Used by one thread at a time, and never by that of the event loop: looking blocks."""

    def __init__(self, world: World, heard: Heard) -> None:
        self._world = world
        self._heard = heard
        self._seen: dict[str, _Seen] = {}
        self._records: Mapping[str, LaneRecord] = {}
        self._runs: dict[str, LaneRun | None] = {}
        """lane -> what its launcher recorded, at the last look"""
        self._signal_files: dict[str, str] = {}
        self.missed: tuple[Missed, ...] = ()
        """what the last look at everything found"""
        self.open: tuple[str, ...] = ()
        """panes whose lanes the last look could not settle, as it may be a moment later"""

    def look(
        self,
        panes: Collection[str] | None,
        *,
        ended: Collection[int] = (),
        compare: bool = False,
        files_too: bool = True,
    ) -> tuple[Lane, ...]:
        """Every lane; of the panes that were read before only these are read and judged again, or all.

        ended: processes that are known to have ended; what their launchers record of it is waited for.
        compare: find out what had changed since the panes were last read, into ``missed``.
        files_too: False: the caller watches the files of launchers and signals, and none of them changed; those of the
        lanes that are read are looked at all the same.
        Raises SubstrateError and StoreError.
        """
        records = self._world.lanes.records()
        self._await_records(records, ended)
        known = self._seen
        read = [
            record.pane for record in records.values() if panes is None or record.pane in panes or self._is_new(record)
        ]
        reread = frozenset(read)
        fresh = read_panes(self._world, read) if read else {}
        asked = {name: record for name, record in records.items() if files_too or record.pane in reread}
        now, extra = self._world.clock.machine_now(), self._heard.signals(asked.values())
        drawn = self._heard.drawn(asked.values())
        given = {name: (self._world.lanes.run(name), extra.get(name, ()), self._spoken(name)) for name in asked}
        again = [
            record for name, record in asked.items() if record.pane in reread or known[record.pane].given != given[name]
        ]
        readings = fresh | {one.pane: known[one.pane].reading for one in again if one.pane not in reread}
        judged = {lane.name: lane for lane in lanes_of(self._world, again, readings, now, extra, drawn)}
        self.missed = tuple(self._changed(again, judged, now, extra, drawn)) if compare else ()
        self.open = tuple(lane.record.pane for lane in judged.values() if lane.state.rule in (SETTLING, CONTRADICTED))
        judged |= {name: self._unless_settling(lane) for name, lane in judged.items()}
        lanes = tuple(judged.get(name) or known[record.pane].lane for name, record in records.items())
        seen = {}
        for lane in lanes:
            pane, name = lane.record.pane, lane.name
            if name not in judged:
                seen[pane] = known[pane]
            elif pane in readings:
                seen[pane] = _Seen(readings[pane], given[name], lane)
        self._seen, self._records = seen, records
        self._runs |= {name: run for name, (run, _, _) in given.items()}
        return lanes

    def _is_new(self, record: LaneRecord) -> bool:
        """The pane was not read, or not since its lane was booted anew in it."""
        seen = self._seen.get(record.pane)
        return seen is None or (seen.lane.record is not record and seen.lane.record != record)

    def _spoken(self, name: str) -> Stamp | None:
        """Changes when the program of a lane says something of itself."""
        file = self._signal_files.get(name)
        if file is None:
            file = self._signal_files[name] = str(self._world.signals.path(name))
        with suppress(FileNotFoundError):
            found = os.stat(file)  # noqa: PTH116 - 200 lanes are looked at in this way, several times a second
            return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
        return None

    def _unless_settling(self, lane: Lane) -> Lane:
        """While it is open whether a screen holds still, its lane is what it was: a moment later it will be known."""
        seen = self._seen.get(lane.record.pane)
        settling = lane.state.rule == SETTLING and seen is not None and seen.lane.record == lane.record
        return replace(lane, state=seen.lane.state) if settling and seen else lane

    def _changed(
        self,
        records: Iterable[LaneRecord],
        lanes: Mapping[str, Lane],
        now: datetime,
        extra: Mapping[str, Signals],
        drawn: Mapping[str, datetime],
    ) -> Iterator[Missed]:
        """The lanes in another state than the one that their panes, as last read, would give now."""
        old = [record for record in records if record.pane in self._seen]
        readings = {pane: seen.reading for pane, seen in self._seen.items()}
        for was in lanes_of(self._world, old, readings, now, extra, drawn):
            is_ = lanes[was.name]
            if was.state.detail is not is_.state.detail:
                yield Missed(was.name, was.record.pane, was.state.detail.value, is_.state.detail.value)

    def programs(self) -> dict[int, str]:
        """Processes whose ends matter, by the last look -> pane: the first of each pane, the program of each lane."""
        found = {}
        for name, record in self._records.items():
            run = self._runs.get(name)
            found[record.pane_pid] = record.pane
            if run is not None and run.ended_at is None:
                found[run.pid] = record.pane
        return found

    def _await_records(self, records: Collection[str], ended: Collection[int]) -> None:
        """Until the launchers of programs that ended have recorded it."""
        until = self._world.clock.monotonic() + RECORD_S
        while ended and self._world.clock.monotonic() < until:
            runs = [self._world.lanes.run(name) for name in records]
            if not any(run is not None and run.ended_at is None and run.pid in ended for run in runs):
                return
            self._world.clock.sleep(0.002)
