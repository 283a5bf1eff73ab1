"""`loop engine ingest`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.trust import require_accepted
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.ingest import IngestMode, Taken
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.ingest import Rehearsed, TakenIn


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mode",
        choices=[mode.value for mode in IngestMode if mode is not IngestMode.OFF],
        help="how it is taken in this once; default: engine.ingest.mode",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--again", action="store_true", help="also what was declined, never answered, or quarantined")
    what.add_argument(
        "--dry-run", action="store_true", help="show which messages would be taken up, and where the rules put them"
    )


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.ingest import (
        rehearse_taking_in,
        rehearsed_document,
        take_in_now,
        taken_document,
    )

    if args.dry_run:
        would = rehearse_taking_in(project)
        if project.json:
            output.document({"session": project.session, **rehearsed_document(would)})
        else:
            _print_rehearsed(would)
        return ExitCode.DONE
    require_accepted(project)
    found = take_in_now(project.world, mode=IngestMode(args.mode) if args.mode else None, again=args.again)
    if project.json:
        output.document({"session": project.session, **taken_document(found)})
    else:
        _print(found)
    return _code(found)


def _code(found: TakenIn) -> ExitCode:
    """Waiting where a decision or a lane's answer is awaited, failed where something is left that was not taken in."""
    if found.view.batch is not None:
        return ExitCode.WAITING
    lost = any(fate.outcome is Taken.QUARANTINED for fate in found.fates)
    return ExitCode.FAILED if found.view.waiting or lost else ExitCode.DONE


def _print(found: TakenIn) -> None:
    if found.fates:
        rows = [(fate.file, fate.outcome.value, ", ".join(fate.pages)) for fate in found.fates]
        output.table(("FILE", "WHAT BECAME OF IT", "PAGES"), rows)
    elif not found.view.waiting:
        output.line("no mail waits to be taken into the wiki")
    batch = found.view.batch
    if batch is not None and batch.decision:
        output.note(f"lane {batch.lane} is asked about {len(batch.files)} of them, by decision {batch.decision}")
    if found.view.waiting and batch is None:
        why = f": {found.view.problem}" if found.view.problem else ""
        output.note(f"{found.view.waiting} are left{why}")


def _print_rehearsed(found: tuple[Rehearsed, ...]) -> None:
    if not found:
        output.line("no mail waits to be taken into the wiki")
        return
    output.table(("FILE", "PAGE", "NOTE"), [(one.file, one.page or "-", one.note) for one in found])


COMMANDS = {
    "engine ingest": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop engine ingest",
            "loop engine ingest --dry-run",
            "loop engine ingest --mode rules --json",
            "loop engine ingest --again",
        ),
    ),
}
