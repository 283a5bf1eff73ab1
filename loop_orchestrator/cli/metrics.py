"""`loop metrics` (loop-metrics): the figures of a session, or of every session of some projects."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.wiring import Project, within

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.operations.metrics import Metrics

_COLUMNS = {
    "AUTONOMY": "autonomy_ratio",
    "DECISIONS": "decisions_7d",
    "DONE": "tasks_done_7d",
    "ESCALATED": "escalations_7d",
    "CALLS": "brain_calls_7d",
    "USD": "cost_usd_7d",
    "RESTARTS": "lane_restarts_7d",
}
"""What a row of ``--all`` shows; --json has every figure."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log", action="store_true", help="add the figures to ops-wiki/log.md, as one entry")
    parser.add_argument("--all", action="store_true", help="a row for every session of the project, and their sums")
    parser.add_argument(
        "--roots", metavar="P", nargs="+", default=[], help="with --all: the sessions of these projects, also a,b"
    )


def _run(args: argparse.Namespace, project: Project) -> int:
    if args.all:
        if args.log or project.options.session:
            given = "--log" if args.log else "--session"
            raise UsageError(f"--all shows every session: leave {given} out", hint="loop metrics --all")
        return _print_all(args, project)
    if args.roots:
        raise UsageError("--roots needs --all", hint="loop metrics --all --roots P …")
    return _print_one(args, project)


def _print_one(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.metrics import FIGURES, log_metrics, metrics, metrics_document, shown

    found = metrics(project)
    if args.log:
        log_metrics(project, found)
    if project.json:
        output.document(metrics_document(found, project.clock.now()))
        return ExitCode.DONE
    output.line(f"session {found.session}, the last 7 days where nothing else is said")
    output.table(("FIGURE", "", "WHAT"), ((name, shown(found.figures[name]), what) for name, what in FIGURES.items()))
    _print_notes(found)
    return ExitCode.DONE


def _print_all(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.metrics import fleet, metrics, metrics_shape, shown

    rows = [metrics(one) for one in _sessions(args, project)]
    total, partial = fleet(rows)
    if project.json:
        shapes: list[JsonValue] = [metrics_shape(row) for row in rows]
        output.document({"rows": shapes, "fleet": {**metrics_shape(total), "partial": list(partial)}})
        return ExitCode.DONE
    if not rows:
        output.line("no sessions")
        return ExitCode.DONE
    lines = [
        (f"{Path(row.root).name}/{row.session}", *(shown(row.figures[name]) for name in _COLUMNS.values()))
        for row in rows
    ]
    sums = ("all", *(shown(total.figures[name]) for name in _COLUMNS.values()))
    output.table(("SESSION", *_COLUMNS), (*lines, sums))
    _print_notes(total)
    return ExitCode.DONE


def _sessions(args: argparse.Namespace, project: Project) -> list[Project]:
    """Every session of every root, each root once. Raises UsageError for one that is no directory."""
    from loop_orchestrator.stores.layout import Layout

    given = [part for root in args.roots for part in root.split(",") if part]
    roots = list(dict.fromkeys(within(Path.cwd(), root).resolve() for root in given)) or [project.root]
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"the project {root} is no directory", hint="loop metrics --all --roots P …")
    return [project.at(root).of_session(name) for root in roots for name in Layout.sessions(root)]


def _print_notes(found: Metrics) -> None:
    for note in found.notes:
        output.note(f"note: {note}")


COMMANDS = {
    "metrics": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop metrics",
            "loop metrics --log              # one entry of ops-wiki/log.md more",
            "loop metrics --all --roots ../shop ../infra",
            "loop metrics --json | jq .figures.cost_usd_7d",
        ),
    ),
}
