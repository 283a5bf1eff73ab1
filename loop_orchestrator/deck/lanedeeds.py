"""What a person does to lanes from the deck: steer, dispatch, add, drop, restart, jump. Each is an operation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.config.schema import LaneConfig
from loop_orchestrator.errors import UsageError
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, Receipt
from loop_orchestrator.model.lane import LaneKind
from loop_orchestrator.operations.boot import add_lane
from loop_orchestrator.operations.ending import EndReport, drop_lane
from loop_orchestrator.operations.observe import record_of
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.operations.queue import enqueue
from loop_orchestrator.operations.restart import restart_by_person
from loop_orchestrator.operations.send import send_text

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk
    from loop_orchestrator.deck.dialogs.add_lane import NewLane
    from loop_orchestrator.model.lane import LaneRecord

READY_S = 20.0
"""How long a text waits for its lane to be ready. At half, a lane that just ends its turn is missed; at double, a
person looks at a busy lane for longer than it takes to put the text in line."""


def say(desk: Desk, lane: str, text: str, *, interrupt: bool, wait: bool, queue: bool, fresh: bool) -> Receipt:
    """Deliver a text to a lane, or put it in line. Blocks until it is delivered. Raises LoopError."""
    world = desk.world
    refuse_agent(world, "send as a person")
    request = DeliveryRequest(
        op=new_id("s", world.clock.now()),
        lane=lane,
        text=text,
        sender=desk.caller,
        ready_timeout_s=READY_S if wait else 0.0,
        interrupt=interrupt,
        fresh=fresh,
    )
    return enqueue(world, request) if queue else send_text(world, request)


def told(receipt: Receipt) -> tuple[str, bool]:
    """What became of a text, and whether that is as it should be."""
    good = receipt.status in (DeliveryStatus.SUBMITTED, DeliveryStatus.STARTED, DeliveryStatus.ACCEPTED)
    return f"{receipt.lane}: {receipt.status.value}: {receipt.evidence}", good


def boot(desk: Desk, new: NewLane) -> LaneRecord:
    """Boot one lane more, and give it its first text once it is ready. Raises LoopError."""
    world = desk.world
    harness = world.harnesses.get(new.harness)
    if harness is not None and Path(harness.origin).parent == world.layout.harness_dir:
        desk.require_accepted()
    try:
        spec = LaneConfig(
            name=new.name,
            role=new.role,
            harness=new.harness,
            model=new.model,
            kind=LaneKind.WORKER,
            worktree=new.worktree,
        ).to_spec(world.root)
    except ValueError as error:
        raise UsageError(str(error)) from error
    record = add_lane(world, spec, desk.surroundings)
    if new.brief:
        say(desk, new.name, new.brief, interrupt=False, wait=True, queue=False, fresh=False)
    return record


def drop(desk: Desk, lane: str, *, even_of_config: bool) -> EndReport:
    """End a lane; its uncommitted work is saved first. Raises LoopError."""
    return drop_lane(desk.world, lane, force=even_of_config, by=desk.caller)


def restart(desk: Desk, lane: str) -> LaneRecord:
    """Start the program of a lane again, in its own pane. Raises LoopError."""
    return restart_by_person(desk.world, lane, force=False, by=desk.caller)


def jump(desk: Desk, lane: str) -> None:
    """Make a lane the one that attached terminals show. Raises LoopError."""
    world = desk.world
    record = record_of(world, lane)
    world.substrate.select(record.pane)
