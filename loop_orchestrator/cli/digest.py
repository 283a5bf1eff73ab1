"""`loop digest` (loop-digest): one frame, or a live one that is drawn again when a file changed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.digest import Digest

_LATEST_MAIL = 4
_LATEST_ADRS = 8


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="one frame and no more")
    parser.add_argument(
        "--interval", type=float, metavar="S", help="draw again every S seconds too; default: only when a file changed"
    )


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.digest import digest, digest_changes, digest_document

    if project.json:
        output.document(digest_document(digest(project)))
        return ExitCode.DONE
    if args.once:
        _print(digest(project), project)
        return ExitCode.DONE
    for frame in digest_changes(project, interval_s=args.interval):
        output.clear_screen()
        _print(frame, project)
        output.flush()
    return ExitCode.DONE


def _print(frame: Digest, project: Project) -> None:
    output.line(f"{project.root.name}, session {project.session}, {frame.generated_at.astimezone():%H:%M}")
    _print_waiting(frame)
    _print_loops(frame)
    _print_mail(frame)
    _print_unpushed(frame)
    _print_adrs(frame)


def _print_waiting(frame: Digest) -> None:
    for decision in frame.waiting:
        words = ", ".join(f"{item.action.kind} {item.action.target}".strip() for item in decision.items)
        output.line(f"WAITS FOR YOU  {output.shorten(words, 60)}  loop approve {decision.id}")


def _print_loops(frame: Digest) -> None:
    output.line()
    if isinstance(frame.state, Unknown):
        output.line(f"LOOPS  not known: {frame.state.reason}")
        return
    output.line(f"LOOPS  {output.shorten(frame.state.objective, 70)}".rstrip())
    if not frame.state.loops:
        output.line("  none")
        return
    rows = [
        (
            f"  {loop.id}",
            output.shorten(loop.status, 24),
            output.shorten(loop.branch, 28),
            output.shorten(loop.name, 60),
        )
        for loop in frame.state.loops
    ]
    output.table(("  LOOP", "STATUS", "BRANCH", "NAME"), rows)


def _print_mail(frame: Digest) -> None:
    output.line()
    if isinstance(frame.pending, Unknown):
        output.line(f"MAIL  not known: {frame.pending.reason}")
        return
    output.line(f"MAIL  {len(frame.pending)} pending, {frame.processed_count} processed")
    for message, _ in frame.pending[-_LATEST_MAIL:]:
        at = f"{message.sent_at.astimezone():%H:%M}"
        output.line(f"  {at}  {message.sender} to {message.recipient}: {output.shorten(message.subject, 70)}")


def _print_unpushed(frame: Digest) -> None:
    output.line()
    output.line("UNPUSHED")
    if not frame.unpushed:
        output.line("  no repository")
    for one in frame.unpushed:
        count = "nothing to compare with" if one.count is None else f"{one.count} commits"
        output.line(
            f"  {one.path.name} ({one.branch}): {count}" + (f" ahead of {one.upstream}" if one.upstream else "")
        )


def _print_adrs(frame: Digest) -> None:
    if not frame.adrs:
        return
    output.line()
    output.line("DECISIONS")
    for adr in frame.adrs[:_LATEST_ADRS]:
        output.line(f"  {adr.id}  {adr.status.value}  {output.shorten(adr.title, 48)}")


COMMANDS = {
    "digest": Command(
        run=_run, arguments=_arguments, examples=("loop digest", "loop digest --once", "loop digest --json")
    ),
}
