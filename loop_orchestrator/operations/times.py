"""Times as people write them: ``2h``, ``today``, ``2026-11-21``, ``2026-11-21T01:15``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from loop_orchestrator.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([smhdw])")
_DAYS = {"today": 0, "yesterday": 1}


def time_from(given: str, now: datetime) -> datetime:
    """The time that was meant, UTC. A time without a zone is local.

    Raises UsageError for what is no time, and for one that is not over yet.
    """
    text = given.strip().lower()
    if found := _DURATION.fullmatch(text):
        return now - timedelta(seconds=min(float(found[1]) * _UNITS[found[2]], 3_000_000_000))
    if text in _DAYS:
        day = now.astimezone().date() - timedelta(days=_DAYS[text])
        return datetime.combine(day, time()).astimezone(UTC)
    try:
        at = datetime.fromisoformat(given.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{given!r} is no time", hint="use 2h, 30m, 3d, today, yesterday, 2026-11-21 or 2026-11-21T01:15"
        ) from None
    if at > now:
        raise UsageError(f"{given} is not over yet", hint=f"now is {now.astimezone():%Y-%m-%dT%H:%M}")
    return at
