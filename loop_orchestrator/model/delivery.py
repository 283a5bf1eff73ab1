"""One piece of text on its way to one lane, with a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class DeliveryStatus(StrEnum):
    """How a delivery stands."""

    ACCEPTED = "accepted"
    """recorded; nothing reached the pane yet"""
    SUBMITTED = "submitted"
    """Enter was pressed and the text left the composer"""
    STARTED = "started"
    """and there is proof that a turn, or the command, started"""
    NOT_DELIVERED = "not-delivered"
    """nothing of it reached the pane, or it was taken out again"""
    UNKNOWN = "unknown"
    """a person must look; it is never sent again by itself"""


DELIVERY_MOVES: Mapping[DeliveryStatus, frozenset[DeliveryStatus]] = {
    DeliveryStatus.ACCEPTED: frozenset(
        {
            DeliveryStatus.SUBMITTED,
            DeliveryStatus.STARTED,
            DeliveryStatus.NOT_DELIVERED,
            DeliveryStatus.UNKNOWN,
        }
    ),
    DeliveryStatus.SUBMITTED: frozenset(),
    DeliveryStatus.STARTED: frozenset(),
    DeliveryStatus.NOT_DELIVERED: frozenset(),
    DeliveryStatus.UNKNOWN: frozenset({DeliveryStatus.SUBMITTED, DeliveryStatus.NOT_DELIVERED}),
}
"""Allowed moves. Out of ``unknown`` only a person leads: ``loop resolve``."""


class DeliveryStep(StrEnum):
    """The eight steps of a delivery, in order; each is on disk before it is taken."""

    ACCEPT = "accept"
    LEASE = "lease"
    CHECK = "check"
    CLEAN = "clean"
    RESET = "reset"
    PASTE = "paste"
    SUBMIT = "submit"
    RECEIPT = "receipt"

    @property
    def touches_pane(self) -> bool:
        """From here on a process that dies leaves the outcome unknown."""
        return self in (DeliveryStep.PASTE, DeliveryStep.SUBMIT)


class DeliveryMode(StrEnum):
    """What the text is."""

    TEXT = "text"
    """a prompt for an agent"""
    COMMAND = "command"
    """a command line for a shell"""


@dataclass(frozen=True, kw_only=True)
class DeliveryRequest:
    """What a sender asks for."""

    op: str
    """operation id: the same id with the same text is delivered once, whoever repeats it"""
    lane: str
    text: str
    mode: DeliveryMode = DeliveryMode.TEXT
    sender: str
    """who sends: a lane, ``engine`` or ``person``"""
    ready_timeout_s: float = 0.0
    """seconds to wait for the lane to be ready; 0: it must be ready now"""
    interrupt: bool = False
    """interrupt a running turn first"""
    press_enter: bool = True
    """False leaves the text standing in the composer as a draft"""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """How a delivery stands, as its file under deliveries/ says; ``loop send --json`` prints it."""

    op: str
    lane: str
    sender: str
    mode: DeliveryMode
    status: DeliveryStatus
    step: DeliveryStep
    """the step reached"""
    sha256: str
    """of the text as given"""
    bytes: int
    """of the text as sent, in UTF-8"""
    removed: Mapping[str, int] = field(default_factory=dict)
    """what cleaning took out: name of the character -> how many"""
    times: Mapping[str, datetime] = field(default_factory=dict)
    """step -> when it was taken"""
    evidence: str = ""
    """one sentence: why this status is believed"""
    pane: str = ""
    """the pane it was meant for; empty before that was known"""

    @property
    def delivered(self) -> bool:
        return self.status in (DeliveryStatus.SUBMITTED, DeliveryStatus.STARTED)
