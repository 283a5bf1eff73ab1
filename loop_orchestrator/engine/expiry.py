"""Waiting actions that nobody answered in time: silence is a no."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from loop_orchestrator.clock import format_age
from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import DecisionStateError
from loop_orchestrator.ids import derived_id
from loop_orchestrator.model.decision import Decision, Item, ItemStatus
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.world import World


def expire(world: World, decision: Decision) -> Decision:
    """Reject every action of the decision that waited for longer than the config allows, each an event."""
    late = [item for item in decision.items if _is_late(world, item)]
    if not late:
        return decision
    now = world.clock.now()

    def rejected(old: Decision) -> Decision:
        left = [item for item in late if old.items[item.idx].status is ItemStatus.WAITING]
        if not left:
            return old
        indices: list[JsonValue] = [item.idx for item in left]
        world.events.append(
            "decision.expired",
            "engine",
            {"decision": decision.id, "items": indices},
            trace=decision.cycle,
            id=derived_id("e", decision.id, "expired", *map(str, indices)),
        )
        crash_point("expiry.promised")
        for item in left:
            note = f"nobody answered within {format_age((now - item.changed_at).total_seconds())}; silence is a no"
            old = old.with_item(old.items[item.idx].moved(ItemStatus.REJECTED, note=note, at=now))
        return old

    expired = world.decisions.update(decision.id, rejected)
    crash_point("expiry.recorded")
    return expired


def expire_all(world: World) -> None:
    """The same for every open decision."""
    from loop_orchestrator.engine.execute import archive_if_closed

    if world.config.engine is None or world.config.engine.approval_expires_s is None:
        return
    for decision in world.decisions.open_decisions():
        with suppress(DecisionStateError):  # a person closed it meanwhile
            archive_if_closed(world, expire(world, decision))


def _is_late(world: World, item: Item) -> bool:
    limit_s = world.config.engine.approval_expires_s if world.config.engine else None
    if limit_s is None or item.status is not ItemStatus.WAITING:
        return False
    return world.clock.now() - item.changed_at > timedelta(seconds=limit_s)
