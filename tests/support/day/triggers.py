"""What called for a cycle, and which cycle served it, by the event log: the one place that knows how it says that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from loop_orchestrator.model.event import Event
from loop_orchestrator.model.route import EMITTED
from loop_orchestrator.routing.board import CLAIMED, STOPPED
from loop_orchestrator.routing.routes import ENGINE


@dataclass(frozen=True)
class Trigger:
    """One thing that calls for a cycle."""

    seq: int
    words: str
    """as a cycle names it"""


@dataclass
class Ledger:
    """Takes the events of a log in order."""

    triggers: dict[int, Trigger] = field(default_factory=dict)
    """all so far"""
    pending: dict[int, Trigger] = field(default_factory=dict)
    """those that no good cycle served yet"""
    named: dict[str, int] = field(default_factory=dict)
    """the words of every trigger so far -> the newest one of these words"""
    newest: int = 0
    """the event with which the newest good cycle began"""
    doubled: list[Trigger] = field(default_factory=list)
    """served more than once"""
    unnamed: list[Trigger] = field(default_factory=list)
    """given to a cycle that did not say so"""
    outcomes: dict[str, int] = field(default_factory=dict)
    """what became of triggers that were given to a cycle -> how often"""
    under_way: bool = False
    """something was given to a cycle, and it is not known what became of it"""
    _claimed: list[Trigger] = field(default_factory=list)
    _cycle: tuple[int, frozenset[str]] = (0, frozenset())
    """the newest one: its first event, and what it says it is for"""

    def take(self, event: Event) -> None:
        if event.kind == EMITTED:
            trigger = Trigger(event.seq, f"{event.source}: {event.payload['detail']}")
            self.triggers[event.seq] = self.pending[event.seq] = trigger
            self.named[trigger.words] = event.seq
        elif event.kind == CLAIMED and event.payload["route"] == ENGINE.name:
            self._claimed, self.under_way = [self.triggers[seq] for seq in _numbers(event)], True
        elif event.kind == "cycle.started":
            why = event.payload["why"]
            assert isinstance(why, list)
            self._cycle = event.seq, frozenset(map(str, why))
        elif event.kind == STOPPED and event.payload["route"] == ENGINE.name:
            self._stopped(event)

    def knows(self, words: str, seq: int) -> bool:
        """What happened after this event has a trigger of these words, or a good cycle began after it, which saw it."""
        return self.named.get(words, 0) > seq or self.newest > seq

    def _stopped(self, event: Event) -> None:
        self.under_way = False
        outcome = str(event.payload["outcome"])
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if outcome != "done":
            return
        self.newest, named = self._cycle
        self.unnamed += [trigger for trigger in self._claimed if trigger.words not in named]
        self._claimed = []
        for seq in _numbers(event):
            if self.pending.pop(seq, None) is None:
                self.doubled.append(self.triggers[seq])


def _numbers(event: Event) -> Sequence[int]:
    events = event.payload["events"]
    assert isinstance(events, list)
    return [int(str(seq)) for seq in events]
