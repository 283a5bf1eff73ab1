"""A clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SteppedClock:
    """Stands still until it is told otherwise; sleeping advances it."""

    def __init__(self, start: datetime = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def machine_now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def passed(self) -> float:
        return self._monotonic

    def wait_s(self, seconds: float) -> float:
        return seconds

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
