"""`loop why LANE`: the evidence, in sentences."""

from __future__ import annotations

import argparse

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="LANE")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.observe import observe_lane
    from loop_orchestrator.operations.shapes import spec_shape, state_shape
    from loop_orchestrator.operations.why import why_sentences

    lane = observe_lane(project, args.lane)
    now = project.clock.machine_now()
    if project.json:
        output.document(
            {
                "session": project.session,
                "generated_at": format_time(now),
                **spec_shape(lane.record.spec),
                "pane": lane.record.pane,
                **state_shape(lane.state),
            }
        )
        return ExitCode.DONE
    for line in why_sentences(lane, now):
        output.line(line)
    return ExitCode.DONE


COMMANDS = {"why": Command(run=_run, arguments=_arguments, examples=("loop why web", "loop why web --json"))}
