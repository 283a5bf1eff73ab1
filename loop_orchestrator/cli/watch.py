"""`loop watch`, which is `loop engine watch`: the daemon."""

from __future__ import annotations

import argparse
import sys

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.decided import print_event
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.model.event import Event
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--foreground", action="store_true", help="print one line per event also where stdout is no terminal"
    )


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.watch.daemon import run_daemon

    require_accepted(project)
    shows = args.foreground or sys.stdout.isatty()
    output.note(f"watching session {project.session} of {project.root}; Ctrl-C ends it")
    return run_daemon(project.world, emit=_emit if shows else _keep_quiet)


def _emit(event: Event) -> None:
    print_event(event)
    output.flush()


def _keep_quiet(event: Event) -> None:
    """The event log has it."""


_WATCH = Command(run=_run, arguments=_arguments, examples=("loop watch", "loop watch --foreground > watch.log"))
COMMANDS = {"watch": _WATCH, "engine watch": _WATCH}
