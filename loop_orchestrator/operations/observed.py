"""What the next cycle would see of the project, and what it could not. Writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.engine.cycle import mode_of
from loop_orchestrator.engine.observe import observe
from loop_orchestrator.model.snapshot import Snapshot, Unknown
from loop_orchestrator.model.task import ready_tasks
from loop_orchestrator.operations.shapes import Json, message_shape, state_shape, task_shape, time_or_none

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.world import World


def look(world: World) -> Snapshot:
    """One look, as a cycle takes it; nothing of it is remembered. Raises DecisionStateError without an engine."""
    return observe(world, cycle="observe", why=("a person looks",), mode=mode_of(world), record=False)


def observed_document(snapshot: Snapshot) -> Json:
    """The document of ``loop engine observe --json``; what could not be seen is null, and in ``unseen``."""
    lanes: JsonValue = None
    if not isinstance(snapshot.lanes, Unknown):
        lanes = {
            lane.name: {
                **state_shape(lane.state),
                "role": lane.record.spec.role,
                "since": time_or_none(snapshot.since.get(lane.name)),
                "decision": snapshot.claims.get(lane.name),
            }
            for lane in snapshot.lanes
        }
    mail: JsonValue = None
    if not isinstance(snapshot.mail, Unknown):
        mail = [message_shape(message) for message in snapshot.mail]
    tasks: JsonValue = None
    if not isinstance(snapshot.tasks, Unknown):
        tasks = [task_shape(task) for task in ready_tasks(snapshot.tasks)]
    return {
        "session": snapshot.session,
        "at": format_time(snapshot.at),
        "lanes": lanes,
        "mail": mail,
        "ready_tasks": tasks,
        "calls_left": snapshot.spent.calls_left,
        "unseen": [{"what": what, "reason": reason} for what, reason in snapshot.unseen],
    }
