"""The budget for calls of the brain: so many in any hour, counted on disk before each call."""

from __future__ import annotations

from datetime import datetime, timedelta

from loop_orchestrator.clock import Clock, format_time, parse_time
from loop_orchestrator.errors import BrainError, StoreError
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.documents import read_document
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.lock import brief_lock

SCHEMA = 1
WINDOW = timedelta(hours=1)


class Budget:
    """Calls of the last hour. A call that the clock now puts into the future counts for an hour from now on."""

    def __init__(self, layout: Layout, clock: Clock, max_calls_per_hour: int) -> None:
        self._path = layout.budget
        self._clock = clock
        self._most = max_calls_per_hour

    def charge(self) -> None:
        """Count one call; it is on the disk on return. Raises BrainError, saying when the next one is possible."""
        with brief_lock(self._path.with_name(self._path.name + ".lock")):
            now = self._clock.now()
            calls = self._calls(now)
            allowed = len(calls) < self._most
            if allowed:
                calls.append(now)
            write_json(self._path, {"schema": SCHEMA, "calls": [format_time(call) for call in calls]})
        if not allowed:
            raise self._used_up()

    def calls_left(self) -> int:
        """How many calls are possible now. Raises StoreError."""
        return max(0, self._most - len(self._calls(self._clock.now())))

    def next_call_at(self) -> datetime | None:
        """When the next call is possible: now, or later; None if the budget is 0. Raises StoreError."""
        if self._most <= 0:
            return None
        now = self._clock.now()
        calls = self._calls(now)
        return now if len(calls) < self._most else calls[-self._most] + WINDOW

    def _calls(self, now: datetime) -> list[datetime]:
        """The calls that count at this time, oldest first."""
        try:
            document = read_document(self._path, SCHEMA)
        except FileNotFoundError:
            return []
        try:
            calls = [min(parse_time(call), now) for call in document.texts("calls")]
        except ValueError as error:
            raise StoreError(f"{self._path}: calls: {error}") from error
        return sorted(call for call in calls if call > now - WINDOW)

    def _used_up(self) -> BrainError:
        from loop_orchestrator.model.brain import FailureKind

        at = self.next_call_at()
        when = f"the next one is possible at {format_time(at)}" if at else "it allows none"
        return BrainError(
            FailureKind.BUDGET,
            f"the brain was not called: the budget of {self._most} calls per hour is used up; {when}",
            hint="raise engine.brain.max_calls_per_hour, or wait",
        )
