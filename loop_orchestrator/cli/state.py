"""`loop state show|loop`."""

from __future__ import annotations

import argparse
import json

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.operations.ledger import find_loop, loop_shape, parse_settings, state_shape
from loop_orchestrator.wiring import Project


def _show(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    state = project.state.read()
    if project.json:
        output.document({"state": state_shape(state)})
        return ExitCode.DONE
    if state.objective:
        output.line(f"objective: {state.objective}")
    if not state.loops:
        output.note(f"no loops in {project.layout.state_file}")
        return ExitCode.DONE
    rows = [(loop.id, loop.status or "-", loop.branch or "-", loop.name) for loop in state.loops]
    output.table(("LOOP", "STATUS", "BRANCH", "NAME"), rows)
    return ExitCode.DONE


def _loop_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--set", dest="settings", action="extend", nargs="+", metavar="key=value", default=[])


def _loop(args: argparse.Namespace, project: Project) -> int:
    settings = parse_settings(args.settings)
    state = project.state.set_loop(args.id, settings, by=project.caller) if settings else project.state.read()
    loop = find_loop(state, args.id)
    if project.json:
        output.document({"id": loop.id, "loop": loop_shape(loop)})
        return ExitCode.DONE
    for key, value in loop_shape(loop).items():
        if value not in ("", None):
            output.line(f"{key}: {value if isinstance(value, str) else json.dumps(value)}")
    return ExitCode.DONE


COMMANDS = {
    "state show": Command(run=_show, examples=("loop state show", "loop state show --json")),
    "state loop": Command(
        run=_loop,
        arguments=_loop_arguments,
        examples=("loop state loop header", "loop state loop header --set status=verify branch=loop/header"),
    ),
}
