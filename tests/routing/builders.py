"""Events, routes and actors of small stories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from loop_orchestrator.model.event import Event
from loop_orchestrator.model.route import Emission, Outcome, OutcomeWord, Retry, Route, When
from loop_orchestrator.routing.pump import Pump, emit
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.routing import RoutingStore
from tests.support.clocks import SteppedClock

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
RETRY = Retry(attempts=3, first_s=10.0, most_s=15.0)
MAIL = Route("mail", When(("mailbox",)), "writer", RETRY)
ALL = Route("all", When(("*",), ("arrived", "fin*")), "reader", RETRY)

DONE = Outcome(OutcomeWord.DONE)


@dataclass
class Recorder:
    """An actor that notes what it was given and answers as it is told."""

    answer: Callable[[Sequence[Event]], Outcome] = lambda events: DONE
    given: list[list[str]] = field(default_factory=list)
    rest_s: float | None = 0.0

    def wait_s(self) -> float | None:
        return self.rest_s

    def act(self, events: Sequence[Event]) -> Outcome:
        self.given.append([str(event.payload["key"]) for event in events])
        return self.answer(events)


@dataclass
class Scene:
    """A session with two routes, whose daemon may begin anew."""

    layout: Layout
    clock: SteppedClock
    log: EventLog
    writer: Recorder
    reader: Recorder

    @property
    def store(self) -> RoutingStore:
        return RoutingStore(self.layout)

    def pump(self) -> Pump:
        """As a daemon has it that begins now."""
        log = EventLog(self.layout.events, self.clock)
        return Pump(log, self.store, self.clock, (MAIL, ALL), {"writer": self.writer, "reader": self.reader})

    def emit(self, *keys: str, source: str = "mailbox", event: str = "arrived") -> None:
        emit(self.log, self.clock, [Emission(source, event, key, f"{key} came") for key in keys])

    def told(self, kind: str) -> list[Event]:
        return [event for event in self.log.since(0) if event.kind == kind]


def scene_in(folder: Path) -> Scene:
    layout, clock = Layout(folder, "s"), SteppedClock(START)
    return Scene(layout, clock, EventLog(layout.events, clock), Recorder(), Recorder())
