"""`loop lane-status` (loop-lane-status): one word, or JSON, for scripts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import ExitCode, SubstrateError, UsageError
from loop_orchestrator.model.lane import Lane, LaneState
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="[S] LANE", help="session and lane; the session may be left out")
    parser.add_argument("--all", action="store_true", help="every lane of the session")
    parser.add_argument("--print-target", action="store_true", help="the pane of the lane instead of its state")
    parser.add_argument("--classify-stdin", metavar="HARNESS", help="the state that a capture on stdin shows")
    parser.add_argument("--title", default="", metavar="T", help="with --classify-stdin: the pane's title")
    parser.add_argument(
        "--command", default="", metavar="C", help="with --classify-stdin: the program in the foreground"
    )


def _run(args: argparse.Namespace, project: Project) -> int:
    if args.classify_stdin:
        return _classify(args, project)
    session, lane = _names(args.names, every=args.all)
    if session:
        project = project.of_session(session)
    if not project.substrate.session_exists():
        raise SubstrateError(f"session {project.session} does not run", hint="loop up")
    lanes = _lanes(project, lane)
    if args.print_target:
        for one in lanes:
            output.line(f"{one.name} {one.record.pane}" if args.all else one.record.pane)
    elif project.json:
        output.document(_document(project, {one.name: _shape(one) for one in lanes}, session=project.session))
    else:
        for one in lanes:
            output.line(f"{one.name} {one.state.word.value}" if args.all else one.state.word.value)
    return ExitCode.DONE


def _names(names: Sequence[str], *, every: bool) -> tuple[str, str]:
    """Session and lane, each empty where it was left out. Raises UsageError."""
    if every and len(names) < 2:
        return (names[0] if names else "", "")
    if not every and len(names) in (1, 2):
        return (names[0] if len(names) == 2 else "", names[-1])
    raise UsageError("expected a session and a lane, or --all and a session", hint="loop lane-status --help")


def _lanes(project: Project, name: str) -> tuple[Lane, ...]:
    from loop_orchestrator.operations.observe import observe_lane

    return (observe_lane(project, name),) if name else project.observe_lanes()


def _shape(lane: Lane) -> JsonValue:
    from loop_orchestrator.operations.shapes import state_shape

    spec = lane.record.spec
    return {**state_shape(lane.state), "target": lane.record.pane, "kind": spec.kind.value}


def _classify(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.observe import classify
    from loop_orchestrator.operations.shapes import state_shape

    spec = project.harnesses.get(args.classify_stdin)
    if spec is None:
        known = ", ".join(sorted(project.harnesses))
        raise UsageError(f"there is no harness {args.classify_stdin}; there are {known}", hint="name one of them")
    screen = sys.stdin.buffer.read().decode("utf-8", "replace")
    state: LaneState = classify(screen, spec, title=args.title, command=args.command, now=project.clock.machine_now())
    if project.json:
        shape: JsonValue = {**state_shape(state), "target": None, "kind": None}
        output.document(_document(project, {"stdin": shape}, session=None))
    else:
        output.line(state.word.value)
    return ExitCode.DONE


def _document(project: Project, lanes: dict[str, JsonValue], *, session: str | None) -> dict[str, JsonValue]:
    return {"session": session, "generated_at": format_time(project.clock.now()), "lanes": lanes}


COMMANDS = {
    "lane-status": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop lane-status shop web",
            "loop lane-status --json --all shop",
            "tmux capture-pane -p -e -t %5 | loop lane-status --classify-stdin claude",
        ),
    ),
}
