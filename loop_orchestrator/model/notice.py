"""What a person is told of without asking: which events need one, what is open of it, and when it goes out.

Everything is worked out from the event log: an event opens a notice, a later one settles it. What was settled before it
was told is not told any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from loop_orchestrator.model.lane import Detail

MOST_OPEN = 2_000
"""Notices that are kept, newest first. At half, a month of mail that nobody acknowledges fills it; at double, a change
takes 20 ms."""

MOST_CHARS = 160
"""Of a text that an agent wrote, in a notice: enough to tell what it is about; the command shows the rest."""


class NoticeKind(StrEnum):
    """What a person is told of."""

    DECISION = "decision"
    """a decision waits for a yes or a no"""
    ESCALATION = "escalation"
    """the brain, or the engine itself, asks for a person; a config that changed is asked about in this way"""
    UNKNOWN = "unknown"
    """nobody knows what became of a delivery or of an action"""
    LANE_GAVE_UP = "lane-gave-up"
    """a lane is not started again by itself"""
    LANE_WAITS = "lane-waits"
    """a lane has asked for a person for longer than lane_waits_s"""
    BUDGET = "budget"
    """the budget for calls of the brain is used up"""
    BRAIN = "brain"
    """a brain is not logged in, or its model is not there"""
    CODE = "code"
    """the installed program is another than the one that the engine runs"""
    TAKEOVER = "takeover"
    """an engine began where another had been killed"""
    DISK = "disk"
    """a disk is full"""
    MAIL = "mail"
    """somebody wrote to a person"""
    DEAD_LETTER = "dead-letter"
    """something that happened could not be dealt with, however often that was tried"""
    REVIEW = "review"
    """a task waits for a person to say that it is done"""
    TEST = "test"
    """nothing: it is a trial, by loop notify test"""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing that needs a person."""

    kind: NoticeKind
    key: str
    """which thing it is; it is told once under this key while it is open"""
    what: str
    """in one line; what an agent wrote of it is shortened, and acts on nothing"""
    answer: str
    """the command that answers it"""
    at: datetime
    """since when it needs a person"""
    seq: int = 0
    """number of the event that opened it; 0: none did, since no event could be written"""
    passing: bool = False
    """nothing settles it: once it was told it is forgotten"""

    @property
    def id(self) -> str:
        """Which time that this thing needs a person; a thing that was settled and needs one again has another."""
        return f"{self.key}#{self.seq}"


@dataclass(frozen=True)
class Wait:
    """A lane that asks for a person."""

    detail: str
    since: datetime
    seq: int
    """number of the event that said so"""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What is open after the events up to ``seq``."""

    seq: int = 0
    open: Mapping[str, Notice] = field(default_factory=dict)
    """key -> notice, oldest first"""
    waits: Mapping[str, Wait] = field(default_factory=dict)
    """lane -> since when it asks, for lanes of which nobody was told yet"""

    def noted(self, notice: Notice) -> Ledger:
        """With a notice; one that is open under its key keeps its time."""
        before = self.open.get(notice.key)
        if before is not None:
            notice = replace(notice, at=before.at, seq=before.seq)
        opened = {**self.open, notice.key: notice}
        return replace(self, open=dict(list(opened.items())[-MOST_OPEN:]))

    def settled(self, *keys: str) -> Ledger:
        """Without the notices under these keys, or under keys that go on with a colon behind one of them."""
        left = {
            key: one for key, one in self.open.items() if not any(key == k or key.startswith(f"{k}:") for k in keys)
        }
        return self if len(left) == len(self.open) else replace(self, open=left)


def lasting(ledger: Ledger) -> Ledger:
    """What of it still needs a person, whenever it began: of the past, all that is worth telling."""
    return replace(ledger, open={key: one for key, one in ledger.open.items() if not one.passing})


def overdue(ledger: Ledger, now: datetime, after_s: float) -> Ledger:
    """With a notice for each lane that has asked for a person for that long."""
    for lane, wait in ledger.waits.items():
        if now < wait.since + timedelta(seconds=after_s):
            continue
        says = WAITING[wait.detail]
        ledger = ledger.noted(
            Notice(
                kind=NoticeKind.LANE_WAITS,
                key=f"lane-waits:{lane}",
                what=f"lane {lane} {says} since {wait.since:%H:%M} UTC",
                answer=f"loop attach {lane}",
                at=wait.since + timedelta(seconds=after_s),
                seq=wait.seq,
            )
        )
        ledger = replace(ledger, waits={name: one for name, one in ledger.waits.items() if name != lane})
    return ledger


def next_overdue(ledger: Ledger, after_s: float) -> datetime | None:
    """When the next lane has asked for that long; None: none asks of which nobody was told."""
    times = [wait.since + timedelta(seconds=after_s) for wait in ledger.waits.values()]
    return min(times) if times else None


def one_line(text: str) -> str:
    """The text in one line, a blank for every run of blanks and of what does not print."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def quoted(text: str, most: int = MOST_CHARS) -> str:
    """What an agent wrote as one line that acts on nothing: no control characters, markup or mentions."""
    flat = one_line(text)
    flat = flat if len(flat) <= most else flat[: most - 1] + "…"
    return flat.translate(_HARMLESS)


_HARMLESS = str.maketrans({"@": "＠", "<": "‹", ">": "›", "`": "'", "*": "∗", "[": "(", "]": ")"})
"""Signs by which chat services mention everybody, link, or show a text as something else."""

WAITING: Mapping[str, str] = {
    Detail.APPROVAL.value: "has asked for permission",
    Detail.QUESTION.value: "has asked a question",
    Detail.DIALOG.value: "has waited at a dialog",
    Detail.AUTH.value: "has not been logged in",
}
"""State of a lane in which it goes on only when a person does something -> what is said of it, before "since"."""
