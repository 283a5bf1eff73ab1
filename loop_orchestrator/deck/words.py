"""States and ages in the words and signs of the deck. No state is told by its colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from loop_orchestrator.clock import format_age
from loop_orchestrator.model.lane import LaneWord

SIGNS: Mapping[LaneWord, str] = {
    LaneWord.WORKING: "▶",
    LaneWord.AWAITING_APPROVAL: "?",
    LaneWord.IDLE: "○",
    LaneWord.ERRORED: "✗",
    LaneWord.UNKNOWN: "~",
}

STYLES: Mapping[LaneWord, str] = {
    LaneWord.AWAITING_APPROVAL: "rows--person",
    LaneWord.ERRORED: "rows--failure",
    LaneWord.UNKNOWN: "rows--quiet",
}

BEING_READ = "being read …"
"""What stands in a table before anything was seen."""

COARSE_S = 5
"""Ages under a minute are told in steps of so many seconds: a finer one would paint every row every second."""


def age(now: datetime, then: datetime | None) -> str:
    """``15s``, ``3m``, ``2h``; empty where it is not known since when."""
    if then is None:
        return ""
    seconds = max(0.0, (now - then).total_seconds())
    return f"{int(seconds) // COARSE_S * COARSE_S}s" if seconds < 60 else format_age(seconds)


def counted(count: int, one: str, many: str = "") -> str:
    """``1 lane``, ``2 lanes``."""
    return f"{count} {one if count == 1 else many or one + 's'}"
