"""The routes that every session has."""

from __future__ import annotations

from loop_orchestrator.model.route import Retry, Route, When

ENGINE = Route(
    name="engine",
    when=When(sources=("mailbox", "asks", "tasks", "lanes", "clock", "decisions", "state", "person")),
    actor="cycle",
    retry=Retry(attempts=8, first_s=60.0, most_s=3600.0),
)
"""What happens in the project wakes the engine. A brain that fails holds its events and makes none of them fail; what
eight cycles broke at in some three hours is for a person."""

ROUTES = (ENGINE,)
