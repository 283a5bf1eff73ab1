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
    DeliveryStatus.UNKNOWN: frozenset({DeliveryStatus.SUBMITTED, DeliveryStatus.STARTED, DeliveryStatus.NOT_DELIVERED}),
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


class DeliveryProof(StrEnum):
    """By which sign a delivery is believed to have arrived."""

    STATE = "state"
    """the lane was seen to work, to ask, or to have failed, as it was not before the paste"""
    SAID = "said"
    """the program said itself that a turn began"""
    CONVERSATION = "conversation"
    """the text left the composer and stands in the conversation"""
    COMPOSER = "composer"
    """the composer is empty again; no more than that was seen"""
    DRAFT = "draft"
    """the text stands in the composer, as was asked for"""
    PERSON = "person"
    """a person said so"""


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
    fresh: bool = False
    """new work: where the harness data says so, the program is first given a fresh context"""


@dataclass(frozen=True, kw_only=True)
class DeliverySettings:
    """How this process delivers, whatever it delivers."""

    resets: bool = True
    """False: no fresh context is ever asked for"""
    reset_timeout_s: float = 8.0
    """seconds within which a fresh context must be confirmed"""
    paste_delay_s: float = 0.0
    """least seconds between paste and Enter; the harness data may ask for more"""


PLAIN = DeliverySettings()
"""Where nobody asked for anything else."""


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
    sent_sha256: str = ""
    """of the text as sent, cleaned, in UTF-8; empty in records that do not have it"""
    reset: str = ""
    """what became of the fresh context that was asked for; empty: none was"""
    composer: str = ""
    """digest of what the composer shows while the text stands there: foretold before the paste, seen before Enter"""
    enters: int = 0
    """how often Enter was pressed"""
    proof: DeliveryProof | None = None
    """by which sign it is believed to have arrived; None: by none"""

    @property
    def delivered(self) -> bool:
        return self.status in (DeliveryStatus.SUBMITTED, DeliveryStatus.STARTED)
