"""`loop queue list|show|drop`: the texts that stand in line for lanes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_age
from loop_orchestrator.errors import ExitCode, LoopError, UsageError
from loop_orchestrator.model.state import JsonValue
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.queue import Line


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lane", metavar="W", help="only the line of this lane")


def _list(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.queue import line_shape, lines_of

    try:
        lanes = project.observe_lanes() if project.queue.lengths() else ()
    except LoopError as error:
        output.note(f"the lanes cannot be seen: {error.message}")
        lanes = ()
    lines = [line for line in lines_of(project, lanes) if args.lane in (None, line.lane)]
    if project.json:
        shapes: list[JsonValue] = [line_shape(line) for line in lines]
        output.document({"session": project.session, "lines": shapes})
    elif not lines:
        output.line("nothing stands in line")
    else:
        _print(lines, project)
    return ExitCode.DONE


def _print(lines: list[Line], project: Project) -> None:
    now = project.clock.now()
    rows = [
        (
            line.lane,
            str(place),
            format_age((now - queued.since).total_seconds()),
            queued.receipt.sender,
            queued.receipt.op,
            (plaintext.shorten(line.reason, 120) or "it is next") if place == 1 else "",
        )
        for line in lines
        for place, queued in enumerate(line.waiting, start=1)
    ]
    output.table(("LANE", "PLACE", "AGE", "FROM", "OPERATION", "WAITS BECAUSE"), rows)


def _op_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("op", metavar="OP", help="the operation id, as `loop queue list` shows it")


def _show(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.shapes import receipt_shape

    receipt = project.queue.get(args.op)
    if receipt is None:
        raise UsageError(f"there is no delivery {args.op}", hint="loop queue list")
    text = project.queue.request(args.op).text
    if project.json:
        output.document({**receipt_shape(receipt), "text": text})
    else:
        output.block(text)
    return ExitCode.DONE


def _drop(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.queue import drop_queued
    from loop_orchestrator.operations.shapes import receipt_shape

    receipt = drop_queued(project.world, args.op, by=project.caller)
    if project.json:
        output.document(receipt_shape(receipt))
    else:
        output.line(f"{receipt.op}: {receipt.status.value}: {receipt.evidence}")
    return ExitCode.DONE


COMMANDS = {
    "queue list": Command(run=_list, arguments=_list_arguments, examples=("loop queue list", "loop queue list --json")),
    "queue show": Command(run=_show, arguments=_op_argument, examples=("loop queue show changelog-1",)),
    "queue drop": Command(run=_drop, arguments=_op_argument, examples=("loop queue drop changelog-1",)),
}
