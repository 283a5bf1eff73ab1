"""`loop task-lint` (loop-task-lint): what is wrong with the files of tasks."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.model.finding import Finding, Severity
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks-dir", metavar="D", help="the folder of the tasks; default: tasks/ of the project")
    parser.add_argument("--strict", action="store_true", help="warnings are errors, too")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.shapes import finding_shape
    from loop_orchestrator.operations.task_lint import lint_tasks

    folder = Path(args.tasks_dir).absolute() if args.tasks_dir else project.layout.tasks_dir
    if args.tasks_dir and not folder.is_dir():
        raise UsageError(
            f"--tasks-dir {args.tasks_dir}: there is no such folder", hint="loop task-lint --tasks-dir tasks"
        )
    linted = lint_tasks(folder, roles=_roles(project), strict=args.strict)
    errors, warnings = linted.count(Severity.ERROR), linted.count(Severity.WARNING)
    if project.json:
        shapes: list[JsonValue] = [finding_shape(one) for one in linted.findings]
        counts: dict[str, JsonValue] = {"files": linted.files, "errors": errors, "warnings": warnings}
        output.document({"folder": str(folder), **counts, "findings": shapes})
    else:
        for one in linted.findings:
            output.line(f"{_place(one)}: {one.severity.value}: {one.says}", whole=True)
        found = ", ".join(_number(count, what) for count, what in ((errors, "error"), (warnings, "warning")) if count)
        output.note(f"{_number(linted.files, 'task file')} in {folder}: {found or 'nothing to mend'}")
    return ExitCode.FAILED if errors else ExitCode.DONE


def _roles(project: Project) -> set[str]:
    """The roles of the lanes of the config and of those that run; without a config that can be read, of none."""
    from loop_orchestrator.errors import LoopError

    roles: set[str] = set()
    with suppress(LoopError):
        roles |= {lane.spec.role for lane in project.lanes.records().values()}
    with suppress(LoopError):
        roles |= {lane.role for lane in project.config.lanes if lane.role}
    return roles


def _place(finding: Finding) -> str:
    """As an editor takes it: from the current directory where the file is below it."""
    here = Path("/")
    with suppress(FileNotFoundError):
        here = Path.cwd()
    path = finding.file.relative_to(here) if here != here.parent and finding.file.is_relative_to(here) else finding.file
    return f"{path}:{finding.line}" if finding.line else str(path)


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


COMMANDS = {
    "task-lint": Command(
        run=_run,
        arguments=_arguments,
        examples=("loop task-lint", "loop task-lint --strict", "loop task-lint --tasks-dir examples/any-brain/tasks"),
    )
}
