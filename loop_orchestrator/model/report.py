"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a report."""

    seq: int
    """the event that it is about; the last one where there were several"""
    at: datetime
    what: str
    why: str = ""
    """the reason, or the evidence"""
    times: int = 1
    """how often the same happened"""


@dataclass(frozen=True, kw_only=True)
class Spend:
    """What brains used; the built-in one, which costs nothing, is left out."""

    calls: int = 0
    by_brain: Mapping[str, int] = field(default_factory=dict)
    input_tokens: int | None = 0
    """None: some call did not tell"""
    output_tokens: int | None = 0
    usd: float | None = 0.0
    known_tokens: int = 0
    """of the calls that told"""
    known_usd: float = 0.0
    unpriced: int = 0
    """calls whose cost is not known"""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """The parts of a report, each in the order of the log."""

    events: int
    not_done: tuple[Line, ...]
    done: tuple[Line, ...]
    unanswered: tuple[Line, ...]
    unusual: tuple[Line, ...]
    lanes: tuple[Line, ...]
    spend: Spend
    about: Mapping[str, int]
    """a decision, operation, task, message or lane -> the number of the last event that says it waits"""
