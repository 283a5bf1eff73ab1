"""Time as a collaborator, and the one written form of a time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What code that needs the time is given, so that a test can say what time it is."""

    def now(self) -> datetime:
        """The current time, timezone-aware UTC."""

    def machine_now(self) -> datetime:
        """The time as files, terminals and other programs have it, in the same form; to compare with theirs."""

    def monotonic(self) -> float:
        """Seconds on the machine's clock that never jumps; only differences mean something.

        For what a terminal or a program takes.
        """

    def passed(self) -> float:
        """Seconds that run as those of ``now`` and never jump; only differences mean something.

        For waits that a person would give in minutes and hours.
        """

    def wait_s(self, seconds: float) -> float:
        """For how long to wait where so many seconds of ``passed`` are left: that long, or less; then look again."""

    def sleep(self, seconds: float) -> None:
        """Wait, by the machine; for conditions that nothing announces, such as a screen being redrawn."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def machine_now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def passed(self) -> float:
        return time.monotonic()

    def wait_s(self, seconds: float) -> float:
        return seconds

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def format_time(at: datetime) -> str:
    """``2026-11-21T01:15:30.123Z``: UTC with milliseconds, as every file and JSON document writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_time(text: str) -> datetime:
    """The inverse of format_time; any ISO 8601 time with a zone is taken. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"time without a zone: {text!r}")
    return at.astimezone(UTC)


def whole_milliseconds(at: datetime) -> datetime:
    """The time as format_time writes it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def format_age(seconds: float) -> str:
    """A coarse age for people: ``5s``, ``12m``, ``3h``, ``2d``."""
    whole = max(0, int(seconds))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"
