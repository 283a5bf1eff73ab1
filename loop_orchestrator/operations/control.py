"""Pause and resume: whether cycles may start."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.stores.control import Control
    from loop_orchestrator.stores.eventlog import EventLog


def pause(control: Control, events: EventLog, *, by: str) -> bool:
    """From now on no cycle starts; False if it was so already."""
    if control.paused() is not None:
        return False
    control.pause(by)
    events.append("engine.paused", "cli", {"by": by})
    return True


def resume(control: Control, events: EventLog, *, by: str) -> bool:
    """Cycles may start again; False if they might already."""
    if control.paused() is None:
        return False
    control.resume()
    events.append("engine.resumed", "cli", {"by": by})
    return True
