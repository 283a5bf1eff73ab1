"""`loop attach [LANE]` and `loop jump LANE`."""

from __future__ import annotations

import argparse
import os
import sys

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, SubstrateError, UsageError
from loop_orchestrator.wiring import Project


def attach(project: Project, lane: str = "") -> int:
    """Become the tmux client that shows the session. Does not return where it works.

    Raises SubstrateError where there is no session, UsageError where stdin is no terminal.
    """
    from loop_orchestrator.operations.attach import is_inside, select_lane
    from loop_orchestrator.operations.boot import refuse_foreign

    substrate = project.substrate
    if not substrate.session_exists():
        raise SubstrateError(f"session {project.session} does not run", hint="loop up")
    refuse_foreign(project)
    if lane:
        select_lane(project, lane)
    if not sys.stdin.isatty():
        raise UsageError("attach needs a terminal", hint=substrate.attach_hint())
    inside = is_inside(project.environ, project.socket)
    if inside and not substrate.is_shown():
        raise SubstrateError("this is a pane that no terminal shows", hint=f"in a terminal: {substrate.attach_hint()}")
    argv = substrate.attach_argv(inside=inside)
    output.flush()
    os.execvp(argv[0], argv)


def _attach_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="LANE", nargs="?", default="", help="the lane to show; default: the last one")


def _attach(args: argparse.Namespace, project: Project) -> int:
    return attach(project, args.lane)


def _jump_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="LANE")


def _jump(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.attach import select_lane

    select_lane(project, args.lane)
    if project.json:
        output.document({"session": project.session, "lane": args.lane})
    return ExitCode.DONE


COMMANDS = {
    "attach": Command(run=_attach, arguments=_attach_arguments, examples=("loop attach", "loop attach web")),
    "jump": Command(run=_jump, arguments=_jump_arguments, examples=("loop jump web",)),
}
