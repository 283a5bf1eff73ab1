"""What people tell the engine, and what the daemon says of itself: the pause flag and the watch record."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from loop_orchestrator.clock import Clock, format_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.documents import read_document
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.lock import Lock

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class WatchRecord:
    """A running daemon."""

    pid: int
    started_at: datetime
    code: str
    """digest of the program that it runs, as process.installed gives it"""
    stamp: str = ""
    """of the installed files, when they last held just that"""
    how: str = "foreground"
    """``foreground``, ``detached``, or ``service``: who started it, and who would start it again"""


class Control:
    """The pause flag and the daemon's record of one session. Reading takes no lock."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock

    def paused(self) -> str | None:
        """Who paused the engine; None if nobody did. A flag that cannot be read pauses too."""
        try:
            return read_document(self._layout.paused, SCHEMA).text("by")
        except FileNotFoundError:
            return None
        except StoreError:
            return "somebody"

    def pause(self, by: str) -> None:
        """From now on no cycle starts."""
        write_json(self._layout.paused, {"schema": SCHEMA, "by": by, "at": format_time(self._clock.now())})

    def resume(self) -> None:
        """Cycles may start again."""
        self._layout.paused.unlink(missing_ok=True)

    def watch_lock(self) -> Lock:
        """What the daemon holds as long as it lives: one per session."""
        return Lock(self._layout.watch_lock, f"the watch of session {self._layout.session}")

    def restart_lock(self) -> Lock:
        """What whoever replaces the daemon holds until the old one is gone and the new one begins."""
        return Lock(self._layout.restart_lock, f"the restart of session {self._layout.session}'s engine")

    def guard_lock(self) -> Lock:
        """What the guard of the lanes holds as long as it lives: one per session."""
        return Lock(self._layout.guard_lock, f"the guard of session {self._layout.session}")

    def telling_lock(self) -> Lock:
        """What whoever tells a person of this session holds as long as it does: the daemon, or else the guard."""
        return Lock(self._layout.telling_lock, f"the notices of session {self._layout.session}")

    def record_watch(self, record: WatchRecord) -> None:
        """Say which daemon runs; written by the holder of the watch lock."""
        started_at = format_time(record.started_at)
        write_json(
            self._layout.watch_record,
            {
                "schema": SCHEMA,
                "pid": record.pid,
                "started_at": started_at,
                "code": record.code,
                "stamp": record.stamp,
                "how": record.how,
            },
        )

    def forget_watch(self) -> None:
        """No daemon runs any more: it ended by itself. One that was killed leaves its record behind."""
        self._layout.watch_record.unlink(missing_ok=True)

    def watch(self) -> WatchRecord | None:
        """The daemon that runs now; None if none does, or if it has not written its record yet."""
        holder, record = self.watch_lock().holder(), self.last_watch()
        return record if holder is not None and record is not None and record.pid == holder.pid else None

    def last_watch(self) -> WatchRecord | None:
        """The record of the daemon that runs, or of one that was killed; None if there is none that can be read."""
        with suppress(FileNotFoundError, StoreError):
            fields = read_document(self._layout.watch_record, SCHEMA)
            return WatchRecord(
                pid=fields.integer("pid"),
                started_at=fields.time("started_at"),
                code=fields.text("code"),
                stamp=fields.text("stamp", ""),
                how=fields.text("how", "foreground"),
            )
        return None
