"""Routes: which events wake which actor, and what becomes of an event that its actor fails at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.model.event import Event
    from loop_orchestrator.model.state import JsonValue

EMITTED = "source.emitted"
"""The kind of an event that routes are matched with."""


@dataclass(frozen=True)
class Emission:
    """What a source has to say; in the log it is an event of the kind EMITTED."""

    source: str
    event: str
    """one of the events that the source knows"""
    key: str
    """the same for the same occurrence, for ever: a second copy is refused"""
    detail: str
    """what happened, for a person and for a brain; of what an agent wrote it holds names at most"""
    data: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class When:
    """Which events a route takes: shell patterns over the names of sources and of their events."""

    sources: tuple[str, ...]
    events: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Retry:
    """How often an actor is given an event that it failed at, and how long each time waits."""

    attempts: int
    """in all; after the last one the event is a dead letter"""
    first_s: float
    """seconds between the first and the second; each further wait is twice the last"""
    most_s: float


@dataclass(frozen=True)
class Route:
    """One way from sources to an actor."""

    name: str
    when: When
    actor: str
    retry: Retry


class OutcomeWord(StrEnum):
    """What became of events that were given to an actor."""

    DONE = "done"
    """they need nothing more"""
    FAILED = "failed"
    """it is tried again, as the route says"""
    HELD = "held"
    """nothing is wrong with them: they are given to it again, however often that was before"""
    INTERRUPTED = "interrupted"
    """its process ended over it; they are given to it again"""


@dataclass(frozen=True)
class Outcome:
    """What an actor says at its end."""

    word: OutcomeWord
    reason: str = ""
    knew: Callable[[Event], bool] = lambda event: False  # noqa: ARG005 - of the events that came meanwhile
    """which events of its route that came meanwhile need nothing more either: it knew of them"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An event that a route has to bring to its actor."""

    event: Event
    route: str
    attempts: int = 0
    """of which each failed"""
    due_at: datetime | None = None
    """no try before; None: at once"""
    wait_s: float = 0.0
    """how far ahead that was set"""
    claimed: bool = False
    """an actor has it"""


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An event that an actor failed at as often as its route allows. It is kept until a person has it tried again."""

    event: Event
    route: str
    attempts: int
    reason: str
    """of the last failure"""
    at: datetime
    tried_again: bool = False
    """a person had it tried again; it is dead no longer, unless that fails too"""

    @property
    def id(self) -> str:
        """``4711-engine``"""
        return letter_id(self.event, self.route)


def letter_id(event: Event, route: str) -> str:
    """The number of an event and the route that brings it to its actor: ``4711-engine``."""
    return f"{event.seq}-{route}"
