"""What a person says about a task. A lane reports by mail; only a person says that a task is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loop_orchestrator.model.task import Task, TaskStatus
from loop_orchestrator.operations.person import refuse_agent

if TYPE_CHECKING:
    from loop_orchestrator.world import World


def move_task(world: World, task_id: str, to: TaskStatus, *, by: str) -> Task:
    """Move a task to done, dropped or open again.

    Raises NotAPersonError from an agent's lane, and StoreError for an unknown task or a move that there is not.
    """
    refuse_agent(world, f"say that a task is {to.value}")
    return world.tasks.move(task_id, to, by=by, source="person")
