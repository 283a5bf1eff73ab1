"""`loop checkpoint` (loop-checkpoint)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.delivering import add_ready_timeout, deliver_prompt
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--print", action="store_true", help="print it on stdout; its size goes to stderr")
    what.add_argument(
        "--dispatch", nargs="?", const="coord", metavar="LANE", help="deliver it to a lane; default: coord"
    )
    parser.add_argument(
        "--header-file", type=Path, metavar="F", help="text to begin with, in place of the packaged one"
    )
    parser.add_argument(
        "--token-ceiling",
        type=int,
        metavar="N",
        help="refuse a longer one, with exit code 3; default: LOOP_CHECKPOINT_TOKEN_CEILING, else 48000",
    )
    add_ready_timeout(parser)


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.checkpoint import (
        CEILING_VARIABLE,
        checkpoint,
        checkpoint_document,
        read_header,
        token_ceiling,
    )

    if args.print and args.ready_timeout is not None:
        raise UsageError("--ready-timeout goes with --dispatch")
    ceiling = token_ceiling(args.token_ceiling, project.environ.get(CEILING_VARIABLE))
    made = checkpoint(project, header=read_header(project, args.header_file), ceiling=ceiling)
    for note in made.notes:
        output.note(note)
    if made.refused:
        if project.json:
            output.document(checkpoint_document(made))
        output.note(
            "  try: move what is old from checkpoint.md to decisions-archive.md, or raise --token-ceiling", whole=True
        )
        return ExitCode.WAITING
    if args.dispatch:
        return deliver_prompt(
            project,
            args.dispatch,
            made.checkpoint.text,
            ready_timeout_s=args.ready_timeout,
            tokens=made.checkpoint.tokens,
            notes=list(made.notes),
        )
    if project.json:
        output.document(checkpoint_document(made))
    elif sys.stdout.isatty():
        output.block(made.checkpoint.text)
    else:
        output.raw(made.checkpoint.text)
    return ExitCode.DONE


COMMANDS = {
    "checkpoint": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop checkpoint --print",
            "loop checkpoint --print --json | jq .parts",
            "loop checkpoint --dispatch",
            "loop checkpoint --dispatch docs --header-file header.md --token-ceiling 20000",
        ),
    ),
}
