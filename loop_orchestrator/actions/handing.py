"""Handing text to a lane: what is handed is on record before the text is sent, and taken back if it never arrived."""

from __future__ import annotations

import re
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
from loop_orchestrator.prompts import fenced, fill

if TYPE_CHECKING:
    from loop_orchestrator.actions.base import Hands
    from loop_orchestrator.model.delivery import DeliveryRequest, Receipt

TASK_LIMIT = 16_000
"""Characters of a task's text that are put behind a text which names its file. At half, a task with its background is
cut; at double, the paste alone fills a tenth of a small model's window."""

_TASK_FILE = re.compile(r"\btasks/(T[0-9]{4})-[a-z0-9-]+\.md\b")


def task_named_in(text: str) -> str:
    """The id of the one task whose file a text names; empty if it names none, or several."""
    named = set(_TASK_FILE.findall(text))
    return named.pop() if len(named) == 1 else ""


def with_task_text(hands: Hands, lane: str, text: str) -> str:
    """The text for a lane; in a worktree, where the task's file may not be, with the text of the task that it names.

    It is put there as data, at most TASK_LIMIT characters of it, and not if the text holds it already.
    """
    world = hands.world
    record = world.lanes.records().get(lane)
    id = task_named_in(text)
    if record is None or record.spec.worktree_of is None or not record.agent or not id:
        return text
    task = next((one for one in world.tasks.all() if one.id == id), None)
    if task is None or not task.body.strip() or task.body.strip() in text:
        return text
    body = task.body.strip()
    cut = "" if len(body) <= TASK_LIMIT else f"\n[cut after {TASK_LIMIT} characters; the whole is in {task.file}]"
    said = fill(world.prompts["task_text"], task=task.id, file=str(task.file))
    return f"{text.rstrip()}\n\n{said.rstrip()}\n{fenced(body[:TASK_LIMIT] + cut, 'task')}"


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
