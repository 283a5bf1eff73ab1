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
    from loop_orchestrator.operations.boot import refuse_foreign

    substrate = project.substrate
    if not substrate.session_exists():
        raise SubstrateError(f"session {project.session} does not run", hint="loop up")
    refuse_foreign(project)
    if lane:
        _select(project, lane)
    if not sys.stdin.isatty():
        raise UsageError("attach needs a terminal", hint=substrate.attach_hint())
    inside = is_inside(project.environ, project.socket)
    if inside and not substrate.is_shown():
        raise SubstrateError("this is a pane that no terminal shows", hint=f"in a terminal: {substrate.attach_hint()}")
    argv = substrate.attach_argv(inside=inside)
    output.flush()
    os.execvp(argv[0], argv)


def is_inside(environ: Mapping[str, str], socket: str) -> bool:
    """This runs in a pane of the tmux server behind this socket."""
    here = environ.get("TMUX", "").split(",")[0]
    return bool(here) and os.path.realpath(here) == os.path.realpath(_socket_file(environ, socket))


def _socket_file(environ: Mapping[str, str], socket: str) -> str:
    """Where tmux puts the socket of this name: in the first of its folders that is there."""
    if "/" in socket:
        return socket
    folders = (environ.get("TMUX_TMPDIR", ""), "/tmp")
    folder = next(folder for folder in folders if folder == "/tmp" or (folder and Path(folder).is_dir()))
    return f"{folder}/tmux-{os.getuid()}/{socket}"


def _select(project: Project, name: str) -> None:
    """Show a lane; a pane that something else has by now is left alone."""
    from loop_orchestrator.operations.observe import record_of

    record = record_of(project, name)
    if not any(pane.pane == record.pane and pane.pid == record.pane_pid for pane in project.substrate.panes()):
        raise SubstrateError(f"lane {name} has no pane any more", hint="loop up")
    project.substrate.select(record.pane)


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
