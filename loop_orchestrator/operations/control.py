"""Whether cycles may start, and that one is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.ids import new_id
from loop_orchestrator.routing.pump import emit
from loop_orchestrator.sources.person import cycle_now

if TYPE_CHECKING:
    from loop_orchestrator.clock import Clock
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


def ask_for_cycle(events: EventLog, clock: Clock, *, by: str) -> None:
    """A cycle, as soon as one may start: the wish is on disk on return, whether or not an engine watches.

    Raises StoreError.
    """
    emit(events, clock, [cycle_now(by, new_id("n", clock.now()))])
