"""`loop lane list|add|drop` (loop-tmux list-lanes|add-lane|drop-lane)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.planned import place_in
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.model.lane import Lane, LaneKind, LaneSpec, Split
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.ending import EndReport


def _list(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    from loop_orchestrator.operations.shapes import lane_shape
    from loop_orchestrator.operations.status import restarts_of

    lanes = project.observe_lanes()
    if project.json:
        branches = _branches(lanes)
        notes = restarts_of(project, lanes)
        shapes: list[JsonValue] = [
            lane_shape(lane, branches[lane.record.spec.cwd], notes.get(lane.name)) for lane in lanes
        ]
        output.document({"session": project.session, "generated_at": format_time(project.clock.now()), "lanes": shapes})
        return ExitCode.DONE
    if not lanes:
        output.note(f"session {project.session} has no lanes; boot them: loop up")
        return ExitCode.DONE
    branches = _branches(lanes)
    rows = []
    for lane in lanes:
        spec = lane.record.spec
        state = f"{lane.state.word.value}/{lane.state.detail.value}"
        place, branch = place_in(spec.cwd, project.root), branches[spec.cwd]
        where = "" if place == "." else f"{place} ({branch})" if branch else place
        role = spec.role if spec.kind is LaneKind.STANDING else f"{spec.role}, {spec.kind.value}"
        what = " ".join(filter(None, (spec.harness or plaintext.shorten(spec.cmd, 40), spec.model)))
        rows.append((spec.name, state, role, spec.window, lane.record.pane, what, where))
    output.table(("LANE", "STATE", "ROLE", "WINDOW", "PANE", "RUNS", "WHERE"), rows)
    return ExitCode.DONE


def _branches(lanes: tuple[Lane, ...]) -> dict[Path, str]:
    from loop_orchestrator.process import git

    places = {lane.record.spec.cwd for lane in lanes}
    return {place: (git.branch(place) or "") if git.is_repository(place) else "" for place in places}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="W", help="name of the new lane")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--harness", metavar="H", default="", help="what runs in it")
    what.add_argument("--cmd", metavar="C", default="", help="a shell command line in place of a harness")
    parser.add_argument("--window", metavar="W", default="", help="tmux window; default: one of the lane's name")
    parser.add_argument("--split", choices=[split.value for split in Split], help="where in a window that exists")
    parser.add_argument("--role", metavar="R", default="", help="what it is for; default: by its name")
    parser.add_argument("--model", metavar="M", default="", help="model id for the harness")
    parser.add_argument("--repo", metavar="P", default="", help="directory it starts in, relative to the project")
    parser.add_argument(
        "--worktree", action="store_true", help="give it a git worktree and a branch of its own, loop/SESSION/LANE"
    )
    parser.add_argument("--kind", choices=[kind.value for kind in LaneKind], default=LaneKind.WORKER.value)
    parser.add_argument("--auto-approve", action="store_true", help="start it without its own permission prompts")
    parser.add_argument(
        "--answer-dialog",
        metavar="D",
        action="append",
        default=[],
        help="with --wait-ready: say yes to this start-up dialog of the harness, such as trust; may be repeated",
    )
    parser.add_argument("--wait-ready", action="store_true", help="wait until it is ready; exit 1 if it is not")
    parser.add_argument("--ready-timeout", type=float, metavar="S", default=30.0, help="seconds to wait (30)")


def _add(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.boot import add_lane
    from loop_orchestrator.operations.bootcheck import await_lane, is_up, what_it_shows
    from loop_orchestrator.operations.dialogs import Attendant, waiting_of
    from loop_orchestrator.operations.programs import missing_programs

    spec = _spec(args, project.root)
    harness = project.harnesses.get(spec.harness)
    if harness is not None and Path(harness.origin).parent == project.layout.harness_dir:
        require_accepted(project)
    for warning in missing_programs(project.world, (spec,), project.surroundings, project.environ):
        output.note(warning)
    record = add_lane(project.world, spec, project.surroundings)
    attendant = Attendant(project.world, {spec.name: spec.answer_dialogs})
    lane = None
    if args.wait_ready:
        lane = await_lane(project.world, spec.name, limit_s=args.ready_timeout, attendant=attendant)
    if project.json:
        cwd = str(record.spec.cwd)
        output.document({"session": project.session, "lane": spec.name, "pane": record.pane, "cwd": cwd})
    else:
        output.line(f"lane {spec.name}: {spec.harness or spec.cmd} in pane {record.pane}")
        if record.spec.worktree_of is not None:
            output.line(f"its worktree: {record.spec.cwd}", whole=True)
    if lane is None or is_up(lane):
        return ExitCode.DONE
    for line in what_it_shows(lane):
        output.note(line)
    if (waiting := waiting_of(project.world, lane, allowed=spec.answer_dialogs)) is not None:
        output.note(waiting.sentence)
    return ExitCode.FAILED


def _spec(args: argparse.Namespace, root: Path) -> LaneSpec:
    from loop_orchestrator.config.schema import LaneConfig

    try:
        return LaneConfig(
            name=args.lane,
            window=args.window,
            split=Split(args.split) if args.split else Split.RIGHT if args.window else None,
            role=args.role,
            harness=args.harness,
            cmd=args.cmd,
            model=args.model,
            kind=LaneKind(args.kind),
            repo=args.repo,
            worktree=args.worktree,
            auto_approve=args.auto_approve,
            answer_dialogs=tuple(args.answer_dialog),
        ).to_spec(root)
    except ValueError as problem:
        raise UsageError(f"lane {args.lane} was not added: {problem}", hint="loop lane add --help") from problem


def _drop_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="W")
    parser.add_argument("--force", action="store_true", help="also a lane of the config")
    parser.add_argument(
        "--without-snapshot", action="store_true", help="save no uncommitted work first; a worktree stays as it is"
    )


def _drop(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.ending import drop_lane
    from loop_orchestrator.operations.shapes import receipt_shape

    world, snapshot = project.world, not args.without_snapshot
    report = drop_lane(world, args.lane, force=args.force, by=project.caller, snapshot=snapshot)
    if project.json:
        document: dict[str, JsonValue] = {"session": project.session, "lane": args.lane}
        document["handoff"] = str(report.handoff)
        document["snapshot"] = report.saved.ref if report.saved else None
        document["worktree"] = str(report.worktree) if report.worktree else None
        document["worktree_kept"] = report.kept or None
        document["not_delivered"] = [receipt_shape(receipt) for receipt in report.not_delivered]
        output.document(document)
    else:
        _print_drop(args.lane, report)
    return ExitCode.DONE


def _print_drop(lane: str, report: EndReport) -> None:
    output.line(f"lane {lane} ended; its hand-off: {report.handoff}")
    if report.saved is not None:
        output.line(f"its uncommitted work: loop undo restore {report.saved.name}", whole=True)
    if report.worktree is not None and report.kept:
        output.note(f"its worktree stays ({report.kept}): {report.worktree}", whole=True)
    elif report.worktree is not None:
        output.note("its worktree is removed, its branch stays")
    if report.not_delivered:
        output.note(f"in line for it, and not delivered: {len(report.not_delivered)}; the texts are in the hand-off")


COMMANDS = {
    "lane list": Command(run=_list, examples=("loop lane list", "loop lane list --json")),
    "lane add": Command(
        run=_add,
        arguments=_add_arguments,
        examples=(
            "loop lane add search --harness claude",
            "loop lane add api --harness claude --worktree",
            "loop lane add logs --cmd 'tail -F app.log' --window ops",
        ),
    ),
    "lane drop": Command(run=_drop, arguments=_drop_arguments, examples=("loop lane drop search",)),
}
