"""What a person is asked to do, as every view of a session puts it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that waits for a person."""

    what: str
    since: datetime | None
    """None where it is not known since when"""
    next_step: str
    """the command line to run"""
