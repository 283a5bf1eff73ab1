"""`loop attach [LANE]` and `loop jump LANE`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, SubstrateError, UsageError
from loop_orchestrator.wiring import Project


def attach(project: Project, lane: str = "") -> int:
    """Become the tmux client that shows the session. Does not return where it works.

    Raises SubstrateError where there is no session, UsageError where stdin is no terminal.
    """
    substrate = project.substrate
    if not substrate.session_exists():
        raise SubstrateError(f"session {project.session} does not run", hint="loop up")
    if lane:
        _select(project, lane)
    if not sys.stdin.isatty():
        raise UsageError("attach needs a terminal", hint=substrate.attach_hint())
    argv = substrate.attach_argv(inside=is_inside(project.environ, project.socket))
    output.flush()
    os.execvp(argv[0], argv)


def is_inside(environ: Mapping[str, str], socket: str) -> bool:
    """This runs in a pane of the tmux server behind this socket."""
    here = environ.get("TMUX", "").split(",")[0]
    if not here:
        return False
    return Path(here) == Path(socket) if "/" in socket else Path(here).name == socket


def _select(project: Project, name: str) -> None:
    from loop_orchestrator.operations.observe import record_of

    project.substrate.select(record_of(project, name).pane)


def _attach_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="LANE", nargs="?", default="", help="the lane to show; default: the last one")


def _attach(args: argparse.Namespace, project: Project) -> int:
    return attach(project, args.lane)


def _jump_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="LANE")


def _jump(args: argparse.Namespace, project: Project) -> int:
    _select(project, args.lane)
    if project.json:
        output.document({"session": project.session, "lane": args.lane})
    return ExitCode.DONE


COMMANDS = {
    "attach": Command(run=_attach, arguments=_attach_arguments, examples=("loop attach", "loop attach web")),
    "jump": Command(run=_jump, arguments=_jump_arguments, examples=("loop jump web",)),
}
