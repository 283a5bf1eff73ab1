"""`loop task list|show|done|drop|reopen`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.model.task import TaskStatus, dependency_problems
from loop_orchestrator.operations.shapes import task_shape
from loop_orchestrator.wiring import Project

_ENDED = (TaskStatus.DONE, TaskStatus.DROPPED)


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="done and dropped tasks too")


def _list(args: argparse.Namespace, project: Project) -> int:
    tasks = [task for task in project.tasks.all() if args.all or task.status not in _ENDED]
    problems = (*project.tasks.problems(), *dependency_problems(project.tasks.all()))
    lanes = {one.task: one.lane for one in project.tasks.assignments() if one.purpose == "work"}
    if project.json:
        shapes: list[JsonValue] = [{**task_shape(task), "lane": lanes.get(task.id)} for task in tasks]
        output.document({"tasks": shapes, "problems": list(problems)})
        return ExitCode.DONE
    if tasks:
        rows = [
            (
                task.id,
                task.status.value,
                task.role,
                lanes.get(task.id, "-"),
                " ".join(task.depends_on) or "-",
                plaintext.shorten(task.title, 70),
            )
            for task in tasks
        ]
        output.table(("ID", "STATUS", "ROLE", "LANE", "AFTER", "TITLE"), rows)
    else:
        output.note("no task; tasks/README.md says how to write one")
    for problem in problems:
        output.note(problem)
    return ExitCode.DONE


def _id_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="such as T0001")


def _show(args: argparse.Namespace, project: Project) -> int:
    task = project.tasks.get(args.id)
    if project.json:
        output.document({**task_shape(task), "body": task.body})
        return ExitCode.DONE
    output.line(f"{task.id}: {task.title}")
    output.line(f"status: {task.status.value}, role: {task.role}, after: {' '.join(task.depends_on) or 'nothing'}")
    output.line(f"file: {task.file}")
    output.line()
    output.block(task.body)
    return ExitCode.DONE


def _mover(to: TaskStatus) -> Callable[[argparse.Namespace, Project], int]:
    def run(args: argparse.Namespace, project: Project) -> int:
        from loop_orchestrator.operations.tasks import move_task

        task = move_task(project.world, args.id, to, by=project.caller)
        if project.json:
            output.document(task_shape(task))
        else:
            output.line(f"{task.id} is {task.status.value}: {task.file}")
        return ExitCode.DONE

    return run


COMMANDS = {
    "task list": Command(run=_list, arguments=_list_arguments, examples=("loop task list", "loop task list --all")),
    "task show": Command(run=_show, arguments=_id_argument, examples=("loop task show T0001",)),
    "task done": Command(run=_mover(TaskStatus.DONE), arguments=_id_argument, examples=("loop task done T0001",)),
    "task drop": Command(run=_mover(TaskStatus.DROPPED), arguments=_id_argument, examples=("loop task drop T0001",)),
    "task reopen": Command(run=_mover(TaskStatus.OPEN), arguments=_id_argument, examples=("loop task reopen T0001",)),
}
