"""Tasks that became ready."""

from __future__ import annotations

from collections.abc import Iterator

from loop_orchestrator.model.route import Emission
from loop_orchestrator.sources.base import SourceKind
from loop_orchestrator.sources.look import Look


def _compare(before: Look, now: Look) -> Iterator[Emission]:
    for task in sorted(now.tasks - before.tasks):
        yield Emission("tasks", "ready", f"{task}#{now.number}", f"{task} is ready", {"task": task})


TASKS = SourceKind("tasks", {"ready": "a task is open and all that it depends on is done"}, _compare)
