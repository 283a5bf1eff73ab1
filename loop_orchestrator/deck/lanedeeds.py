"""What a person does to lanes from the deck: steer, dispatch, add, drop, restart, jump. Each is an operation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.config.schema import LaneConfig
from loop_orchestrator.errors import LoopError, ProcessError, SubstrateError, UsageError
from loop_orchestrator.ids import new_id
from loop_orchestrator.model.delivery import DeliveryRequest, DeliveryStatus, Receipt
from loop_orchestrator.model.lane import LaneKind, LaneRecord, LaneSpec
from loop_orchestrator.operations.attach import is_inside, select_lane
from loop_orchestrator.operations.boot import add_lane, refuse_foreign
from loop_orchestrator.operations.ending import EndReport, drop_lane
from loop_orchestrator.operations.observe import observe_lane
from loop_orchestrator.operations.person import refuse_agent
from loop_orchestrator.operations.programs import missing_programs
from loop_orchestrator.operations.queue import enqueue
from loop_orchestrator.operations.resolve import next_step, standing
from loop_orchestrator.operations.restart import restart_by_person
from loop_orchestrator.operations.send import send_text
from loop_orchestrator.process.run import run

if TYPE_CHECKING:
    from loop_orchestrator.deck.desk import Desk
    from loop_orchestrator.deck.dialogs.add_lane import NewLane
    from loop_orchestrator.world import World

READY_S = 20.0
"""How long a text waits for its lane to be ready. At half, a lane that just ends its turn is missed; at double, a
person looks at a busy lane for longer than it takes to put the text in line."""

BOOT_S = 60.0
"""How long the first text of a new lane waits: a coding agent takes some seconds to its composer. At half, a slow
machine loses the text; at double, a person waits two minutes to hear that the program is not logged in."""

BACK = "#{prefix} d leads back to the deck"
"""What tmux says below the lane; it puts its own prefix key there."""

BACK_INSIDE = "#{prefix} L leads back to the deck, or #{prefix} l where it is a window of this session"

_SAID_MS = 8000
"""At half, it is gone before a person looked down; at double, it covers the row of windows for longer than of use."""

_SWITCH_LIMIT_S = 10.0


@dataclass(frozen=True)
class Told:
    """What became of a deed, in words for the person who did it."""

    title: str
    text: str
    good: bool = True


def say(desk: Desk, lane: str, text: str, *, interrupt: bool, queue: bool, fresh: bool) -> Told:
    """Deliver a text to a lane, or put it in line. Blocks until it is delivered. Raises LoopError.

    interrupt: the turn that is under way; of no use for one in line. fresh: with a fresh context.
    """
    if interrupt and queue:
        raise UsageError("what stands in line interrupts nothing", hint="tick one of the two")
    world = desk.world
    refuse_agent(world, "send as a person")
    return told(world, _deliver(desk, lane, text, interrupt=interrupt, queue=queue, fresh=fresh, limit_s=READY_S))


def _deliver(desk: Desk, lane: str, text: str, *, interrupt: bool, queue: bool, fresh: bool, limit_s: float) -> Receipt:
    world = desk.world
    request = DeliveryRequest(
        op=new_id("s", world.clock.now()),
        lane=lane,
        text=text,
        sender=desk.caller,
        ready_timeout_s=0.0 if queue else limit_s,
        interrupt=interrupt,
        fresh=fresh,
    )
    return enqueue(world, request) if queue else send_text(world, request)


def told(world: World, receipt: Receipt) -> Told:
    """The receipt in words, and what to do where it is not as it should be."""
    lane, evidence = receipt.lane, receipt.evidence
    match receipt.status:
        case DeliveryStatus.STARTED:
            return Told(f"{lane} works on it", evidence)
        case DeliveryStatus.SUBMITTED:
            return Told(f"{lane} got it", evidence)
        case DeliveryStatus.ACCEPTED:
            return Told(f"in line for {lane}", evidence or "it is delivered as soon as the lane is ready")
        case DeliveryStatus.NOT_DELIVERED:
            return Told(f"{lane} did not get it", f"{evidence}\nd or s again, with it put in line", good=False)
        case DeliveryStatus.UNKNOWN:
            step = next_step(receipt.op, stands=_stands(world, receipt))
            return Told(
                f"nobody knows whether {lane} got it", f"{evidence}\ng shows the lane; then: {step}", good=False
            )


def _stands(world: World, receipt: Receipt) -> bool:
    try:
        return receipt.op in standing(world, (receipt,), (observe_lane(world, receipt.lane),))
    except LoopError:
        return False


def boot(desk: Desk, new: NewLane) -> Told:
    """Boot one lane more, and give it its first text once it is ready. Raises LoopError."""
    world = desk.world
    harness = world.harnesses.get(new.harness)
    if harness is not None and Path(harness.origin).parent == world.layout.harness_dir:
        desk.require_accepted()
    spec = _spec(new, world.root)
    warnings = missing_programs(world, (spec,), desk.surroundings, desk.environ)
    record = add_lane(world, spec, desk.surroundings)
    lines = [f"{record.spec.harness} in pane {record.pane}", *warnings]
    if record.spec.worktree_of is not None:
        lines.append(f"its worktree: {record.spec.cwd}")
    good = not warnings
    if new.brief:
        receipt = _deliver(desk, new.name, new.brief, interrupt=False, queue=False, fresh=False, limit_s=BOOT_S)
        first = told(world, receipt)
        lines.append(f"{first.title}: {first.text}")
        good = good and first.good
    return Told(f"lane {new.name} was added", "\n".join(lines), good=good)


def _spec(new: NewLane, root: Path) -> LaneSpec:
    try:
        return LaneConfig(
            name=new.name,
            role=new.role,
            harness=new.harness,
            model=new.model,
            kind=LaneKind.WORKER,
            worktree=new.worktree,
            auto_approve=new.auto_approve,
        ).to_spec(root)
    except ValueError as error:
        raise UsageError(str(error)) from error


def drop(desk: Desk, lane: str, *, even_of_config: bool) -> Told:
    """End a lane; its uncommitted work is saved first. Raises LoopError."""
    report = drop_lane(desk.world, lane, force=even_of_config, by=desk.caller)
    return Told(f"lane {lane} ended", left_by(report))


def left_by(report: EndReport) -> str:
    """What an ended lane left, a sentence a line."""
    lines = [f"hand-off: {report.handoff}"]
    if report.saved is not None:
        lines.append(f"uncommitted work: loop undo restore {report.saved.name}")
    if report.worktree is not None:
        stays = f"stays ({report.kept}): {report.worktree}" if report.kept else "is removed, its branch stays"
        lines.append(f"its worktree {stays}")
    if report.not_delivered:
        lines.append(f"not delivered to it: {len(report.not_delivered)}; the texts are in the hand-off")
    return "\n".join(lines)


def restart(desk: Desk, lane: str) -> LaneRecord:
    """Start the program of a lane again, in its own pane. Raises LoopError."""
    return restart_by_person(desk.world, lane, force=False, by=desk.caller)


def jump(desk: Desk, lane: str) -> tuple[str, ...]:
    """Make a lane the one that attached terminals show, and in a pane of the same server switch to it.

    Returns the command that shows it where this is another terminal, to be run there; empty: it is shown. Raises
    LoopError.
    """
    substrate = desk.world.substrate
    refuse_foreign(desk.world)
    select_lane(desk.world, lane)
    if not is_inside(desk.environ, desk.socket):
        return (*substrate.attach_argv(inside=False), *_says(BACK))
    if not substrate.is_shown():
        raise SubstrateError("this is a pane that no terminal shows", hint=f"in a terminal: {substrate.attach_hint()}")
    done = run((*substrate.attach_argv(inside=True), *_says(BACK_INSIDE)), timeout_s=_SWITCH_LIMIT_S)
    if done.code != 0:
        raise ProcessError(f"tmux shows lane {lane} not: {done.complaint}")
    return ()


def _says(text: str) -> tuple[str, ...]:
    return (";", "display-message", "-d", str(_SAID_MS), text)
