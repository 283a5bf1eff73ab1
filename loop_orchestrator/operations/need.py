"""What a person is asked to do, as every view of a session puts it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class NeedKind(StrEnum):
    """What a person is needed for."""

    DECISION = "decision"
    DELIVERY = "delivery"
    LINE = "line"
    LANE = "lane"
    BRAIN = "brain"
    DEAD_LETTER = "dead-letter"
    TASK = "task"
    OTHER = "other"
    """nothing that can be answered here"""


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that waits for a person."""

    what: str
    since: datetime | None
    """None where it is not known since when"""
    next_step: str
    """the command line to run"""
    kind: NeedKind = NeedKind.OTHER
    key: str = ""
    """which decision, delivery, lane, dead letter or task it is about"""
