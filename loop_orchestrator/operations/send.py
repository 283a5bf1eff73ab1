"""Text on its way to a lane, and a person's word on a delivery whose outcome is unknown."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, Receipt
from loop_orchestrator.operations.observe import CloseLook, record_of, spec_of
from loop_orchestrator.operations.person import refuse_agent

if TYPE_CHECKING:
    from loop_orchestrator.substrate.deliver import Journal
    from loop_orchestrator.world import World


class Outcome(StrEnum):
    """What a person says became of an unknown delivery."""

    HAPPENED = "happened"
    """the lane got the text"""
    DID_NOT = "did-not"
    """the lane did not get it; it may be sent again under another operation id"""
    DROP = "drop"
    """it is given up; what it was to hand over is free again"""


def deliver_text(world: World, request: DeliveryRequest, *, journal: Journal | None = None) -> Receipt:
    """Deliver text to a lane; the one way, whoever sends. Raises UsageError for a lane that there is not.

    journal: where it is on record; None: among the deliveries, as one that is accepted now.
    """
    from loop_orchestrator.substrate.deliver import deliver

    record = record_of(world, request.lane)
    spec = spec_of(world, record)
    if spec is None:
        raise UsageError(
            f"lane {request.lane} runs a fixed command and takes no text", hint="loop lane list shows what runs where"
        )
    return deliver(
        request,
        substrate=world.substrate,
        record=record,
        spec=spec,
        journal=journal or world.deliveries,
        state_of=CloseLook(world, request.lane).look,
        clock=world.clock,
        cancel=world.cancel,
    )


def send_text(world: World, request: DeliveryRequest) -> Receipt:
    """Deliver text for somebody at a command line; what processes that are gone left open is settled first.

    Raises NotAPersonError for an agent that would run a command in a lane without one: that goes through the gate.
    """
    if not record_of(world, request.lane).agent:
        refuse_agent(world, f"run a command in lane {request.lane}; mail to that lane is put before a person")
    world.deliveries.settle_dead()
    return deliver_text(world, request)


def resolve(world: World, op: str, outcome: Outcome, *, by: str) -> Receipt:
    """Close a delivery whose outcome is unknown with what a person saw.

    Raises NotAPersonError from an agent's lane, UsageError for an unknown operation, StoreError for one that is closed.
    """
    from loop_orchestrator.engine.settle import settle_item_of

    refuse_agent(world, "say what became of a delivery")
    world.deliveries.settle_dead()
    if world.deliveries.get(op) is None:
        unknown = ", ".join(one.op for one in world.deliveries.unknown()) or "none"
        raise UsageError(f"there is no delivery {op}; unknown outcomes: {unknown}", hint="loop status")
    if outcome is Outcome.DROP and world.queue.waits(op):
        return world.queue.drop(op, f"{by} took it out of the line", by=by)
    to = DeliveryStatus.SUBMITTED if outcome is Outcome.HAPPENED else DeliveryStatus.NOT_DELIVERED
    receipt = world.deliveries.resolve(op, to, by=by)
    settle_item_of(world, op)
    return receipt
