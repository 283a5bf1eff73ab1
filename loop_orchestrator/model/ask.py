"""Asks: a text to a lane that wants an answer by mail, until the answer is there or the time for it is over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loop_orchestrator.model.message import Message

ANSWERED_AT = "coord"
"""Who an answer is mailed to: the coordinator reads what lanes say."""

ANSWER_LIMIT = 4_000
"""Characters of an answer that the record keeps; the whole is the message. At half, a reasoned answer loses its end; at
double, a few of them alone fill a small model's window."""

QUESTION_LIMIT = 1_000
"""Characters of the text that the record keeps; the whole stands in the decision."""

RECENT_S = 3600.0
"""Seconds for which a prompt goes on showing an ask that ended. At half, a brain that rests after a failure misses it;
at double, answers that were acted on stand in every prompt of two hours."""

_NAMED = re.compile(r"\bre:\s*(?P<id>[A-Za-z0-9][A-Za-z0-9._-]*)", re.IGNORECASE)


class AskStatus(StrEnum):
    """Where an ask stands."""

    OUTSTANDING = "outstanding"
    """no answer yet, and there is time left"""
    REPLIED = "replied"
    """the lane that was asked answered, in time or late"""
    TIMED_OUT = "timed-out"
    """the time is over without an answer; one that comes later still counts"""


ASK_MOVES: Mapping[AskStatus, frozenset[AskStatus]] = {
    AskStatus.OUTSTANDING: frozenset({AskStatus.REPLIED, AskStatus.TIMED_OUT}),
    AskStatus.REPLIED: frozenset(),
    AskStatus.TIMED_OUT: frozenset({AskStatus.REPLIED}),
}
"""Allowed moves; CONTRACT.md prints this table."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One text to one lane that wants an answer."""

    id: str
    """the operation id of the delivery that carries it: ``<decision>-<idx>``"""
    lane: str
    question: str
    """the first QUESTION_LIMIT characters of the text, as the brain gave it"""
    asked_at: datetime
    """when its text arrived; until that is known, when it was about to be sent"""
    timeout_s: int
    status: AskStatus = AskStatus.OUTSTANDING
    ended_at: datetime | None = None
    """when it was seen to be answered, or its time to be over; None: it is outstanding"""
    file: str = ""
    """file name of the message that answers it"""
    answer: str = ""
    """the first ANSWER_LIMIT characters of that message"""
    late: bool = False
    """the answer was sent after the time was over"""
    others: tuple[str, ...] = ()
    """file names of messages that say they answer it, from senders that were not asked"""

    @property
    def deadline(self) -> datetime:
        return self.asked_at + timedelta(seconds=self.timeout_s)

    def is_due(self, now: datetime) -> bool:
        """Its time is over and nobody noted that yet."""
        return self.status is AskStatus.OUTSTANDING and now >= self.deadline

    def is_recent(self, now: datetime) -> bool:
        """It is outstanding, or ended less than RECENT_S ago."""
        return self.ended_at is None or (now - self.ended_at).total_seconds() < RECENT_S


def named_asks(message: Message) -> frozenset[str]:
    """Ids that a message says it answers: its ``in_reply_to``, and every ``re:<id>`` of its subject.

    Such an id need not be that of an ask.
    """
    said = {found["id"].rstrip(".-_") for found in _NAMED.finditer(message.subject)}
    return frozenset(said | {message.in_reply_to}) - {""}


def answered(ask: Ask, messages: Iterable[Message]) -> Message | None:
    """The first of these messages that answers the ask: to the coordinator, from the lane that was asked."""
    return next((one for one in _answers(ask, messages) if one.sender == ask.lane), None)


def from_others(ask: Ask, messages: Iterable[Message]) -> tuple[Message, ...]:
    """Messages that say they answer the ask and come from somebody who was not asked."""
    return tuple(one for one in _answers(ask, messages) if one.sender != ask.lane)


def _answers(ask: Ask, messages: Iterable[Message]) -> Iterable[Message]:
    return (one for one in messages if one.recipient == ANSWERED_AT and ask.id in named_asks(one))
