"""`loop report`: what happened since a time, failures first, each line with the number of its event."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_age
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.model.snapshot import Unknown
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.model.report import Line
    from loop_orchestrator.operations.report import Report

_MOST = 5
"""Lines of a part on a terminal: with them a usual report is one screen of 24 rows."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        metavar="T",
        help="from then on: 8h, 2d, today, yesterday, 2026-11-21T01:15; default: since you last looked, else 24h",
    )
    parser.add_argument("--all", action="store_true", help=f"every line; on a terminal {_MOST} of each part are shown")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.report import note_look, redacted, report, report_document
    from loop_orchestrator.operations.times import time_from

    since = None if args.since is None else time_from(args.since, project.clock.now())
    shown = redacted(report(project, since), project.redactor)
    if project.json:
        output.document(report_document(shown))
        return ExitCode.DONE
    _print(shown, most=None if args.all or not sys.stdout.isatty() else _MOST)
    if since is None and sys.stdout.isatty() and project.caller == "person":
        note_look(project, shown)
    return ExitCode.DONE


def _print(shown: Report, *, most: int | None) -> None:
    from loop_orchestrator.operations.report import money, summary, tokens

    found = shown.found
    output.line(f"{shown.session}: {summary(shown)}")
    age = format_age((shown.until - shown.since).total_seconds())
    why = "" if shown.why_since == "asked for" else f": {shown.why_since}"
    output.line(f"since {shown.since.astimezone():%a %Y-%m-%d %H:%M}, {age} ago{why}; {found.events} events")
    if not found.events:
        output.line("nothing happened since then; what was before: loop report --since 24h")
    if shown.first_kept is not None:
        output.line(f"what was before {shown.first_kept.astimezone():%Y-%m-%d %H:%M} is not kept any more")
    _print_part("NOT DONE", found.not_done, most)
    _print_waiting(shown, most)
    _print_part("ASKED, NOT ANSWERED", found.unanswered, most)
    _print_part("UNUSUAL", found.unusual, most)
    _print_part("LANES", found.lanes, most)
    _print_part("DONE", found.done, most)
    if found.spend.calls:
        output.line()
        output.line("SPENT")
        by = ", ".join(f"{brain} {count}" for brain, count in found.spend.by_brain.items())
        output.hung("  ", f"{money(found.spend)}; {tokens(found.spend)} (calls: {by})")
    for name, reason in shown.damaged.items():
        output.note(f"{name}: {reason}; the rest was read")


def _print_part(title: str, lines: Sequence[Line], most: int | None) -> None:
    if not lines:
        return
    output.line()
    output.line(title)
    kept = lines if most is None or len(lines) <= most else lines[-most:]
    if len(kept) < len(lines):
        output.line(f"  {len(lines) - len(kept)} before these: loop report --all")
    for line in kept:
        times = f" ({line.times} times)" if line.times > 1 else ""
        why = f": {plaintext.shorten(line.why, 160)}" if line.why else ""
        head = f"  #{line.seq:<5} {line.at.astimezone():%a %H:%M}  "
        output.hung(head, f"{plaintext.shorten(line.what, 160)}{times}{why}")


def _print_waiting(shown: Report, most: int | None) -> None:
    waiting = shown.waiting
    if isinstance(waiting, Unknown):
        output.line()
        output.line(f"WAITS FOR YOU NOW: not known: {waiting.reason}")
        return
    if not waiting:
        return
    output.line()
    output.line("WAITS FOR YOU NOW")
    for one in waiting if most is None else waiting[:most]:
        number = f"#{one.seq:<5}" if one.seq else "      "
        age = format_age((shown.until - one.since).total_seconds()) if one.since else ""
        output.hung(f"  {number} {age:<9}  ", plaintext.shorten(one.what, 200))
        output.line(f"{'':20}{one.next_step}", whole=True)
    if most is not None and len(waiting) > most:
        output.line(f"  {len(waiting) - most} more: loop status")


COMMANDS = {
    "report": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop report                     # since you last looked",
            "loop report --since 8h --all",
            'loop report --since yesterday | mail -s "the night" me@example.org',
            "loop report --since today --json | jq '.not_done'",
        ),
    ),
}
