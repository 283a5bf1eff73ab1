"""Handing text to a lane: what is handed is on record before the text is sent, and taken back if it never arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.actions.base import Outcome
from loop_orchestrator.clock import format_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.delivery import DeliveryMode, DeliveryStatus
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.model.task import Assignment

if TYPE_CHECKING:
    from loop_orchestrator.actions.base import Hands
    from loop_orchestrator.model.delivery import DeliveryRequest, Receipt


def hand_over(
    hands: Hands, request: DeliveryRequest, *, task: str = "", purpose: str = "work", message: str = ""
) -> Outcome:
    """Deliver, with the task or the message on record as handed over while and after that."""
    world = hands.world
    if task:
        world.tasks.assign(
            Assignment(task=task, lane=request.lane, op=request.op, at=world.clock.now(), purpose=purpose)
        )
    if message:
        world.handed_mail.add(message, request.op)
    crash_point("task.assigned")
    receipt = deliver(hands, request)
    if message and receipt.delivered and request.mode is DeliveryMode.COMMAND:
        world.mailbox.ack(message, "engine")  # a shell answers no mail, so nobody else would
    if receipt.status is DeliveryStatus.NOT_DELIVERED:
        if task:
            world.tasks.unassign(task, request.op)
        if message:
            world.handed_mail.discard(message)
    return outcome_of(receipt)


def deliver(hands: Hands, request: DeliveryRequest) -> Receipt:
    """Deliver; a lane that was seen to start is remembered as working, so that its coming to rest is a change."""
    world = hands.world
    receipt = world.deliver(request)
    if receipt.status is DeliveryStatus.STARTED:
        world.lanes_seen.add(request.lane, f"{Detail.BUSY.value} {format_time(world.clock.now())}")
    return receipt


def outcome_of(receipt: Receipt) -> Outcome:
    """What a receipt means for the item that sent the text."""
    note = f"{receipt.status.value}: {receipt.evidence}"
    if receipt.delivered:
        return Outcome(ItemStatus.DONE, note)
    if receipt.status is DeliveryStatus.NOT_DELIVERED:
        return Outcome(ItemStatus.FAILED, note)
    return Outcome(ItemStatus.UNKNOWN, note)
