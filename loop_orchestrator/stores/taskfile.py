"""One file of a task, read: the task in it, or what is wrong with it. The only reader of such files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.finding import Finding, nearest_of
from loop_orchestrator.model.task import (
    ARCHIVED,
    DEFAULT_ROLE,
    TASK_FILE,
    TASK_ID,
    TASK_ROLE,
    Task,
    TaskStatus,
    mended_task_name,
)
from loop_orchestrator.stores.atomic import read_text
from loop_orchestrator.stores.frontmatter import FrontMatter, FrontMatterProblem, header_of, key_lines, split

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue


@dataclass(frozen=True, kw_only=True)
class TaskFile:
    """A file as read."""

    path: Path
    task: Task | None
    """None: what it says is no task"""
    findings: tuple[Finding, ...] = ()
    """why not, in the order of the file"""
    text: str = ""
    front: FrontMatter | None = None
    """None: there is none that can be read"""


def read_task_file(path: Path, *, archived: bool) -> TaskFile:
    """Read one file. archived: it stands in the archive. Raises FileNotFoundError."""
    name = TASK_FILE.fullmatch(path.name)
    if name is None:
        message = "a task's file is named T0001-<slug>.md, the slug in lower case"
        return _no_task(path, Finding(file=path, line=0, message=message, nearest=mended_task_name(path.name)))
    try:
        text = read_text(path)
    except StoreError as error:
        return _no_task(path, Finding(file=path, line=0, message=error.message.removeprefix(f"cannot read {path}: ")))
    try:
        front = split(text)
    except FrontMatterProblem as problem:
        return _no_task(path, Finding(file=path, line=problem.line, message=problem.message))
    wrong = _Wrong(path, text)
    id, data = name[1], front.data
    if data.get("id", id) != id:
        wrong.add("id", f"{data['id']} is not the one of the file's name", id)
    title = data.get("title")
    if not isinstance(title, str) or not title.strip():
        wrong.add("title", "a text was expected")
    status = _status(data, header_of(text, front), wrong)
    if archived and status not in (None, *ARCHIVED):
        wrong.add("status", f"it is {status}, but stands in the archive")
    role = data.get("role") or DEFAULT_ROLE
    if not isinstance(role, str):
        wrong.add("role", "a text was expected")
    elif not TASK_ROLE.fullmatch(role):
        wrong.add("role", f"a letter, then letters, digits, _ or - were expected, found {role}")
    depends_on = _dependencies(data.get("depends_on"), wrong)
    if wrong.findings:
        in_order = tuple(sorted(wrong.findings, key=lambda one: one.line))
        return TaskFile(path=path, task=None, findings=in_order, text=text, front=front)
    task = Task(
        id=id,
        title=str(title),
        status=status or TaskStatus.OPEN,
        depends_on=depends_on,
        role=str(role),
        file=path,
        body=front.body,
        loop=loop if isinstance(loop := data.get("loop"), str) else "",
    )
    return TaskFile(path=path, task=task, text=text, front=front)


def twice(tasks: Iterable[Task]) -> tuple[Finding, ...]:
    """A finding for each task whose id another one has, too: it is nobody's."""
    by_id: dict[str, list[Task]] = {}
    for task in tasks:
        by_id.setdefault(task.id, []).append(task)
    return tuple(
        Finding(
            file=task.file,
            line=0,
            key="id",
            message=f"{id} stands twice, also in {', '.join(str(one.file) for one in same if one is not task)}",
        )
        for id, same in by_id.items()
        for task in same
        if len(same) > 1
    )


class _Wrong:
    """Collects findings; the lines of the keys are looked for with the first one."""

    def __init__(self, path: Path, text: str) -> None:
        self.findings: list[Finding] = []
        self._path = path
        self._text = text
        self._lines: dict[str, int] = {}

    def add(self, key: str, message: str, nearest: str = "") -> None:
        self._lines = self._lines or key_lines(self._text)
        line = self._lines.get(key, 1)
        self.findings.append(Finding(file=self._path, line=line, key=key, message=message, nearest=nearest))


def _no_task(path: Path, finding: Finding) -> TaskFile:
    return TaskFile(path=path, task=None, findings=(finding,))


def _status(data: object, header: str, wrong: _Wrong) -> TaskStatus | None:
    assert isinstance(data, dict)
    status = data.get("status", TaskStatus.OPEN.value)
    if status not in list(TaskStatus):
        expected = f"one of {', '.join(TaskStatus)} was expected, found {status}"
        wrong.add("status", expected, nearest_of(status, TaskStatus))
        return None
    if "status" in data and not re.search(rf"(?m)^status[ \t]*:[ \t]*[\"']?{status}\b", header):
        wrong.add("status", f"it must stand on a line of its own: status: {status}")
        return None
    return TaskStatus(str(status))


def _dependencies(value: JsonValue, wrong: _Wrong) -> tuple[str, ...]:
    ids = [value] if isinstance(value, str) and value.strip() else value or []
    if not isinstance(ids, list) or not all(isinstance(one, str) and TASK_ID.fullmatch(one) for one in ids):
        wrong.add("depends_on", f"a list of task ids was expected, found {value}")
        return ()
    return tuple(str(one) for one in ids)
