"""`loop up` (loop-tmux): boot the lanes, or adopt those that run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.attach import attach
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.lane import Lane, LaneRecord, LaneWord
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.boot import BootReport
    from loop_orchestrator.operations.plan import Plan


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="SESSION", help="the session; the same as --session")
    parser.add_argument(
        "--preset", metavar="P", default="", help="lanes beside those of the config: rehearsal, or all-<agent>"
    )
    parser.add_argument("--lane-config", metavar="F", help="the config; default: lane-config.yaml of the project")
    parser.add_argument("--no-attach", action="store_true", help="do not show the session when it is up")
    parser.add_argument("--accept", action="store_true", help="accept the config without asking; for scripts")
    parser.add_argument(
        "--plan", "--print-cmds", dest="plan", action="store_true", help="print what would run, and touch nothing"
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


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.boot import boot
    from loop_orchestrator.operations.plan import plan_lanes

    if args.name:
        project = project.of_session(args.name)
    plan = plan_lanes(project.config, project.root, project.harnesses, preset=args.preset, found=project.found_agents())
    if args.plan:
        _print_plan(plan, project)
        return ExitCode.DONE
    require_accepted(project, accept_now=args.accept)
    output.note(f"{plan.source}")
    report = boot(project.world, plan, project.surroundings)
    if args.auto_restart:
        _guard(args, project)
    lanes = _checked(args, project)
    if project.json:
        _print_document(plan, report, lanes, project)
    else:
        _print(report, project)
    code = _print_check(lanes)
    if code == ExitCode.DONE and not (args.no_attach or project.json) and sys.stdin.isatty() and sys.stdout.isatty():
        return attach(project)
    return code


def _guard(args: argparse.Namespace, project: Project) -> None:
    from loop_orchestrator.operations.guard import ensure_guard

    named = str(Path(args.lane_config).absolute()) if args.lane_config else ""
    pid, new = ensure_guard(project.world, socket=project.socket, lane_config=named, environ=project.environ)
    output.note(f"{'a guard restarts' if new else 'the guard goes on restarting'} lanes that end (pid {pid})")


def _print_plan(plan: Plan, project: Project) -> None:
    from loop_orchestrator.operations.boot import program_of
    from loop_orchestrator.operations.shapes import spec_shape

    programs = {spec.name: program_of(project.world, spec, project.surroundings) for spec in plan.lanes}
    if project.json:
        lanes: list[JsonValue] = [{**spec_shape(spec), "argv": list(programs[spec.name])} for spec in plan.lanes]
        output.document({"session": project.session, "source": plan.source, "lanes": lanes})
        return
    output.note(plan.source)
    rows = [
        (spec.name, spec.window, spec.role, _place(spec.cwd, project.root), _command_line(programs[spec.name]))
        for spec in plan.lanes
    ]
    output.table(("LANE", "WINDOW", "ROLE", "DIRECTORY", "RUNS"), rows)


def _place(directory: Path, root: Path) -> str:
    return str(directory.relative_to(root)) if directory.is_relative_to(root) else str(directory)


def _command_line(argv: tuple[str, ...]) -> str:
    import shlex

    return shlex.join(argv) or "your login shell"


def _checked(args: argparse.Namespace, project: Project) -> tuple[Lane, ...]:
    """The lanes after the boot check; none where it was not asked for."""
    from loop_orchestrator.operations.bootcheck import LIMIT_S, await_boot

    return () if args.boot_check is None else await_boot(project.world, limit_s=args.boot_check or LIMIT_S)


def _print_document(plan: Plan, report: BootReport, lanes: tuple[Lane, ...], project: Project) -> None:
    from loop_orchestrator.operations.bootcheck import is_up

    output.document(
        {
            "session": project.session,
            "source": plan.source,
            "added": _names(report.added),
            "adopted": _names(report.adopted),
            "notes": list(report.notes),
            "not_ready": [lane.name for lane in lanes if not is_up(lane)],
            "attach": project.substrate.attach_hint(),
        }
    )


def _print(report: BootReport, project: Project) -> None:
    done = []
    if report.added:
        done.append(f"started {', '.join(record.spec.name for record in report.added)}")
    if report.adopted:
        done.append(f"kept {', '.join(record.spec.name for record in report.adopted)}")
    output.line(f"session {project.session}: {'; '.join(done) or 'no lanes'}")
    for note in report.notes:
        output.note(note)
    output.line(f"look: loop attach, or: {project.substrate.attach_hint()}", whole=True)
    output.line("leave it again: Ctrl-b d" + ("; start the engine: loop watch" if project.config.engine else ""))


def _print_check(lanes: tuple[Lane, ...]) -> int:
    """Say what every lane that is not up shows; 1 if there is one."""
    from loop_orchestrator.operations.bootcheck import is_up, what_it_shows

    behind = [lane for lane in lanes if not is_up(lane)]
    for lane in behind:
        for line in what_it_shows(lane):
            output.note(line)
        if lane.state.word is LaneWord.AWAITING_APPROVAL:
            output.note(f"  answer it: loop attach {lane.name}")
    return ExitCode.FAILED if behind else ExitCode.DONE


def _names(records: tuple[LaneRecord, ...]) -> list[JsonValue]:
    return [record.spec.name for record in records]


COMMANDS = {
    "up": Command(
        run=_run,
        arguments=_arguments,
        examples=("loop up", "loop up --plan", "loop up --preset rehearsal --no-attach --boot-check"),
    ),
}
