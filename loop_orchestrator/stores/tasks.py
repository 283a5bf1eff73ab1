"""Tasks: Markdown files under tasks/ and tasks/archive/, and the record of which was handed to which lane."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.ids import derived_id
from loop_orchestrator.model.task import ARCHIVED, TASK_MOVES, Assignment, Task, TaskStatus
from loop_orchestrator.stores.atomic import move, read_text, write_json, write_text
from loop_orchestrator.stores.documents import read_document
from loop_orchestrator.stores.eventlog import EventLog
from loop_orchestrator.stores.frontmatter import with_values
from loop_orchestrator.stores.layout import Layout
from loop_orchestrator.stores.listing import Stamp, settled_stamp, stats_in
from loop_orchestrator.stores.lock import brief_lock
from loop_orchestrator.stores.taskfile import read_task_file, twice

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SCHEMA = 1


@dataclass(frozen=True)
class _Cached:
    stamp: Stamp
    found: Task | str


class TaskStore:
    """The tasks of a project, and the assignments of one session."""

    def __init__(self, layout: Layout, events: EventLog) -> None:
        self._layout = layout
        self._events = events
        self._cache: dict[str, _Cached] = {}

    def all(self) -> tuple[Task, ...]:
        """Every task that can be read, the archived ones too, in id order; problems() names the other files."""
        return tuple(found for found in self._scan() if isinstance(found, Task))

    def problems(self) -> tuple[str, ...]:
        """One sentence for each file that is no task, file first."""
        return tuple(found for found in self._scan() if isinstance(found, str))

    def get(self, id: str) -> Task:
        """One task. Raises StoreError, naming its problem if it has one."""
        for task in self.all():
            if task.id == id:
                return task
        problem = next((one for one in self.problems() if id and id in one), "")
        raise StoreError(f"there is no task {id}" + (f": {problem}" if problem else ""), hint="loop task list")

    def move(self, id: str, to: TaskStatus, by: str, source: str) -> Task:
        """Change a task's status, then the event ``task.moved``; done and dropped tasks stand in the archive.

        Only the value on the status line changes. A task that is open again, done or dropped is assigned to nobody.
        Raises StoreError for a move that TASK_MOVES does not have, and for a file whose status line cannot be changed.
        """
        with brief_lock(self._layout.locks / "tasks.lock"):
            task = self.get(id)
            if to not in TASK_MOVES[task.status]:
                raise StoreError(f"task {id} is {task.status.value}; it cannot become {to.value}")
            moved = self._rewrite(task, to)
        if to in (TaskStatus.OPEN, *ARCHIVED):
            self._change(lambda old: [one for one in old if one.task != id])
        payload: dict[str, JsonValue] = {"task": id, "was": task.status.value, "now": to.value, "by": by}
        self._events.append("task.moved", source, payload)
        return moved

    def assignments(self) -> tuple[Assignment, ...]:
        """What was handed to lanes and is not answered, oldest first. Raises StoreError."""
        try:
            document = read_document(self._layout.assignments, SCHEMA)
        except FileNotFoundError:
            return ()
        return tuple(
            Assignment(
                task=one.text("task"),
                lane=one.text("lane"),
                op=one.text("op"),
                at=one.time("at"),
                purpose=one.text("purpose"),
            )
            for one in document.objects("assignments")
        )

    def assign(self, assignment: Assignment) -> None:
        """Record that a task is about to be handed over: the event ``task.assigned``, then the file."""
        payload: dict[str, JsonValue] = {
            "task": assignment.task,
            "lane": assignment.lane,
            "op": assignment.op,
            "purpose": assignment.purpose,
        }
        id = derived_id("e", "task.assigned", assignment.task, assignment.op)
        self._events.append("task.assigned", "engine", payload, id=id)
        self._change(lambda old: [*(one for one in old if not _is(one, assignment.task, assignment.op)), assignment])

    def unassign(self, task: str, op: str, *, answered: bool = False) -> None:
        """Forget an assignment; one that is not there is fine.

        answered: the lane did what it was asked; otherwise the hand-over did not happen, which is the event
        ``task.unassigned``.
        """
        ended = [one for one in self.assignments() if _is(one, task, op)]
        if ended and not answered:
            payload: dict[str, JsonValue] = {"task": task, "lane": ended[0].lane, "op": op}
            id = derived_id("e", "task.unassigned", task, op)
            self._events.append("task.unassigned", "engine", payload, id=id)
        if ended:
            self._change(lambda old: [one for one in old if not _is(one, task, op)])

    def _change(self, change: Callable[[tuple[Assignment, ...]], list[Assignment]]) -> None:
        path = self._layout.assignments
        with brief_lock(path.with_name(path.name + ".lock")):
            old = self.assignments()
            new = change(old)
            if tuple(new) != old:
                values: list[JsonValue] = [
                    {
                        "task": one.task,
                        "lane": one.lane,
                        "op": one.op,
                        "at": format_time(one.at),
                        "purpose": one.purpose,
                    }
                    for one in new
                ]
                write_json(path, {"schema": SCHEMA, "assignments": values})

    def _scan(self) -> tuple[Task | str, ...]:
        """Every task in id order; in place of a task that cannot be read, or whose id stands twice, a sentence."""
        folders = (self._layout.tasks_dir, self._layout.tasks_archive)
        files = [(f"{folder}/{name}", about) for folder in folders for name, about in stats_in(folder, ".md")]
        self._cache = {file: self._cache[file] for file, _ in files if file in self._cache}
        by_id: dict[str, list[Task]] = {}
        problems: list[str] = []
        for file, about in files:
            with suppress(FileNotFoundError):
                found = self._cached(file, about)
                if isinstance(found, Task):
                    by_id.setdefault(found.id, []).append(found)
                else:
                    problems.append(found)
        problems += [one.sentence for one in twice(task for tasks in by_id.values() for task in tasks)]
        single = [tasks[0] for _, tasks in sorted(by_id.items()) if len(tasks) == 1]
        return (*single, *problems)

    def _cached(self, file: str, about: os.stat_result) -> Task | str:
        """about: what ``stat`` said of the file before."""
        stamp, cached = settled_stamp(about), self._cache.get(file)
        if stamp is None:
            return self._parsed(Path(file))
        if cached is None or cached.stamp != stamp:
            cached = self._cache[file] = _Cached(stamp, self._parsed(Path(file)))
        return cached.found

    def _parsed(self, path: Path) -> Task | str:
        found = read_task_file(path, archived=path.parent == self._layout.tasks_archive)
        return found.task or found.findings[0].sentence

    def _rewrite(self, task: Task, to: TaskStatus) -> Task:
        """Write the status and put the file where it belongs; a file outside the archive may have any status, so a
        process that dies in between leaves a task that can be read.
        """
        archived = task.file.parent == self._layout.tasks_archive
        folder = self._layout.tasks_archive if to in ARCHIVED else self._layout.tasks_dir
        target = folder / task.file.name
        if target != task.file and target.exists():
            raise StoreError(f"task {task.id} cannot become {to.value}: {target} exists")
        text = _with_status(task, read_text(task.file), to)
        if archived and target != task.file:
            move(task.file, target)
        place = target if archived else task.file
        write_text(place, text, mode=place.stat().st_mode & 0o777)
        if place != target:
            move(place, target)
        moved = self._parsed(target)
        if isinstance(moved, str):
            raise StoreError(moved)
        return moved


def _with_status(task: Task, text: str, to: TaskStatus) -> str:
    """The text with another status and not one other byte changed. Raises StoreError where that cannot be."""
    try:
        return with_values(text, {"status": to.value})
    except ValueError:
        raise StoreError(
            f"{task.file}: its status line cannot be changed", hint=f"write it as one line: status: {task.status.value}"
        ) from None


def _is(assignment: Assignment, task: str, op: str) -> bool:
    return (assignment.task, assignment.op) == (task, op)
