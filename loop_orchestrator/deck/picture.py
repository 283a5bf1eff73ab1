"""What the deck shows, as one value: the Status that every front shows, and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.model.adr import Adr
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.snapshot import Unknown
    from loop_orchestrator.model.state import LoopState
    from loop_orchestrator.model.task import Assignment
    from loop_orchestrator.operations.routes import RouteView
    from loop_orchestrator.operations.status import Status

MOST_EVENTS = 10_000
"""Events that the deck holds. At half, a night's log is cut; at double, its first frame takes 100 ms more."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Everything on the screen at one moment. What could not be read is Unknown, with the reason."""

    status: Status
    state: LoopState | Unknown
    adrs: tuple[Adr, ...] | Unknown
    """oldest first"""
    routes: tuple[RouteView, ...] | Unknown
    assignments: tuple[Assignment, ...] | Unknown
    """tasks that lanes have"""
    since: Mapping[str, datetime]
    """lane -> since when it is in its present state; those of which nothing tells are left out"""
    events: tuple[Event, ...]
    """the newest, oldest first"""
    expires_s: float | None = None
    """how long an action waits for an answer before silence is a no; None: for ever"""
    signed: bool = False
    """approvals want a signature"""
    branches: Mapping[str, str] = field(default_factory=dict)
    """lane -> the branch that is checked out where it works; those outside of any are left out"""
    config_note: str = ""
    """what is to be known of the config that this was seen by, in a few words; empty: nothing"""
