"""`loop up` (loop-tmux): boot the lanes, or adopt those that run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.attach import attach
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.planned import add_lane_options, asked_of, print_plan
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.lane import Lane, LaneRecord
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.boot import BootReport
    from loop_orchestrator.operations.dialogs import Attendant, Waiting
    from loop_orchestrator.operations.plan import Plan
    from loop_orchestrator.process.survival import Survival


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="SESSION", help="the session; the same as --session")
    parser.add_argument("--project", metavar="NAME", help="a name; the session's where no session is named")
    parser.add_argument("--lane-config", metavar="F", help="the config; default: lane-config.yaml of the project")
    parser.add_argument("--no-attach", action="store_true", help="do not show the session when it is up")
    parser.add_argument("--accept", action="store_true", help="accept the config without asking; for scripts")
    parser.add_argument("--plan", action="store_true", help="print what would run, and touch nothing")
    parser.add_argument(
        "--print-cmds", action="store_true", help="the same, and the default lanes as KEY=value for scripts"
    )
    parser.add_argument(
        "--boot-check",
        nargs="?",
        type=float,
        const=0.0,
        metavar="S",
        help="wait until every lane is ready, at most S seconds (30); exit 1 if one is not",
    )
    parser.add_argument(
        "--auto-restart",
        action="store_true",
        help="restart agents whose program ended, without an engine: starts loop lane guard in the background",
    )
    add_lane_options(parser)
    places = parser.add_argument_group("where files are kept; each has a variable of the same meaning")
    places.add_argument("--state-file", metavar="P", help="the state file (LOOP_STATE_FILE)")
    places.add_argument("--mailbox-dir", metavar="P", help="the mailbox (LOOP_MAILBOX_DIR)")
    places.add_argument("--state-dir", metavar="P", help="the session's own files (LOOP_TMUX_STATE_DIR)")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.boot import boot, running_lanes
    from loop_orchestrator.operations.plan import plan_lanes
    from loop_orchestrator.operations.survival import survival
    from loop_orchestrator.operations.worktrees import located_plan

    if args.name:
        project = project.of_session(args.name)
    plan = plan_lanes(
        project.config,
        project.root,
        project.harnesses,
        preset=args.preset,
        found=() if args.preset or project.config.lanes else project.found_agents(),
        asked=asked_of(args, project.environ),
        running=running_lanes(project),
    )
    if args.plan or args.print_cmds:
        print_plan(located_plan(plan, project.layout), project, variables=args.print_cmds)
        return ExitCode.DONE
    require_accepted(project, accept_now=args.accept)
    _refuse_unwatched(plan, project)
    output.note(plan.source)
    warnings = (*plan.notes, *_missing(plan, project))
    for warning in warnings:
        output.note(warning)
    report = boot(project.world, plan, project.surroundings)
    if args.auto_restart:
        _guard(args, project)
    lanes, attendant = _awaited(args, plan, project)
    waiting = _waiting(lanes, plan, project)
    lives = survival(project.world, project.environ)
    if project.json:
        notes = (*warnings, *report.notes)
        _print_document(plan, report, notes, lanes, attendant, waiting, lives, args, project)
    else:
        _print(report, attendant, lives, project)
    code = _print_check(lanes, waiting, checked=args.boot_check is not None)
    if code == ExitCode.DONE and not (args.no_attach or project.json) and sys.stdin.isatty() and sys.stdout.isatty():
        return attach(project)
    return code


def _guard(args: argparse.Namespace, project: Project) -> None:
    from loop_orchestrator.operations.guard import ensure_guard

    named = str(Path(args.lane_config).absolute()) if args.lane_config else ""
    pid, new = ensure_guard(project.world, socket=project.socket, lane_config=named, environ=project.environ)
    output.note(f"{'a guard restarts' if new else 'the guard goes on restarting'} lanes that end (pid {pid})")


def _refuse_unwatched(plan: Plan, project: Project) -> None:
    """An agent may not give itself a program without permission prompts; the config's own were accepted."""
    from loop_orchestrator.operations.person import refuse_agent

    if any(spec.auto_approve for spec in plan.lanes if spec.name in plan.asked_for):
        refuse_agent(project.world, "start a program with its permission prompts switched off")


def _missing(plan: Plan, project: Project) -> tuple[str, ...]:
    """What lanes that are about to be started will not find."""
    from loop_orchestrator.operations.boot import missing_lanes
    from loop_orchestrator.operations.programs import missing_programs

    world = project.world
    return missing_programs(world, missing_lanes(world, plan), project.surroundings, project.environ)


def _awaited(args: argparse.Namespace, plan: Plan, project: Project) -> tuple[tuple[Lane, ...], Attendant]:
    """The lanes: after the boot check, after those that may be answered are up, or as they are now."""
    from loop_orchestrator.operations.bootcheck import LIMIT_S, await_boot
    from loop_orchestrator.operations.dialogs import Attendant

    attendant = Attendant(project.world, {spec.name: spec.answer_dialogs for spec in plan.lanes})
    if args.boot_check is not None:
        lanes = await_boot(project.world, limit_s=args.boot_check or LIMIT_S, attendant=attendant)
    elif attendant.allowed:
        lanes = await_boot(project.world, limit_s=LIMIT_S, only=attendant.allowed, attendant=attendant)
    else:
        lanes = project.world.observe_lanes()
    return lanes, attendant


def _waiting(lanes: tuple[Lane, ...], plan: Plan, project: Project) -> tuple[Waiting, ...]:
    from loop_orchestrator.operations.dialogs import waiting_of

    allowed = {spec.name: spec.answer_dialogs for spec in plan.lanes}
    found = (waiting_of(project.world, lane, allowed=allowed.get(lane.name, ())) for lane in lanes)
    return tuple(one for one in found if one is not None)


def _print_document(
    plan: Plan,
    report: BootReport,
    notes: tuple[str, ...],
    lanes: tuple[Lane, ...],
    attendant: Attendant,
    waiting: tuple[Waiting, ...],
    lives: Survival,
    args: argparse.Namespace,
    project: Project,
) -> None:
    from loop_orchestrator.operations.bootcheck import is_up

    behind: list[JsonValue] = [lane.name for lane in lanes if args.boot_check is not None and not is_up(lane)]
    output.document(
        {
            "session": project.session,
            "source": plan.source,
            "added": _names(report.added),
            "adopted": _names(report.adopted),
            "notes": list(notes),
            "not_ready": behind,
            "waiting": [{"lane": one.lane, "dialog": one.dialog or None, "says": one.sentence} for one in waiting],
            "answered": [{"lane": one.lane, "dialog": one.dialog, "outcome": one.outcome} for one in attendant.answers],
            "survives_logout": lives.survives.value,
            "survives_logout_reason": lives.reason,
            "attach": project.substrate.attach_hint(),
        }
    )


def _print(report: BootReport, attendant: Attendant, lives: Survival, project: Project) -> None:
    from loop_orchestrator.process.survival import Survives

    done = []
    if report.added:
        done.append(f"started {', '.join(record.spec.name for record in report.added)}")
    if report.adopted:
        done.append(f"kept {', '.join(record.spec.name for record in report.adopted)}")
    output.line(f"session {project.session}: {'; '.join(done) or 'no lanes'}")
    for note in report.notes:
        output.note(note)
    for answer in attendant.answers:
        output.note(f"lane {answer.lane}: the start-up dialog {answer.dialog} was to be answered: {answer.outcome}")
    if lives.survives is Survives.NO:
        output.note(f"the lanes end when you log out: {lives.reason}" + (f"; try: {lives.hint}" if lives.hint else ""))
    output.line(f"look: loop attach, or: {project.substrate.attach_hint()}", whole=True)
    output.line("leave it again: Ctrl-b d" + ("; start the engine: loop watch" if project.config.engine else ""))


def _print_check(lanes: tuple[Lane, ...], waiting: tuple[Waiting, ...], *, checked: bool) -> int:
    """Say what every lane that is not up shows, if that was to be checked, and what waits for a person.

    1 if a lane that was checked is not up.
    """
    from loop_orchestrator.operations.bootcheck import is_up, what_it_shows

    behind = [lane for lane in lanes if checked and not is_up(lane)]
    for lane in behind:
        for line in what_it_shows(lane):
            output.note(line)
    for one in waiting:
        output.note(one.sentence)
    return ExitCode.FAILED if behind else ExitCode.DONE


def _names(records: tuple[LaneRecord, ...]) -> list[JsonValue]:
    return [record.spec.name for record in records]


COMMANDS = {
    "up": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop up",
            "loop up --plan",
            "loop up --preset rehearsal --no-attach --boot-check",
            "loop up night --preset all-claude --validate-cmd 'make watch-tests' --infra-root ../infra",
        ),
    ),
}
