"""`loop brief`: what an agent has to know to take part in its lane."""

from __future__ import annotations

import argparse

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="LANE", nargs="?", help="default: LOOP_LANE, the lane that this runs in")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.brief import brief, brief_document

    found = brief(project, args.lane or project.environ.get("LOOP_LANE", ""))
    if project.json:
        output.document(brief_document(found))
    else:
        for line in found.text.splitlines():
            output.line(line, whole=line.startswith("  "))  # a command is copied as it stands
    return ExitCode.DONE


COMMANDS = {
    "brief": Command(
        run=_run,
        arguments=_arguments,
        examples=("loop brief", "loop brief web", 'loop send web "Run `loop brief` and take part."'),
    )
}
