"""`loop why LANE`: the evidence, in sentences."""

from __future__ import annotations

import argparse
from datetime import datetime

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_age, format_time
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.lane import Signal
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="LANE")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.observe import observe_lane
    from loop_orchestrator.operations.shapes import spec_shape, state_shape

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
    state = lane.state
    takes_text = state.ready and not lane.record.spec.cmd
    typed = "text may be typed into it" if takes_text else "nothing is typed into it"
    output.line(f"{lane.name} is {state.word.value} ({state.detail.value}): {typed}.")
    output.line(f"Rule {state.rule} decided, with confidence {state.confidence:.2f}. The evidence, strongest first:")
    for signal, why in state.weighed():
        output.line(f"- {_sentence(signal, now)}")
        output.line(f"  {why}")
    return ExitCode.DONE


def _sentence(signal: Signal, now: datetime) -> str:
    age = format_age((now - signal.at).total_seconds())
    return f"{signal.source.value} speaks for {signal.detail.value}: {signal.seen} (rule {signal.rule}, {age} ago)"


COMMANDS = {"why": Command(run=_run, arguments=_arguments, examples=("loop why web", "loop why web --json"))}
