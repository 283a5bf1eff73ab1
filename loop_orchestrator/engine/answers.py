"""Takes answers to asks in and ends those whose time is over: as a cycle begins, and at every look of the daemon."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.ask import ANSWERED_AT, Ask, AskStatus, answered, from_others, named_asks
from loop_orchestrator.model.delivery import DeliveryStatus, DeliveryStep
from loop_orchestrator.model.message import parse_message_file_name
from loop_orchestrator.stores.listing import names_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from loop_orchestrator.model.message import Message
    from loop_orchestrator.world import World

_SLACK = timedelta(seconds=1)
"""The time of a message is in whole seconds, that of an ask is not."""


def settle_asks(world: World) -> tuple[Ask, ...]:
    """Take in what arrived, then note whose time is over; every ask that is known, as it stands after that.

    An answer that was there before the time was over counts, however late it is looked at. Raises StoreError.
    """
    asks = world.asks.all()
    answerable = [ask for ask in asks if ask.status is not AskStatus.REPLIED]
    if not answerable:
        return asks
    mail = world.mailbox.peek(ANSWERED_AT)
    for ask in answerable:
        _settle_ask(world, ask, mail)
    return world.asks.all()


def next_deadline(asks: Sequence[Ask]) -> datetime | None:
    """When the time of the next ask is over; None: none is outstanding."""
    return min((ask.deadline for ask in asks if ask.status is AskStatus.OUTSTANDING), default=None)


def _settle_ask(world: World, ask: Ask, pending: Sequence[Message]) -> None:
    now = world.clock.now()
    mail = (*pending, *_put_away(world, ask)) if ask.is_recent(now) else tuple(pending)
    for other in from_others(ask, mail):
        if other.file not in ask.others:
            world.asks.not_answered(ask, other)
    reply = answered(ask, mail)
    if reply is not None:
        world.asks.reply(ask, reply)
    elif ask.is_due(now) and not _is_being_sent(world, ask):
        world.asks.time_out(ask)


def _put_away(world: World, ask: Ask) -> list[Message]:
    """Messages of the asked lane that somebody acknowledged before they were looked at here."""
    known = {one.id for one in world.asks.all()}
    found = []
    for name in names_in(world.layout.processed, ".md"):
        said = parse_message_file_name(name)
        if said is None or said[1:] != (ask.lane, ANSWERED_AT) or said[0] < ask.asked_at - _SLACK:
            continue
        if name in world.asks.read_before:
            continue
        with suppress(StoreError):  # it is gone, or is no message any more
            message = world.mailbox.read(name)
            if known & named_asks(message):
                found.append(message)
            else:
                world.asks.read_before.add(name)  # an ask that is made later has an id that it cannot name
    return found


def _is_being_sent(world: World, ask: Ask) -> bool:
    """Its text is on its way, which may take as long as the lane needs to be ready."""
    receipt = world.deliveries.get(ask.id)
    under_way = receipt is None or receipt.status is DeliveryStatus.ACCEPTED
    return under_way and _is_being_executed(world, ask)


def settle_unsent(world: World) -> None:
    """After a crash: asks whose text never arrived are taken back, and the time of those that did runs from then on."""
    for ask in world.asks.all():
        if ask.status is AskStatus.REPLIED:
            continue
        receipt = world.deliveries.get(ask.id)
        if receipt is None:
            never_sent = not _is_being_executed(world, ask)
        else:
            never_sent = receipt.status is DeliveryStatus.NOT_DELIVERED
        if never_sent:
            world.asks.withdraw(ask.id)
        elif receipt is not None and receipt.delivered:
            at = receipt.times.get(DeliveryStep.RECEIPT.value, ask.asked_at)
            if at > ask.asked_at:
                world.asks.arrived(ask.id, at)


def _is_being_executed(world: World, ask: Ask) -> bool:
    """Another process, or this one, is at the decision that asks; it may be just about to send the text."""
    decision_id, _, _ = ask.id.rpartition("-")
    return world.decisions.execution_lock(decision_id).holder() is not None
