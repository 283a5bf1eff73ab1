"""The lanes as the daemon last read them: only what may have changed is read again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loop_orchestrator.operations.observe import lanes_of, read_panes
from loop_orchestrator.watch.heard import Heard

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.model.terminal import PaneReading
    from loop_orchestrator.world import World

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


class LaneWatch:
    """Used by one thread at a time, and never by that of the event loop: looking blocks."""

    def __init__(self, world: World, heard: Heard) -> None:
        self._world = world
        self._heard = heard
        self._readings: dict[str, PaneReading] = {}
        self.missed: tuple[Missed, ...] = ()
        """what the last look at everything found"""

    def look(
        self, panes: Collection[str] | None, *, ended: Collection[int] = (), compare: bool = False
    ) -> tuple[Lane, ...]:
        """Every lane; of the panes that were read before only these are read again, or all.

        ended: processes that are known to have ended; what their launchers record of it is waited for.
        compare: find out what had changed since the panes were last read, into ``missed``.
        Raises SubstrateError and StoreError.
        """
        records = self._world.lanes.records()
        self._await_records(records, ended)
        known = self._readings
        wanted = [record.pane for record in records.values()]
        read = [pane for pane in wanted if panes is None or pane in panes or pane not in known]
        fresh = read_panes(self._world, read) if read else {}
        readings = {pane: known[pane] for pane in wanted if pane in known and pane not in read} | fresh
        now = self._world.clock.now()
        extra = self._heard.signals(records.values(), now)
        lanes = lanes_of(self._world, records.values(), readings, now, extra)
        self.missed = ()
        if compare:
            before = lanes_of(self._world, records.values(), known, now, extra)
            self.missed = tuple(
                Missed(is_.name, is_.record.pane, was.state.detail.value, is_.state.detail.value)
                for was, is_ in zip(before, lanes, strict=True)
                if is_.record.pane in known and was.state.detail is not is_.state.detail
            )
        self._readings = readings
        return lanes

    def programs(self) -> dict[int, str]:
        """Processes whose ends matter -> pane: the first of each pane, and the program of each lane."""
        found = {}
        for name, record in self._world.lanes.records().items():
            run = self._world.lanes.run(name)
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
