"""`loop wiki-pending` (loop-wiki-pending)."""

from __future__ import annotations

import argparse

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.wiring import Project


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="only how many messages wait, as a bare number")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.wiki import pending, pending_document

    if args.quiet and not project.json:
        output.line(str(len(project.mailbox.peek())))
        return ExitCode.DONE
    found = pending(project)
    if project.json:
        output.document(pending_document(found))
        return ExitCode.DONE
    left = f", {found.to_take_in} of them to be taken into the wiki" if found.to_take_in else ""
    output.line(f"{len(found.mail)} pending, {found.processed_count} processed{left}")
    if found.mail:
        rows = [(one.file, one.sender, one.recipient, plaintext.shorten(one.subject, 70)) for one in found.mail]
        output.table(("FILE", "FROM", "TO", "SUBJECT"), rows)
    output.line()
    output.line("last entries of the log:")
    for entry in found.last_log:
        output.line(f"  [{entry.date.isoformat()}] {entry.type} | {entry.title}")
    if not found.last_log:
        output.line("  none")
    if not project.wiki.root.is_dir():
        output.note("there is no wiki yet: loop init")
    return ExitCode.DONE


COMMANDS = {
    "wiki-pending": Command(
        run=_run,
        arguments=_arguments,
        examples=("loop wiki-pending", "loop wiki-pending --quiet", "loop wiki-pending --json"),
    ),
}
