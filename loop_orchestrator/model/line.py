"""The line of a lane: texts that were accepted while it was busy, and which of them is next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from loop_orchestrator.model.delivery import DeliveryStep, Receipt

if TYPE_CHECKING:
    from loop_orchestrator.model.lane import LaneRecord, LaneState


@dataclass(frozen=True, kw_only=True)
class Queued:
    """A delivery that stands in line. Its receipt says ``accepted``."""

    receipt: Receipt
    number: int
    """its place: of one lane's deliveries the one with the lowest number is next"""
    program: str
    """the harness that ran in the lane when it was accepted; another one does not get the text"""
    returned: str
    """why it was put back when it was taken last; empty: it was not"""
    under_way: bool
    """a process that lives is delivering it now"""

    @property
    def since(self) -> datetime:
        """When it was accepted."""
        return self.receipt.times[DeliveryStep.ACCEPT.value]


class Turn(StrEnum):
    """What is to be done with the head of a line now."""

    TAKE = "take"
    """deliver it"""
    WAIT = "wait"
    """the lane takes no text now; it goes on by itself"""
    HOLD = "hold"
    """nothing of this line is delivered before a person did something"""
    CLOSE = "close"
    """it can never be delivered: it is closed as not-delivered"""


@dataclass(frozen=True)
class Next:
    """What is next in a line, and why."""

    turn: Turn
    reason: str
    """empty where it is to be delivered"""


def next_in_line(
    line: Sequence[Queued], record: LaneRecord | None, state: LaneState | None, unknown: Sequence[Receipt]
) -> Next:
    """What is to be done with the first of a line that is not empty.

    record: of the lane; None: there is none any more. state: None: it cannot be seen now.
    unknown: deliveries to any lane whose outcome nobody knows.
    """
    head = line[0]
    lane = head.receipt.lane
    if head.under_way:
        return Next(Turn.WAIT, "it is being delivered now")
    if record is None:
        return Next(Turn.CLOSE, f"lane {lane} is gone")
    if program_of(record) != head.program:
        return Next(Turn.CLOSE, f"lane {lane} runs {program_of(record)} now; the text was meant for {head.program}")
    doubtful = next((receipt.op for receipt in unknown if receipt.lane == lane), "")
    if doubtful:
        return Next(Turn.HOLD, f"nobody knows whether delivery {doubtful} reached the lane")
    if state is None:
        return Next(Turn.WAIT, f"lane {lane} cannot be seen")
    if not state.ready:
        seen = f": {state.evidence[0].seen}" if state.evidence else ""
        return Next(Turn.WAIT, f"lane {lane} is {state.word.value} ({state.detail.value}){seen}")
    return Next(Turn.TAKE, "")


def program_of(record: LaneRecord) -> str:
    """What runs in a lane, as a line remembers it."""
    return record.spec.harness or record.spec.cmd
