"""`loop down`: end the session."""

from __future__ import annotations

import argparse

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="also while a lane is at work")
    parser.add_argument("--without-snapshot", action="store_true", help="save no uncommitted work first")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.ending import down
    from loop_orchestrator.operations.shapes import receipt_shape

    snapshot = not args.without_snapshot
    report = down(project.world, force=args.force, by=project.caller, snapshot=snapshot)
    if project.json:
        handoffs: list[JsonValue] = [str(path) for path in report.handoffs]
        snapshots: list[JsonValue] = [one.ref for one in report.saved]
        worktrees: list[JsonValue] = [str(path) for path in report.worktrees]
        left: dict[str, JsonValue] = {"kept_panes": report.kept, "snapshots": snapshots, "worktrees": worktrees}
        left["not_delivered"] = [receipt_shape(receipt) for receipt in report.not_delivered]
        output.document({"session": project.session, "handoffs": handoffs, **left})
        return ExitCode.DONE
    if not report.handoffs and not report.kept:
        output.line(f"session {project.session} does not run")
    else:
        output.line(f"session {project.session}: {_count(len(report.handoffs), 'lane')} ended")
    if report.handoffs:
        output.note(f"hand-offs: {report.handoffs[0].parent}", whole=True)
    if report.not_delivered:
        count = _count(len(report.not_delivered), "text")
        output.note(f"{count} in line, not delivered; whole in the hand-offs of their lanes:")
        for receipt in report.not_delivered:
            output.note(f"  {receipt.lane}: {receipt.op}, from {receipt.sender}")
    for one in report.saved:
        output.note(f"uncommitted work of {one.directory}: loop undo restore {one.name}", whole=True)
    if report.worktrees:
        output.note(f"{_count(len(report.worktrees), 'worktree')} stay: {report.worktrees[0].parent}", whole=True)
    watch = project.control.watch()
    if watch is not None:
        output.note(f"its engine still watches (pid {watch.pid}); end it: Ctrl-C in its terminal, or: kill {watch.pid}")
    if report.kept:
        output.note(f"{_count(report.kept, 'other pane')} left: {project.substrate.attach_hint()}", whole=True)
    return ExitCode.DONE


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


COMMANDS = {"down": Command(run=_run, arguments=_arguments, examples=("loop down", "loop down --force"))}
