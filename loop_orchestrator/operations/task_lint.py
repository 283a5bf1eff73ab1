"""What is wrong with the files of tasks: what keeps a task from being handed out is an error, the rest a warning.

An error is a file that is no task as it stands, or a task that can never become ready: a name, key or value that cannot
be read, an id that stands twice, a dependency on nothing, on itself or on a dropped task, what is named like a task
where nobody reads it. A warning is what has a default or costs the lane a question: a key left out, a key or role that
nothing knows, a section that is missing or empty, a fence that is never closed, a finished task outside the archive.
``strict`` makes errors of warnings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from loop_orchestrator.markdowntext import Markdown, is_too_long, read_blocks
from loop_orchestrator.model.finding import Finding, Severity, nearest_of
from loop_orchestrator.model.task import ARCHIVED, TASK_FILE, Task, TaskStatus, dependency_flaws, mended_task_name
from loop_orchestrator.stores.atomic import kind_of
from loop_orchestrator.stores.frontmatter import header_of, key_lines
from loop_orchestrator.stores.listing import names_in
from loop_orchestrator.stores.taskfile import TaskFile, read_task_file, twice

REQUIRED = ("id", "title", "status", "depends_on", "role")
"""Keys that a task's file has; a default exists for each but title."""

KNOWN = (*REQUIRED, "loop", "scope", "jira")
"""Keys that mean something to somebody."""

SECTIONS = (
    "Objective",
    "Context you need",
    "Deliverables",
    "Acceptance criteria",
    "Verification",
    "Out of scope",
)
"""Beginnings of the headings of a task that leaves its lane no question."""

SECTION_LEVEL = 2
"""Level of the headings of sections."""

_TASK_LIKE = re.compile(r"[tT][0-9]{2,}")
"""Begins the name of what somebody meant to be a task."""

ROLES = ("implementation", "validation", "ops", "docs", "coordinator")
"""Roles that lanes have by their names."""


@dataclass(frozen=True)
class Linted:
    """What was found."""

    folder: Path
    files: int
    findings: tuple[Finding, ...]
    """by file, then by line"""

    def count(self, severity: Severity) -> int:
        return sum(one.severity is severity for one in self.findings)


def lint_tasks(folder: Path, *, roles: Collection[str] = (), strict: bool = False) -> Linted:
    """Read a folder of tasks and its archive. roles: those of the project's lanes, beside ROLES. Changes nothing."""
    files: list[TaskFile] = []
    findings: list[Finding] = []
    for place in (folder, folder / "archive"):
        for name in names_in(place, "", files_only=False):
            path = place / name
            if not path.is_file():
                findings += _no_file(path, archive=folder / "archive")
            elif not name.endswith(".md"):
                findings += _not_markdown(path)
            else:
                files.append(read_task_file(path, archived=place != folder))
    tasks = [one.task for one in files if one.task]
    findings += [finding for one in files for finding in one.findings]
    findings += _across(files, tasks)
    findings += [finding for one in files for finding in _looked_at(one, {*ROLES, *roles}, archive=folder / "archive")]
    if strict:
        findings = [replace(one, severity=Severity.ERROR) for one in findings]
    in_order = sorted(findings, key=lambda one: (one.file.name, str(one.file), one.line))
    return Linted(folder, len(files), tuple(in_order))


def _no_file(path: Path, *, archive: Path) -> list[Finding]:
    """About a folder, a pipe or a link that leads nowhere, where it is or holds what looks like a task."""
    if path.is_dir() and not path.is_symlink():
        if path == archive:
            return []
        hidden = [path / name for name in names_in(path, ".md") if _TASK_LIKE.match(name)]
        where = f"nobody reads tasks in {path.name}/: move it up, or into {archive.name}/ when it is done"
        if hidden:
            return [Finding(file=one, line=0, message=where) for one in hidden]
    if not _TASK_LIKE.match(path.name):
        return []
    what = "it is a link that leads to no file" if path.is_symlink() else f"it is {kind_of(path.lstat().st_mode)}"
    return [Finding(file=path, line=0, message=f"{what}, and nobody reads it: a task is a file")]


def _not_markdown(path: Path) -> list[Finding]:
    if not _TASK_LIKE.match(path.name):
        return []
    message = "nobody reads it: a task's file is named T0001-<slug>.md"
    return [Finding(file=path, line=0, message=message, nearest=mended_task_name(path.name))]


def _across(files: Iterable[TaskFile], tasks: Sequence[Task]) -> list[Finding]:
    """Findings that need more than one file."""
    read = {one.path: one for one in files}
    findings = list(twice(tasks))
    by_id = {task.id: task for task in tasks}
    unreadable = {name[1] for one in files if not one.task and (name := TASK_FILE.fullmatch(one.path.name))}
    for id, sentence in dependency_flaws(tasks):
        missing = re.search(r"depends on (\S+),", sentence)
        if missing and missing[1] in unreadable:
            continue  # that file has findings of its own
        near = _id_meant(missing[1], by_id.keys() - {id}) if missing else ""
        findings.append(_at(read[by_id[id].file], "depends_on", sentence, near))
    for task in tasks:
        for other in task.depends_on:
            dropped = other in by_id and by_id[other].status is TaskStatus.DROPPED
            if task.status is TaskStatus.OPEN and dropped:
                findings.append(_at(read[task.file], "depends_on", f"{other} was dropped, so {task.id} is never ready"))
    return findings


def _id_meant(given: str, known: Iterable[str]) -> str:
    """The one id that is written with the same digits; empty if there is none: any other is as near as the next."""
    same = [id for id in known if sorted(id) == sorted(given)]
    return same[0] if len(same) == 1 else ""


def _looked_at(file: TaskFile, roles: Collection[str], *, archive: Path) -> list[Finding]:
    """Warnings about one file whose front matter can be read."""
    if file.front is None:
        return []
    data, found = file.front.data, list[Finding]()
    unknown = [key for key in data if key not in KNOWN]
    for key in unknown:
        near = nearest_of(key, [one for one in KNOWN if one not in data])
        # A misspelt dependency or role is not left out: it is lost, and the task is handed out too early or to anybody.
        severity = Severity.ERROR if near else Severity.WARNING
        found.append(_at(file, key, "no such key is known", near, severity))
    left_out = [key for key in REQUIRED if key not in data and key != "title"]
    if left_out:
        found.append(_at(file, left_out[0], f"left out: {', '.join(left_out)}", severity=Severity.WARNING))
    task = file.task
    if task is None:
        return found
    if task.role not in roles:
        message = f"no lane has the role {task.role}, so nobody is handed it"
        found.append(_at(file, "role", message, nearest_of(task.role, roles), Severity.WARNING))
    if task.status in ARCHIVED and file.path.parent != archive:
        message = f"it is {task.status.value}, so its place is {archive.name}/"
        found.append(_at(file, "status", message, severity=Severity.WARNING))
    if task.status not in ARCHIVED:
        found += _sections(file)
    return found


def _sections(file: TaskFile) -> list[Finding]:
    """Warnings about the body: the sections that it lacks, those that say nothing, a fence that swallows the rest."""
    assert file.front is not None
    body = file.front.body
    first = header_of(file.text, file.front).count("\n") + 1
    if not body.strip():
        return [_warning(file, first, "the body is empty")]
    if is_too_long(body):
        return [_warning(file, first, f"the body has {len(body)} characters, and is not looked at")]
    read = read_blocks(body)
    return [*_missing_sections(file, read, first), *_empty_sections(file, read, first)] + [
        _warning(file, first + fault.line - 1, f"the fence {fault.about} is never closed: all that follows is code")
        for fault in read.faults
        if fault.what == "unclosed-fence"
    ]


def _missing_sections(file: TaskFile, read: Markdown, first: int) -> list[Finding]:
    """One warning for all of them. first: line of the file on which the body begins."""
    headings = [one.text for one in read.headings if one.level == SECTION_LEVEL]
    missing = [one for one in SECTIONS if not any(has.casefold().startswith(one.casefold()) for has in headings)]
    if not missing:
        return []
    spare = [one for one in headings if not one.casefold().startswith(tuple(name.casefold() for name in SECTIONS))]
    misspelt = next((one for one in spare if nearest_of(one, missing)), "")
    near = f"## {nearest_of(misspelt, missing)} (for ## {misspelt})" if misspelt else ""
    return [_warning(file, first, f"no section ## {', ## '.join(missing)}", near)]


def _empty_sections(file: TaskFile, read: Markdown, first: int) -> list[Finding]:
    """A section with headings below it says what they say."""
    found = []
    for heading, after in pairwise((*read.headings, None)):
        assert heading is not None
        end = after.line - 1 if after else len(read.lines)
        rest = "".join(read.lines[heading.line : end]).strip().strip("=-").strip()  # an underline is part of a heading
        deeper = after is not None and after.level > heading.level
        if heading.level == SECTION_LEVEL and not rest and not deeper:
            found.append(_warning(file, first + heading.line - 1, f"the section ## {heading.text} is empty"))
    return found


def _warning(file: TaskFile, line: int, message: str, nearest: str = "") -> Finding:
    return Finding(file=file.path, line=line, message=message, nearest=nearest, severity=Severity.WARNING)


def _at(file: TaskFile, key: str, message: str, nearest: str = "", severity: Severity = Severity.ERROR) -> Finding:
    """A finding on the line of a key; of one that is not there, on the first."""
    line = key_lines(file.text).get(key, 1)
    return Finding(file=file.path, line=line, key=key, message=message, nearest=nearest, severity=severity)
