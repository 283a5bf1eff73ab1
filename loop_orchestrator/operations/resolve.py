"""A person's word on a delivery whose outcome is unknown: what became of it, or what is to become of it now."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LoopError, StoreError, UsageError
from loop_orchestrator.model.delivery import DeliveryStatus, Receipt
from loop_orchestrator.operations.observe import record_of, spec_of
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.operations.send import typist_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loop_orchestrator.model.lane import Lane
    from loop_orchestrator.world import World


class Outcome(StrEnum):
    """What a person says of an unknown delivery."""

    HAPPENED = "happened"
    """the lane got the text"""
    DID_NOT = "did-not"
    """the lane did not get it; it may be sent again under another operation id"""
    DROP = "drop"
    """it is given up; what it was to hand over is free again"""
    SUBMIT = "submit"
    """it stands in the composer: press Enter"""
    CLEAR = "clear"
    """it stands in the composer: take it out again"""


def resolve(world: World, op: str, outcome: Outcome, *, by: str) -> Receipt:
    """Close a delivery whose outcome is unknown with what a person saw, or by submitting or clearing what stands there.

    Raises NotAPersonError from an agent's lane, UsageError for an unknown operation, StoreError for one that is closed,
    and LoopError, with nothing pressed, where what stands in the composer is not recognised.
    """
    from loop_orchestrator.engine.settle import settle_item_of

    refuse_agent(world, "say what became of a delivery")
    world.deliveries.settle_dead()
    found = world.deliveries.get(op)
    if found is None:
        unknown = ", ".join(one.op for one in world.deliveries.unknown()) or "none"
        raise UsageError(f"there is no delivery {op}; unknown outcomes: {unknown}", hint="loop status")
    if outcome is Outcome.DROP and world.queue.waits(op):
        return world.queue.drop(op, f"{by} took it out of the line", by=by)
    if outcome in (Outcome.SUBMIT, Outcome.CLEAR):
        receipt = _act(world, found, outcome, by=by)
    else:
        to = DeliveryStatus.SUBMITTED if outcome is Outcome.HAPPENED else DeliveryStatus.NOT_DELIVERED
        receipt = world.deliveries.resolve(op, to, by=by)
    if receipt.status is not DeliveryStatus.UNKNOWN:
        crash_point("resolve.closed")
        settle_item_of(world, op)
    return receipt


def standing(world: World, receipts: tuple[Receipt, ...], lanes: tuple[Lane, ...]) -> frozenset[str]:
    """The unknown deliveries whose text is recognised, alone, in the composer of their lane. Presses nothing."""
    from loop_orchestrator.substrate.standing import why_not_recognised

    by_name: Mapping[str, Lane] = {lane.name: lane for lane in lanes}
    seen = set()
    for receipt in receipts:
        lane = by_name.get(receipt.lane)
        spec = spec_of(world, lane.record) if lane else None
        if lane is not None and spec is not None and not why_not_recognised(receipt, lane, spec):
            seen.add(receipt.op)
    return frozenset(seen)


def next_step(op: str, *, stands: bool) -> str:
    """What a person types about an unknown delivery once the lane was looked at."""
    return f"loop resolve {op} submit|clear" if stands else f"loop resolve {op} happened|did-not|drop"


def _act(world: World, receipt: Receipt, outcome: Outcome, *, by: str) -> Receipt:
    from loop_orchestrator.substrate import standing as acts
    from loop_orchestrator.substrate.typist import Ended

    if receipt.status is not DeliveryStatus.UNKNOWN:
        raise StoreError(
            f"delivery {receipt.op} is {receipt.status.value}; only an unknown one can be resolved", hint="loop status"
        )
    record = record_of(world, receipt.lane)
    spec = spec_of(world, record)
    if spec is None:
        raise UsageError(f"lane {receipt.lane} runs a fixed command and has no composer")
    act = acts.submit if outcome is Outcome.SUBMIT else acts.clear
    with typist_for(world, record, spec) as typist, world.deliveries.lease(receipt.lane):
        lane = typist.state_of()
        if why := acts.why_not_recognised(receipt, lane, spec):
            raise LoopError(
                f"nothing was pressed: {why}",
                hint=f"look: loop attach {receipt.lane}; then {next_step(receipt.op, stands=False)}",
            )
        world.deliveries.resolving(receipt.op, outcome.value, by=by)
        crash_point("resolve.recorded")
        try:
            ended = act(typist, receipt)
        except Ended as how:
            ended = how
        said = f"{by} had it {'submitted' if outcome is Outcome.SUBMIT else 'cleared'}: {ended.evidence}"
        enters = receipt.enters + typist.enters
        return world.deliveries.resolved(
            replace(receipt, status=ended.status, evidence=said, proof=ended.proof, enters=enters), outcome.value, by=by
        )
