"""The list of sources."""

from __future__ import annotations

from loop_orchestrator.model.route import Emission
from loop_orchestrator.sources.asks import ASKS
from loop_orchestrator.sources.base import SourceKind
from loop_orchestrator.sources.clock import CLOCK
from loop_orchestrator.sources.decisions import DECISIONS
from loop_orchestrator.sources.lanes import LANES
from loop_orchestrator.sources.look import Look
from loop_orchestrator.sources.mailbox import MAILBOX
from loop_orchestrator.sources.person import PERSON
from loop_orchestrator.sources.state import STATE
from loop_orchestrator.sources.tasks import TASKS

SOURCES: tuple[SourceKind, ...] = (MAILBOX, ASKS, TASKS, LANES, CLOCK, DECISIONS, STATE, PERSON)
"""In the order in which they are asked."""


def emissions(before: Look, now: Look) -> tuple[Emission, ...]:
    """What is new in the second look and worth an event, in a fixed order."""
    return tuple(one for source in SOURCES for one in source.compare(before, now))
