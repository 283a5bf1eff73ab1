"""A task: one Markdown work item that moves through lanes to a proposed result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

TASK_ID = re.compile(r"T[0-9]{4}")
TASK_FILE = re.compile(r"(T[0-9]{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.md")
"""Name of a task's file: its id and a lower-case slug."""

TASK_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
"""A role that a lane can have, whole."""

DEFAULT_ROLE = "implementation"
"""The role of a task that names none."""

REPORT_SUBJECT = re.compile(r"\s*(T[0-9]{4})[:,]?\s+(in-progress|review|proved|not-proved)\b.*", re.DOTALL)
"""Subject with which an agent reports on a task, in mail to ``coord``."""


class TaskStatus(StrEnum):
    """Where a task stands."""

    OPEN = "open"
    """nobody works on it"""
    IN_PROGRESS = "in-progress"
    """a lane said that it works on it"""
    REVIEW = "review"
    """a lane said that it is done; a person decides"""
    DONE = "done"
    """a person said so"""
    DROPPED = "dropped"
    """a person gave it up"""


TASK_MOVES: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.OPEN: frozenset({TaskStatus.IN_PROGRESS, TaskStatus.REVIEW, TaskStatus.DROPPED}),
    TaskStatus.IN_PROGRESS: frozenset({TaskStatus.OPEN, TaskStatus.REVIEW, TaskStatus.DROPPED}),
    TaskStatus.REVIEW: frozenset({TaskStatus.OPEN, TaskStatus.IN_PROGRESS, TaskStatus.DONE, TaskStatus.DROPPED}),
    TaskStatus.DONE: frozenset({TaskStatus.OPEN}),
    TaskStatus.DROPPED: frozenset({TaskStatus.OPEN}),
}
"""Allowed moves. An agent's mail moves a task at most to review."""


ARCHIVED = (TaskStatus.DONE, TaskStatus.DROPPED)
"""Whose files stand in the archive."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task file."""

    id: str
    title: str
    status: TaskStatus
    depends_on: tuple[str, ...]
    """ids of tasks that must be done, or in review, before this one is ready"""
    role: str
    """the role whose lanes may take it"""
    file: Path
    """absolute"""
    body: str
    loop: str = ""
    """id of the loop that it belongs to; empty: it names none"""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A task handed to a lane, recorded before the text is sent."""

    task: str
    lane: str
    op: str
    """the delivery that hands it over"""
    at: datetime
    purpose: str = "work"
    """``work``, or ``prove`` where a validation lane checks what another lane did"""

    def is_answered_by(self, sender: str, task: str, word: str) -> bool:
        """The lane that has it says one of the words that are its own to say: only a proof proves, only work ends."""
        words = ("in-progress", "proved", "not-proved") if self.purpose == "prove" else ("in-progress", "review")
        return (self.lane, self.task) == (sender, task) and word in words


def mended_task_name(name: str) -> str:
    """The name that a task's file was probably meant to have; empty if none can be told."""
    found = re.fullmatch(r"[tT]?-?([0-9]{1,4})(.*?)(?:\.\w+)?", name)
    if found is None:
        return ""
    words = re.findall(r"[a-z0-9]+", found[2].lower())
    return f"T{int(found[1]):04d}-{'-'.join(words) or 'task'}.md"


def ready_tasks(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Open tasks whose dependencies are all in review or done, in id order.

    A dependency that does not exist, or that a cycle leads through, is never met.
    """
    by_id = {task.id: task for task in tasks}
    met = {task.id for task in by_id.values() if task.status in (TaskStatus.REVIEW, TaskStatus.DONE)}
    return tuple(
        task for _, task in sorted(by_id.items()) if task.status is TaskStatus.OPEN and met.issuperset(task.depends_on)
    )


def dependency_problems(tasks: Iterable[Task]) -> tuple[str, ...]:
    """One sentence for each dependency on a missing task and for each cycle, in id order."""
    return tuple(sentence for _, sentence in dependency_flaws(tasks))


def dependency_flaws(tasks: Iterable[Task]) -> tuple[tuple[str, str], ...]:
    """The same, each with the id of the task that has it; of a cycle, the smallest."""
    by_id = {task.id: task for task in tasks}
    flaws = [
        (task.id, f"{task.id} depends on {missing}, which does not exist")
        for task in by_id.values()
        for missing in task.depends_on
        if missing not in by_id
    ]
    for start in sorted(by_id):
        path = _cycle_through(start, by_id)
        if path and start == min(path):
            flaws.append((start, "dependency cycle: " + " -> ".join((*path, start))))
    return tuple(flaws)


def _cycle_through(start: str, by_id: Mapping[str, Task]) -> tuple[str, ...]:
    stack: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while stack:
        path = stack.pop()
        for after in by_id[path[-1]].depends_on:
            if after == start:
                return path
            if after in by_id and after not in seen:
                seen.add(after)
                stack.append((*path, after))
    return ()
