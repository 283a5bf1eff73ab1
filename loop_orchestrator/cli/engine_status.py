"""`loop engine status|show`: read from files alone, so that they are quick and work while everything else does not."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.decided import print_decision, print_event
from loop_orchestrator.clock import format_age
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.engine_view import EngineStatus


def _status(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.engine_view import engine_document, engine_status

    found = engine_status(project.control, project.decisions, project.events, project.budget, project.brain_rests)
    if project.json:
        output.document(engine_document(project.session, found))
    else:
        _print(found, project)
    return ExitCode.DONE


def _print(found: EngineStatus, project: Project) -> None:
    from loop_orchestrator.operations.engine_view import budget_line, rest_line

    since = f" for {format_age((project.clock.now() - found.since).total_seconds())}" if found.since else ""
    pid = f" (pid {found.pid})" if found.pid else ""
    paused = f", paused by {found.paused_by}" if found.paused_by else ""
    output.line(f"engine of session {project.session}: {found.word.value}{since}{pid}{paused}")
    if found.code:
        output.line(f"code: {found.code}")
    output.line(budget_line(found.spent))
    for rest in found.resting:
        output.line(f"brain: {rest_line(rest, project.clock.now())}")
    for decision in found.decisions:
        output.line()
        print_decision(decision, whole=False)
    for problem in found.unreadable:
        output.note(problem)
    if found.last_events:
        output.line()
        output.line("last events:")
    for event in found.last_events:
        print_event(event)


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the decision, or the beginning of its id")


def _show(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.engine_view import full_decision_shape, meant_decision

    decision = project.decisions.get(meant_decision(project.decisions, args.id))
    if project.json:
        output.document({"session": project.session, "decision": full_decision_shape(decision)})
    else:
        print_decision(decision, whole=True)
    return ExitCode.DONE


COMMANDS = {
    "engine status": Command(run=_status, examples=("loop engine status", "loop engine status --json")),
    "engine show": Command(
        run=_show, arguments=_show_arguments, examples=("loop engine show d-20261121T011530123-4f2a9c",)
    ),
}
