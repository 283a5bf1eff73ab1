"""Step 1, settle: what earlier cycles left unfinished is closed by what is on disk; reports by mail move tasks."""

from __future__ import annotations

from contextlib import suppress

from loop_orchestrator.actions.add_lane import AddLane
from loop_orchestrator.actions.base import Outcome
from loop_orchestrator.actions.escalate import Escalate
from loop_orchestrator.actions.handing import outcome_of
from loop_orchestrator.engine.answers import settle_asks, settle_unsent
from loop_orchestrator.engine.execute import archive_if_closed, close_item, execute
from loop_orchestrator.engine.expiry import expire_all
from loop_orchestrator.errors import LockedError, LoopError, StoreError
from loop_orchestrator.ids import derived_id
from loop_orchestrator.model.decision import Decision, DecisionStatus, Item, ItemStatus
from loop_orchestrator.model.delivery import DeliveryStatus
from loop_orchestrator.model.handoff import HANDOFF_ACK, has_handoff, page_of
from loop_orchestrator.model.message import Message
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.task import REPORT_SUBJECT, TASK_MOVES, TaskStatus
from loop_orchestrator.stores.sweep import sweep
from loop_orchestrator.world import World


def settle(world: World) -> None:
    """Close what was started and is no longer running, continue what provably never started, move reported tasks."""
    sweep(world.layout)
    world.deliveries.settle_dead()
    expire_all(world)
    ended = world.events.last("cycle.ended")
    for decision in world.decisions.open_decisions():
        if ended is None or decision.created_at > ended.at:
            note_escalations(world, decision)  # the cycle that filed it died, perhaps before it did that
        _settle_decision(world, decision)
    _take_back_hand_overs(world)
    _settle_asks(world)
    _forget_old_proofs(world)
    for message in world.mailbox.pending("coord"):
        try:
            _settle_report(world, message)
        except StoreError as error:  # it stays in the mailbox, and holds nothing else up
            world.events.append("crash", "engine", {"what": f"report {message.file}", "reason": error.message})


def note_escalations(world: World, decision: Decision) -> None:
    """What the decision puts before a person, each once: an event, and remembered as long as it holds."""
    for item in decision.items:
        action = item.action
        if not isinstance(action, Escalate):
            continue
        world.events.append(
            "escalated",
            "engine",
            {"decision": decision.id, "summary": action.summary, "idx": item.idx},
            trace=decision.cycle,
            id=derived_id("e", decision.id, str(item.idx), "escalated"),
        )
        if action.about:
            world.escalations.add(action.about, decision.id)


def _settle_asks(world: World) -> None:
    """Asks that cannot be read hold nothing else up; the brain is told that they cannot."""
    try:
        settle_unsent(world)
        settle_asks(world)
    except StoreError as error:
        world.events.append("crash", "engine", {"what": "asks", "reason": error.message})


def settle_item_of(world: World, op: str) -> None:
    """Close the item that sent a delivery, and take back what it asked, as soon as a person said what became of it;
    nothing else is begun."""
    decision_id, _, _ = op.rpartition("-")
    for decision in world.decisions.open_decisions():
        if decision.id == decision_id:
            _settle_decision(world, decision, go_on=False)
    settle_unsent(world)


def _settle_decision(world: World, decision: Decision, *, go_on: bool = True) -> None:
    lock = world.decisions.execution_lock(decision.id)
    try:
        lock.acquire(timeout_s=0)
    except LockedError:
        return  # another process is executing it
    try:
        decision = world.decisions.get(decision.id)  # another process may have executed it until now
        if decision.status is DecisionStatus.CLOSED:
            archive_if_closed(world, decision)
            return
        for item in decision.items:
            decision = _settle_item(world, decision, item)
    finally:
        lock.release()
    if not go_on:
        archive_if_closed(world, decision)
        return
    with suppress(LockedError):  # another process has begun to execute it
        execute(world, decision.id)


def _settle_item(world: World, decision: Decision, item: Item) -> Decision:
    """Close an item that was started and is not running; an unknown one as soon as the disk, or a person, knows."""
    if item.status not in (ItemStatus.STARTED, ItemStatus.UNKNOWN):
        return decision
    outcome = _what_became_of(world, decision, item)
    if outcome.status is item.status:
        return decision
    return close_item(world, decision.id, item.idx, outcome)


def _what_became_of(world: World, decision: Decision, item: Item) -> Outcome:
    """The outcome of an item whose process died while it ran, as far as the disk tells."""
    kind, target = item.action.kind, item.action.target
    if kind == "escalate":
        return Outcome(ItemStatus.DONE, "settled after a restart")
    if kind == "stop":
        return Outcome(ItemStatus.FAILED, "not stopped: the engine ended before it looked whether anything goes on")
    if kind == "drop_lane":
        gone = target not in world.lanes.records()
        if gone:
            return Outcome(ItemStatus.DONE, "the lane is gone")
        how = f"the engine ended while it ended lane {target}; a person must look: loop lane drop {target}"
        return Outcome(ItemStatus.UNKNOWN, how)
    receipt = world.deliveries.get(f"{decision.id}-{item.idx}")
    if receipt is not None:
        return outcome_of(receipt)
    if isinstance(item.action, AddLane):
        return _what_became_of_lane(world, item.action)
    return Outcome(ItemStatus.FAILED, "the engine ended before anything was sent")


def _what_became_of_lane(world: World, action: AddLane) -> Outcome:
    """The outcome of an add_lane that has no delivery: its lane may be booted, also where it is not on record."""
    name = action.target
    try:
        if name not in world.lanes.records():
            if not any(pane.lane == name for pane in world.substrate.panes()):
                return Outcome(ItemStatus.FAILED, "the engine ended before anything was sent")
            world.start_lane(action.spec(world))  # takes over what was started, and starts nothing
    except LoopError as error:
        how = f"the engine ended while it booted lane {name}, and what is there could not be seen: {error.message}"
        return Outcome(ItemStatus.UNKNOWN, f"{how}; look: loop lane list")
    return Outcome(ItemStatus.FAILED, f"lane {name} was booted; the engine ended before its brief was sent")


def _take_back_hand_overs(world: World) -> None:
    """What was recorded as handed over, and provably never arrived, is free again."""
    for assignment in world.tasks.assignments():
        if _never_arrived(world, assignment.op):
            world.tasks.unassign(assignment.task, assignment.op)
    handed = world.handed_mail.items()
    pending = world.mailbox.pending_names() if handed else frozenset()
    free = [file for file, op in handed.items() if file not in pending or _never_arrived(world, op)]
    world.handed_mail.discard(*free)


def _forget_old_proofs(world: World) -> None:
    """What was proved, or not, of work that is to be done again says nothing about the new work."""
    proofs = world.proofs.items()
    again = (TaskStatus.OPEN, TaskStatus.IN_PROGRESS)
    for task in world.tasks.all() if proofs else ():
        if task.id in proofs and task.status in again:
            world.proofs.discard(task.id)
            world.escalations.discard(f"proof:{task.id}")


def _never_arrived(world: World, op: str) -> bool:
    receipt = world.deliveries.get(op)
    if receipt is not None:
        return receipt.status is DeliveryStatus.NOT_DELIVERED
    return not _is_being_executed(world, op)


def _is_being_executed(world: World, op: str) -> bool:
    """An item without a delivery record may just be about to make one, in another process."""
    decision_id, _, _ = op.rpartition("-")
    return world.decisions.execution_lock(decision_id).holder() is not None


def _settle_report(world: World, message: Message) -> None:
    """``T0001 in-progress`` and the like, from the lane that has the task, moves the task and is acknowledged."""
    report = REPORT_SUBJECT.fullmatch(message.subject)
    if report is None:
        _settle_handoff_ack(world, message)
        return
    task_id, word = report[1], report[2]
    tasks = {task.id: task for task in world.tasks.all()}
    mine = [one for one in world.tasks.assignments() if one.is_answered_by(message.sender, task_id, word)]
    if task_id not in tasks or not mine:
        return  # nobody asked that lane for it: a person reads the mail
    if word in ("proved", "not-proved"):
        world.proofs.add(task_id, f"{word} {message.file}")
        world.events.append(
            "task.proved",
            "engine",
            {"task": task_id, "by": message.sender, "answer": word, "file": message.file},
            caused_by=message.id,
        )
    elif any(one.purpose == "work" for one in mine):
        status = TaskStatus(word)
        if status in TASK_MOVES[tasks[task_id].status]:
            world.tasks.move(task_id, status, by=message.sender, source="engine")
    if word != "in-progress":
        for assignment in mine:
            world.tasks.unassign(task_id, assignment.op, answered=True)
            world.escalations.discard(f"silent:{task_id}.{assignment.lane}")
    world.mailbox.ack(message.file, "engine")


def _settle_handoff_ack(world: World, message: Message) -> None:
    """``re:handoff:web`` from lane web, whose page has a hand-off, says that it goes on, and is acknowledged."""
    said = HANDOFF_ACK.fullmatch(message.subject)
    if said is None or said["lane"] != message.sender or not has_handoff(world.wiki.read_or(page_of(message.sender))):
        return
    payload: dict[str, JsonValue] = {"lane": message.sender, "file": message.file}
    id = derived_id("e", "handoff.taken-up", message.file)
    world.events.append("handoff.taken-up", "engine", payload, caused_by=message.id, id=id)
    world.mailbox.ack(message.file, "engine")
