"""Restarts of lanes whose program ended: what the config wants, and what is on record about each."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from loop_orchestrator.model.lane import Detail, Lane, LaneRecord

ON_PURPOSE = frozenset({0, -signal.SIGINT, 128 + signal.SIGINT})
"""Exit statuses of a program that somebody ended: it was told to exit, or interrupted from the keyboard."""

NOT_STARTED = frozenset({126, 127})
"""Exit statuses of a program that cannot be started: not runnable, not there. Trying again changes neither."""

LATE_S = 60.0
"""Seconds after which a restart that is due and did not begin is nobody's: who should have done it is gone."""


class RestartPolicy(StrEnum):
    """When the program of a lane is started again by itself."""

    NEVER = "never"
    ON_FAILURE = "on-failure"
    """not after status 0 or Ctrl-C: whoever ended it meant to"""
    ALWAYS = "always"


class RestartEvent(StrEnum):
    """What happened to a lane, as lane-restarts.jsonl says it."""

    FAILED = "failed"
    """its program ended, or could not be started again; it is tried at next_at"""
    POSTPONED = "postponed"
    """the restart waits for somebody; without next_at the lane runs again and waits for an answer"""
    RESTARTING = "restarting"
    """the program is about to be started again; whether it was is not known yet"""
    RESTARTED = "restarted"
    """the program was started again; it was not ready yet"""
    READY = "ready"
    """the restarted lane was ready and stayed so; the next restart is a first one"""
    GIVING_UP = "giving-up"
    """it is not started again by itself; a person must look"""


@dataclass(frozen=True, kw_only=True)
class RestartNote:
    """One line of lane-restarts.jsonl."""

    event: RestartEvent
    lane: str
    at: datetime
    attempt: int
    """restarts in a row so far, the one that is spoken of included; 0: none, or a person asked for it"""
    reason: str
    exit_status: int | None
    """of the program that ended; None where it is not known, or none did"""
    next_at: datetime | None
    """no restart before this"""
    booted_at: datetime
    """of the record of the lane that this is about; of another one, it says nothing about the lane any more"""
    into: datetime | None = None
    """``restarting``: booted_at of the record that this restart makes"""

    def is_of(self, record: LaneRecord) -> bool:
        return self.booted_at == record.booted_at

    @property
    def is_of_an_end(self) -> bool:
        """The end of the program is on record with it, and nothing was started since."""
        return self.event is RestartEvent.GIVING_UP or (
            self.event in (RestartEvent.FAILED, RestartEvent.POSTPONED) and self.next_at is not None
        )

    def is_under_way(self, now: datetime) -> bool:
        """The lane's program is about to be started again, so its end needs nobody."""
        if self.event not in (RestartEvent.FAILED, RestartEvent.RESTARTING):
            return False
        return (now - (self.next_at or self.at)).total_seconds() < LATE_S


def has_ended(lane: Lane, last: RestartNote | None) -> bool:
    """The program of the lane provably ended: its launcher or this program's own record says so, or its pane is gone.

    last: the newest note about the lane.
    """
    if lane.state.detail in (Detail.EXITED, Detail.MISSING):
        return True
    # A restart that was cut off has removed the launcher's record and nothing else.
    return lane.run is None and last is not None and last.is_of_an_end and last.is_of(lane.record)


def exit_status_of(lane: Lane, last: RestartNote | None) -> int | None:
    """How the program of a lane that ended did so; None where that is not known."""
    if lane.run is not None and lane.run.ended_at is not None:
        return lane.run.exit_status
    return last.exit_status if last is not None and last.is_of_an_end and last.is_of(lane.record) else None


def how_it_ended(exit_status: int | None) -> str:
    """For people, to stand after "its program"."""
    if exit_status is None:
        return "is gone with its pane"
    if exit_status >= 0:
        return f"ended with status {exit_status}"
    try:
        return f"was ended by {signal.Signals(-exit_status).name}"
    except ValueError:
        return f"was ended by signal {-exit_status}"
