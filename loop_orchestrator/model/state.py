"""The state file: the ledger of loops, schema 2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

STATE_SCHEMA = 2
"""The newest schema this release reads and writes."""

LOOP_STATUSES = (
    *("spec", "plan", "implement", "verify", "canary", "shipped", "reverted", "blocked"),
    *("in-progress", "done"),
)
"""Words for the status of a loop, in the order of its life; a file may have others, which are the user's."""

JsonValue = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None


@dataclass(frozen=True, kw_only=True)
class LoopRecord:
    """One objective under way."""

    id: str
    name: str = ""
    status: str = ""
    """one of LOOP_STATUSES, or a word of the user's"""
    branch: str = ""
    updated_at: str = ""
    """as written; ISO 8601 UTC"""
    updated_by: str = ""
    extra: Mapping[str, JsonValue] = field(default_factory=dict)
    """every other key, kept as it is"""


@dataclass(frozen=True, kw_only=True)
class LoopState:
    """The whole state file."""

    updated_at: datetime | None
    """None for a file that says no time, and for one that does not exist"""
    objective: str = ""
    loops: tuple[LoopRecord, ...] = ()
    """in file order"""
    extra: Mapping[str, JsonValue] = field(default_factory=dict)
    """every other top-level key, kept as it is"""
