"""Which routes take an event. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from loop_orchestrator.model.route import EMITTED, Route

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event


def takes(route: Route, event: Event) -> bool:
    """Whether a route brings this event to its actor."""
    if event.kind != EMITTED:
        return False
    name = str(event.payload.get("event", ""))
    fits_source = any(fnmatchcase(event.source, pattern) for pattern in route.when.sources)
    return fits_source and any(fnmatchcase(name, pattern) for pattern in route.when.events)
