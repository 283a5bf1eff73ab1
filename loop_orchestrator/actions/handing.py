"""Handing text to a lane: what is handed is on record before the text is sent, and taken back if it never arrived."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loop_orchestrator.actions.base import Outcome
from loop_orchestrator.clock import format_age, format_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LoopError
from loop_orchestrator.model.ask import QUESTION_LIMIT, Ask
from loop_orchestrator.model.decision import ItemStatus
from loop_orchestrator.model.delivery import DeliveryMode, DeliveryStatus
from loop_orchestrator.model.lane import Detail
from loop_orchestrator.model.task import Assignment
from loop_orchestrator.prompts import fill

if TYPE_CHECKING:
    from loop_orchestrator.actions.base import Hands
    from loop_orchestrator.model.delivery import DeliveryRequest, Receipt


def ask(hands: Hands, request: DeliveryRequest, *, timeout_s: int) -> Outcome:
    """Deliver a text that wants an answer, with a footer that says how to give it.

    The ask is on record before anything is sent, and taken back where the text provably never arrived. Raises LoopError
    for a lane that runs no agent: it would run the footer.
    """
    world = hands.world
    record = world.lanes.records().get(request.lane)
    if record is not None and not record.agent:
        raise LoopError(f"lane {request.lane} runs no agent that could answer")
    footer = fill(
        world.prompts["ask_footer"],
        ask=request.op,
        lane=request.lane,
        timeout=format_age(timeout_s),
        mailbox=str(world.layout.messages),
    )
    world.asks.record(
        Ask(
            id=request.op,
            lane=request.lane,
            question=request.text[:QUESTION_LIMIT],
            asked_at=world.clock.now(),
            timeout_s=timeout_s,
        ),
        trace=hands.trace,
    )
    crash_point("ask.recorded")
    receipt = deliver(hands, replace(request, text=f"{request.text.rstrip()}\n\n{footer.rstrip()}"))
    if receipt.status is DeliveryStatus.NOT_DELIVERED:
        world.asks.withdraw(request.op)
    elif receipt.delivered:
        world.asks.arrived(request.op, world.clock.now())
    return outcome_of(receipt)


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
