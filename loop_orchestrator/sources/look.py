"""What one look saw of the project: each source compares its part of it with that of the look before. Pure.

The last look is the cursor of every source: it is saved once what it showed to be new is in the event log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Look:
    """As much of the project as can call for something."""

    number: int = 0
    """counts the looks that showed something else than the one before"""
    mail: frozenset[str] = frozenset()
    """files of pending messages"""
    tasks: frozenset[str] = frozenset()
    """ids of ready tasks"""
    asks: frozenset[str] = frozenset()
    """asks that ended lately, as sources.asks writes them"""
    lanes: Mapping[str, str] | None = None
    """lane -> detail of its state; None: not looked at, or not readable"""
    decisions: frozenset[str] = frozenset()
    """unfinished decisions, and each with every lane that it still acts on: ``d-1``, ``d-1 web``"""
    settling: frozenset[str] = frozenset()
    """lanes that were seen at rest once after they worked"""
    overdue: frozenset[str] = frozenset()
    """what has lasted for too long, a sentence each: no change tells of it"""
    state_version: str = ""
    """stands for the content of the state file"""
    told: frozenset[str] = field(default=frozenset(), compare=False)
    """lanes whose program has just said itself that it is at rest: it holds for this look, and is not kept"""
