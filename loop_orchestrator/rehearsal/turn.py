"""What the rehearsal agent knows about its conversation and the turn under way. No terminal, no clock of its own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

KEPT_ENTRIES = 300
"""Entries of the conversation that are kept; older ones are forgotten."""

KEPT_CHARACTERS = 10_000
"""Characters of an entry that are kept for showing; what is longer ends with ``…``."""


class Mark(StrEnum):
    """What stands before the first row of an entry."""

    PROMPT = ">"
    ANSWER = "●"
    NOTE = " "
    """the program's own words, such as the greeting"""


@dataclass(frozen=True)
class Entry:
    """One piece of the conversation."""

    mark: Mark
    text: str
    """any number of lines; of a prompt only the first"""


@dataclass(frozen=True)
class Approval:
    """A question that is open, and the choice that Enter would take."""

    what: str
    yes: bool = True


class Conversation:
    """The entries, the turn under way, what waits behind it, and how the last turn failed."""

    def __init__(self, greeting: tuple[str, ...] = ()) -> None:
        self.entries: deque[Entry] = deque((Entry(Mark.NOTE, line) for line in greeting), maxlen=KEPT_ENTRIES)
        self.queued: deque[str] = deque()
        self.activity = ""
        """what the turn is doing: ``Working``, ``Thinking``, ``Running: git status``; empty between turns"""
        self.started_at = 0.0
        """monotonic seconds at which the turn began"""
        self.failure = ""
        """how the last turn failed, until the next one begins"""
        self.approval: Approval | None = None

    @property
    def working(self) -> bool:
        """A turn is under way, one that waits for an answer to its question included."""
        return bool(self.activity)

    def begin(self, prompt: str, now: float) -> None:
        """Start a turn; the failure of the one before moves from the status row into the conversation."""
        if self.failure:
            self.say(f"The turn before failed: {self.failure}")
            self.failure = ""
        first, _, rest = prompt.strip().partition("\n")
        self._add(Mark.PROMPT, f"{first}…" if rest else first)
        self.started_at = now
        self.activity = "Working"

    def queue(self, prompt: str) -> None:
        """Keep a prompt until the turn under way ends."""
        self.queued.append(prompt)

    def do(self, activity: str) -> None:
        """Say what the turn does from now on."""
        self.activity = activity

    def say(self, text: str) -> None:
        """Add an answer."""
        self._add(Mark.ANSWER, text)

    def ask(self, what: str) -> None:
        """Open a question; the turn waits for its answer."""
        self.approval = Approval(what)

    def choose(self, *, yes: bool) -> None:
        """Move the choice of the open question."""
        if self.approval is not None:
            self.approval = replace(self.approval, yes=yes)

    def close_question(self) -> None:
        """Take the question away, answered or not."""
        self.approval = None

    def fail(self, text: str) -> None:
        """Let the turn end as failed: the status row says so until the next turn begins."""
        self.failure = text

    def interrupt(self) -> None:
        """Note that a person stopped the turn; ``✗`` in the first column is only ever a failure."""
        self.say("✗ Interrupted")

    def end(self) -> str:
        """End the turn. Returns the prompt that was queued first, taken out of the queue; empty if none was."""
        self.activity = ""
        self.approval = None
        return self.queued.popleft() if self.queued else ""

    def clear(self) -> None:
        """Forget the entries and the last failure."""
        self.entries.clear()
        self.failure = ""

    def _add(self, mark: Mark, text: str) -> None:
        kept = text if len(text) <= KEPT_CHARACTERS else f"{text[:KEPT_CHARACTERS]}…"
        self.entries.append(Entry(mark, kept))
