"""What the brains of a session may use, and what of it is used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the config allows. None: no limit."""

    calls_per_hour: int
    calls_per_day: int | None = None
    usd_per_day: float | None = None
    assumed_usd: float = 0.0
    """what a call counts as long as its cost is not known, and for ever where its program does not tell it"""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What was used and is left."""

    limits: Limits
    calls_left: int
    """calls that are possible now"""
    calls_last_hour: int = 0
    calls_last_day: int = 0
    usd: float
    """of the last 24 hours, calls of unknown cost counted as assumed"""
    unpriced: int
    """calls of the last 24 hours whose cost is not known"""

    @property
    def calls_left_this_hour(self) -> int:
        return max(0, self.limits.calls_per_hour - self.calls_last_hour)

    @property
    def calls_left_today(self) -> int | None:
        """Of any 24 hours; None: no limit."""
        limit = self.limits.calls_per_day
        return None if limit is None else max(0, limit - self.calls_last_day)

    @property
    def usd_left(self) -> float | None:
        """Of any 24 hours; None: no limit."""
        limit = self.limits.usd_per_day
        return None if limit is None else max(0.0, round(limit - self.usd, 6))
