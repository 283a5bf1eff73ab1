"""The budget for calls of the brain: calls in any hour and in any day, and money in any day, counted on disk.

Every call is counted before it is made, and what it cost is added when it is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from loop_orchestrator.clock import Clock, format_time, parse_time
from loop_orchestrator.errors import BrainError, StoreError
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.budget import Limits, Spent
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.lock import brief_lock

SCHEMA = 2
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class _Call:
    id: str
    at: datetime
    usd: float | None


class Budget:
    """Calls of the last day. A call that the clock now puts into the future counts from now on."""

    def __init__(self, layout: Layout, clock: Clock, limits: Limits | int) -> None:
        """limits: or the calls that are allowed in an hour."""
        self._path = layout.budget
        self._clock = clock
        self._limits = Limits(calls_per_hour=limits) if isinstance(limits, int) else limits

    def charge(self) -> str:
        """Count one call; it is on the disk on return. Returns an id for ``price``.

        Raises BrainError, saying when the next one is possible.
        """
        with brief_lock(self._path.with_name(self._path.name + ".lock")):
            now = self._clock.now()
            calls = self._calls(now)
            refused = self._refusal(calls, now)
            call = _Call(id=new_id("k", now), at=now, usd=None)
            if refused is None:
                calls.append(call)
            self._write(calls)
        if refused is not None:
            raise refused
        return call.id

    def price(self, call: str, usd: float | None) -> None:
        """Add what a call cost; None, which is not known, leaves it as it is."""
        if usd is None:
            return
        with brief_lock(self._path.with_name(self._path.name + ".lock")):
            calls = self._calls(self._clock.now())
            self._write([replace(one, usd=usd) if one.id == call else one for one in calls])

    def spent(self) -> Spent:
        """Raises StoreError."""
        now = self._clock.now()
        calls = self._calls(now)
        return Spent(
            limits=self._limits,
            calls_left=self._calls_left(calls, now),
            calls_last_hour=sum(call.at > now - HOUR for call in calls),
            calls_last_day=len(calls),
            usd=round(self._usd(calls), 6),
            unpriced=sum(call.usd is None for call in calls),
        )

    def calls_left(self) -> int:
        """How many calls are possible now. Raises StoreError."""
        now = self._clock.now()
        return self._calls_left(self._calls(now), now)

    def next_call_at(self) -> datetime | None:
        """When the next call is possible: now, or later; None if a limit allows none at all. Raises StoreError."""
        now = self._clock.now()
        return self._next_call_at(self._calls(now), now)

    def _calls_left(self, calls: Sequence[_Call], now: datetime) -> int:
        limits = self._limits
        left = limits.calls_per_hour - sum(call.at > now - HOUR for call in calls)
        if limits.calls_per_day is not None:
            left = min(left, limits.calls_per_day - len(calls))
        if limits.usd_per_day is not None and self._usd(calls) >= limits.usd_per_day:
            left = 0
        return max(0, left)

    def _usd(self, calls: Sequence[_Call]) -> float:
        return sum(self._limits.assumed_usd if call.usd is None else call.usd for call in calls)

    def _next_call_at(self, calls: Sequence[_Call], now: datetime) -> datetime | None:
        """The time at which enough of the calls have become too old to count."""
        limits = self._limits
        if limits.calls_per_hour <= 0 or limits.calls_per_day == 0 or limits.usd_per_day == 0.0:
            return None
        at = now
        lately = [call for call in calls if call.at > now - HOUR]
        if len(lately) >= limits.calls_per_hour:
            at = max(at, lately[-limits.calls_per_hour].at + HOUR)
        if limits.calls_per_day is not None and len(calls) >= limits.calls_per_day:
            at = max(at, calls[-limits.calls_per_day].at + DAY)
        if limits.usd_per_day is not None:
            kept = list(calls)
            while kept and self._usd(kept) >= limits.usd_per_day:
                at = max(at, kept.pop(0).at + DAY)
        return at

    def _refusal(self, calls: Sequence[_Call], now: datetime) -> BrainError | None:
        """Why no call is possible now; None where one is."""
        from loop_orchestrator.model.brain import FailureKind

        if self._calls_left(calls, now) > 0:
            return None
        limits, at = self._limits, self._next_call_at(calls, now)
        which, key = f"{limits.calls_per_hour} calls per hour", "max_calls_per_hour"
        if limits.calls_per_day is not None and len(calls) >= limits.calls_per_day:
            which, key = f"{limits.calls_per_day} calls per day", "max_calls_per_day"
        if limits.usd_per_day is not None and self._usd(calls) >= limits.usd_per_day:
            which, key = f"{limits.usd_per_day:g} USD per day", "max_usd_per_day"
        when = f"the next one is possible at {format_time(at)}" if at else "it allows none"
        return BrainError(
            FailureKind.BUDGET,
            f"the brain was not called: the budget of {which} is used up; {when}",
            hint=f"raise engine.brain.{key}, or wait",
            until=at,
        )

    def _calls(self, now: datetime) -> list[_Call]:
        """The calls of the last day, oldest first."""
        try:
            document = read_document(self._path, SCHEMA)
        except FileNotFoundError:
            return []
        calls = _times(document) if document.integer("schema") == 1 else _priced(document)
        kept = [replace(call, at=min(call.at, now)) for call in calls if call.at > now - DAY]
        return sorted(kept, key=lambda call: call.at)

    def _write(self, calls: Sequence[_Call]) -> None:
        write_json(
            self._path,
            {
                "schema": SCHEMA,
                "calls": [{"id": call.id, "at": format_time(call.at), "usd": call.usd} for call in calls],
            },
        )


def _times(document: Fields) -> list[_Call]:
    """Calls as schema 1 has them: their times alone."""
    try:
        return [_Call(id="", at=parse_time(call), usd=None) for call in document.texts("calls")]
    except ValueError as error:
        raise StoreError(f"{document.where}: calls: {error}") from error


def _priced(document: Fields) -> list[_Call]:
    return [
        _Call(
            id=call.text("id"), at=call.time("at"), usd=None if call.values.get("usd") is None else call.number("usd")
        )
        for call in document.objects("calls")
    ]
