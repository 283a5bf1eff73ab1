"""`loop state show|loop`."""

from __future__ import annotations

import argparse
import json

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.operations.ledger import file_text, find_loop, loop_shape, parse_settings, state_shape
from loop_orchestrator.wiring import Project

_FIRST = "loop state loop header --set status=implement"


def _show(args: argparse.Namespace, project: Project) -> int:  # noqa: ARG001 - every word has this signature
    state = project.state.read()
    if project.json:
        output.document(state_shape(state))
        return ExitCode.DONE
    text = file_text(project.layout)
    if not text:
        output.note(f"no state file yet, which is the same as this; make it: {_FIRST}")
    output.block(text or json.dumps(state_shape(state), indent=2))
    return ExitCode.DONE


def _loop_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the loop; with --set it is made where it is missing")
    parser.add_argument(
        "--set",
        dest="settings",
        action="extend",
        nargs="+",
        metavar="key=value",
        default=[],
        help="keys to change: name, status, branch, or one of yours",
    )


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
