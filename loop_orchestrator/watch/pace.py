"""When a cycle may start. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

BACKOFF_FIRST_S = 60.0
"""Wait after a first failure of the brain. At half, an outage costs twice the calls; at double, it ends unnoticed."""

HELD_S = 15.0
"""Wait after a cycle that could not write to the disk. At half, twice the tries at a full one; at double, work waits
half a minute after there is space again."""

BACKOFF_MOST_S = 3600.0
"""Longest wait between two tries: the budget of calls is per hour."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What is remembered between cycles; on disk, so that a restart does not forget a wait."""

    last_start: datetime | None = None
    failures: int = 0
    """failures of the brain in a row"""
    retry_at: datetime | None = None
    """no cycle before this"""
    retry_wait_s: float = 0.0
    """how far ahead that was set"""
    for_brain: bool = False
    """that wait is for a brain that may be asked; once one may, it is over"""

    def started(self, at: datetime) -> Pace:
        return replace(self, last_start=at)

    def succeeded(self) -> Pace:
        return replace(self, failures=0, retry_at=None, retry_wait_s=0.0, for_brain=False)

    def held(self, at: datetime) -> Pace:
        """Something that was no failure of the brain, such as a full disk: the triggers stay, and no wait grows."""
        return replace(self, for_brain=False)._waiting(at, HELD_S)

    def failed(self, at: datetime, until: datetime | None = None) -> Pace:
        """The triggers stay; the next try waits until a brain may be asked again.

        Where that is not known, it waits twice as long as the last, up to BACKOFF_MOST_S.
        """
        wait_s = _backoff_s(self.failures) if until is None else max(0.0, (until - at).total_seconds())
        return replace(self, failures=self.failures + 1, for_brain=until is not None)._waiting(at, wait_s)

    def freed(self) -> Pace:
        """A brain may be asked before the time at which that was expected: a person had it asked, or paid for more."""
        return replace(self, retry_at=None, retry_wait_s=0.0, for_brain=False)

    def _waiting(self, at: datetime, wait_s: float) -> Pace:
        return replace(self, retry_at=at + timedelta(seconds=wait_s), retry_wait_s=wait_s)


def start_wait_s(pace: Pace, now: datetime, *, min_interval_s: float) -> float:
    """Seconds until the next cycle may start.

    A time that lies further ahead than it was ever set belongs to a clock that was put back since: it is over.
    """
    waits = [0.0]
    if pace.retry_at:
        waits.append(_left_s(pace.retry_at - now, pace.retry_wait_s))
    if pace.last_start:
        waits.append(_left_s(pace.last_start + timedelta(seconds=min_interval_s) - now, min_interval_s))
    return max(waits)


def _left_s(left: timedelta, most_s: float) -> float:
    return left.total_seconds() if left.total_seconds() <= most_s else 0.0


def _backoff_s(failures: int) -> float:
    return min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** max(0, failures))
