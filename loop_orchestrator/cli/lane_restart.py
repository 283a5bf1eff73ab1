"""`loop lane restart` and `loop lane guard`: starting the programs of lanes again, by hand and by themselves."""

from __future__ import annotations

import argparse

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.wiring import Project


def _restart_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="W")
    parser.add_argument("--force", action="store_true", help="also while it works, or a person has it in hand")
    parser.add_argument("--wait-ready", action="store_true", help="wait until it is ready; exit 1 if it is not")
    parser.add_argument("--ready-timeout", type=float, metavar="S", default=30.0, help="seconds to wait (30)")


def _require_answers_accepted(project: Project) -> None:
    """Dialogs are answered as a config says that a person accepted, however the lane came up."""
    if any(lane.answer_dialogs for lane in project.config.lanes):
        require_accepted(project)


def _restart(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.bootcheck import await_lane, is_up, what_it_shows
    from loop_orchestrator.operations.dialogs import Attendant, allowed_dialogs, waiting_of
    from loop_orchestrator.operations.restart import restart_by_person

    _require_answers_accepted(project)
    world = project.world
    record = restart_by_person(world, args.lane, force=args.force, by=project.caller)
    allowed = allowed_dialogs(world, args.lane)
    lane = None
    if args.wait_ready:
        attendant = Attendant(world, {args.lane: allowed})
        lane = await_lane(world, args.lane, limit_s=args.ready_timeout, attendant=attendant)
    spec = record.spec
    if project.json:
        output.document({"session": project.session, "lane": spec.name, "pane": record.pane})
    else:
        output.line(f"lane {spec.name}: {spec.harness or spec.cmd} started again in pane {record.pane}")
    if lane is None or is_up(lane):
        return ExitCode.DONE
    for line in what_it_shows(lane):
        output.note(line)
    if (waiting := waiting_of(world, lane, allowed=allowed)) is not None:
        output.note(waiting.sentence)
    return ExitCode.FAILED


def _guard_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lane-config", metavar="F", help="the config; default: lane-config.yaml of the project")


def _guard(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.person import refuse_agent
    from loop_orchestrator.watch.guard import run_guard

    refuse_agent(project, "guard the lanes")
    _require_answers_accepted(project)
    if project.config.notify.services:
        require_accepted(project)
    output.note(f"guarding the lanes of session {project.session} of {project.root}; Ctrl-C ends it")

    def say(text: str) -> None:
        output.note(f"{format_time(project.clock.now())} {text}")

    return run_guard(project.world, say=say)


COMMANDS = {
    "lane restart": Command(
        run=_restart,
        arguments=_restart_arguments,
        examples=("loop lane restart web", "loop lane restart web --force --wait-ready"),
    ),
    "lane guard": Command(
        run=_guard,
        arguments=_guard_arguments,
        examples=("loop lane guard", "loop up --auto-restart"),
    ),
}
