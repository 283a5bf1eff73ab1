"""`loop resolve`: the way out of an unknown delivery."""

from __future__ import annotations

import argparse

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.delivery import DeliveryStatus
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("op", metavar="OP", help="the operation id, as `loop status` shows it")
    parser.add_argument(
        "outcome",
        choices=["happened", "did-not", "drop", "submit", "clear"],
        help="the lane got the text; it did not; it is given up; or what stands in its composer, recognised as this "
        "text and nothing else, is submitted with Enter, or taken out again",
    )


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.resolve import Outcome, resolve
    from loop_orchestrator.operations.shapes import receipt_shape

    receipt = resolve(project.world, args.op, Outcome(args.outcome), by=project.caller)
    if project.json:
        output.document(receipt_shape(receipt))
    else:
        output.line(f"{receipt.op}: {receipt.status.value}: {receipt.evidence}")
    return ExitCode.FAILED if receipt.status is DeliveryStatus.UNKNOWN else ExitCode.DONE


COMMANDS = {
    "resolve": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop resolve release-7 happened",
            "loop resolve release-7 submit",
            "loop resolve d-20261121T011530123-4f2a9c-0 did-not",
        ),
    ),
}
