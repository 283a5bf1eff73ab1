"""What the daemon began with: the one before it, and the installed program, and whether that is still there."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.process import installed
from loop_orchestrator.stores.control import WatchRecord

if TYPE_CHECKING:
    from loop_orchestrator.world import World


def killed_before(world: World) -> str:
    """Pid and start of an earlier daemon that never said that it stopped; empty if there is none.

    The log tells; of one that began too long ago for that, the record that it left behind does.
    """
    started, stopped = world.events.last("watch.started"), world.events.last("watch.stopped")
    if started is not None:
        if stopped is not None and stopped.seq > started.seq:
            return ""
        return f"pid {started.payload['pid']}, started {format_time(started.at)}"
    record = world.control.last_watch()
    if record is None or (stopped is not None and stopped.at >= record.started_at):
        return ""
    return f"pid {record.pid}, started {format_time(record.started_at)}"


class StartedWith:
    """Written down at the start, compared at every sweep: by the times of the files first, by their content then."""

    def __init__(self, world: World, *, how: str) -> None:
        """Reads every file of the package: some 30 ms. how: see WatchRecord."""
        self._world = world
        stamp = installed.stamp()  # before the content: what is written meanwhile must not pass for what was read
        self.record = WatchRecord(
            pid=os.getpid(),
            started_at=world.clock.now(),
            code=installed.digest(),
            stamp=stamp,
            how=how,
        )
        self._unsettled = ""
        """stamp of other content as it was at the last look: one of two looks may see half an installation"""
        self._said = False

    def look(self) -> None:
        """One event, once the installed program is another and holds still."""
        stamp = installed.stamp()
        if self._said or stamp == self.record.stamp:
            self._unsettled = ""
            return
        found = installed.digest()
        if found == self.record.code:
            self.record = replace(self.record, stamp=stamp)
            self._world.control.record_watch(self.record)
        elif stamp == self._unsettled:
            self._world.events.append("watch.stale", "watch", {"runs": self.record.code[:12], "installed": found[:12]})
            self._said = True
        self._unsettled = stamp
