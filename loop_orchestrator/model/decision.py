"""A decision: a critique and up to eight actions, each with a verdict and a status of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from loop_orchestrator.model.action import Action
from loop_orchestrator.model.verdict import Verdict

MAX_ACTIONS = 8
"""A reply with more is refused: a burst that no person can read is no decision."""


class ApprovalMode(StrEnum):
    """What runs without a person."""

    MANUAL = "manual"
    """nothing"""
    AUTO = "auto"
    """safe actions"""
    FULL = "full"
    """safe and destructive actions; never blocked ones, never an escalate"""


class ItemStatus(StrEnum):
    """Where one action of a decision stands."""

    WAITING = "waiting"
    """a person must say yes or no"""
    READY = "ready"
    """allowed, not begun"""
    STARTED = "started"
    """recorded as begun"""
    DONE = "done"
    """its effect happened"""
    FAILED = "failed"
    """it ended without its effect"""
    UNKNOWN = "unknown"
    """the process died while it ran; a person must look, it is not repeated"""
    REJECTED = "rejected"
    """a person said no"""
    BLOCKED = "blocked"
    """the gate refused it"""


ITEM_MOVES: Mapping[ItemStatus, frozenset[ItemStatus]] = {
    ItemStatus.WAITING: frozenset({ItemStatus.READY, ItemStatus.REJECTED}),
    ItemStatus.READY: frozenset({ItemStatus.STARTED, ItemStatus.REJECTED}),
    ItemStatus.STARTED: frozenset({ItemStatus.DONE, ItemStatus.FAILED, ItemStatus.UNKNOWN}),
    ItemStatus.DONE: frozenset(),
    ItemStatus.FAILED: frozenset(),
    ItemStatus.UNKNOWN: frozenset({ItemStatus.DONE, ItemStatus.FAILED}),
    ItemStatus.REJECTED: frozenset(),
    ItemStatus.BLOCKED: frozenset(),
}
"""Allowed moves; CONTRACT.md prints this table and a test compares the two."""


class DecisionStatus(StrEnum):
    """Where a decision stands, worked out from its items."""

    WAITING = "waiting"
    """an item waits for a person"""
    EXECUTING = "executing"
    """an item is allowed or begun"""
    UNKNOWN = "unknown"
    """an item's outcome is not known; a person must look"""
    CLOSED = "closed"
    """nothing is left to do; it is in the archive"""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A person's signed yes."""

    actions: tuple[int, ...]
    """the actions that were approved together"""
    signature: str
    """armoured, over engine.approval.approval_message"""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What a person changed in an action before saying yes; what it was is kept."""

    idx: int
    at: datetime
    by: str
    digest: str
    """of the decision before"""
    action: Action
    """as the brain proposed it, or an earlier edit left it"""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One action of a decision with its verdict and its status."""

    idx: int
    action: Action
    verdict: Verdict
    status: ItemStatus
    note: str = ""
    """the outcome or the reason of the last move, in a sentence"""
    changed_at: datetime
    approval: Approval | None = None
    """None: nobody signed for it"""

    def moved(self, status: ItemStatus, *, note: str, at: datetime) -> Item:
        """The item in its next status. Raises ValueError for a move that ITEM_MOVES does not have."""
        if status not in ITEM_MOVES[self.status]:
            raise ValueError(f"item {self.idx}: no move from {self.status.value} to {status.value}")
        return replace(self, status=status, note=note, changed_at=at)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a brain decided in one cycle and what became of it."""

    id: str
    session: str
    created_at: datetime
    brain: str
    mode: ApprovalMode
    """the approval mode it was judged under"""
    critique: str
    items: tuple[Item, ...]
    digest: str
    """sha256 of what it will do (engine.approval.digest_of): what a person approves"""
    cycle: str
    """id of the cycle that made it; ties its events together"""
    edits: tuple[Edit, ...] = ()
    """oldest first"""
    untrusted: tuple[str, ...] = ()
    """sources of text that it was made of and that are not trusted: ``lane:web``"""

    @property
    def status(self) -> DecisionStatus:
        statuses = {item.status for item in self.items}
        if ItemStatus.WAITING in statuses:
            return DecisionStatus.WAITING
        if statuses & {ItemStatus.READY, ItemStatus.STARTED}:
            return DecisionStatus.EXECUTING
        if ItemStatus.UNKNOWN in statuses:
            return DecisionStatus.UNKNOWN
        return DecisionStatus.CLOSED

    def with_item(self, item: Item) -> Decision:
        return replace(self, items=tuple(item if old.idx == item.idx else old for old in self.items))

    @property
    def claimed_lanes(self) -> frozenset[str]:
        """Lanes that an unfinished item of this decision acts on."""
        return frozenset(item.action.target for item in self.unfinished if item.action.target)

    @property
    def unfinished(self) -> tuple[Item, ...]:
        """Items that wait, may begin, have begun, or of which nobody knows what became."""
        open_statuses = (ItemStatus.WAITING, ItemStatus.READY, ItemStatus.STARTED, ItemStatus.UNKNOWN)
        return tuple(item for item in self.items if item.status in open_statuses)
