"""`loop wiki-lint` (loop-wiki-lint)."""

from __future__ import annotations

import argparse
import random
import sys
from typing import TYPE_CHECKING

from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.cli.delivering import add_ready_timeout, deliver_prompt
from loop_orchestrator.errors import ExitCode, UsageError
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from loop_orchestrator.operations.wiki import Checked

_LANE = "docs"
_SHOWN = 20


def _arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--fix", action="store_true", help="add the lines that index.md lacks, then check")
    what.add_argument("--print", action="store_true", help="print the prompt of a review; its size goes to stderr")
    what.add_argument("--dispatch", action="store_true", help="deliver the prompt of a review to a lane")
    parser.add_argument("--lane", metavar="L", help=f"the lane that reviews; default: {_LANE}")
    add_ready_timeout(parser)


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.wiki import check, checked_document, fix

    if args.lane is not None and not (args.print or args.dispatch):
        raise UsageError("--lane goes with --print or --dispatch: the checks need no lane")
    if args.ready_timeout is not None and not args.dispatch:
        raise UsageError("--ready-timeout goes with --dispatch")
    if args.print or args.dispatch:
        return _review(args, project)
    found = fix(project) if args.fix else check(project)
    if project.json:
        output.document(checked_document(project, found))
    else:
        _print(found, project)
    return ExitCode.FAILED if found.findings else ExitCode.DONE


def _print(found: Checked, project: Project) -> None:
    from loop_orchestrator.operations.wiki import shown_page

    for name in found.fixed[:_SHOWN]:
        output.note(f"fixed: {name} has a line in index.md now")
    if len(found.fixed) > _SHOWN:
        output.note(f"fixed: {len(found.fixed) - _SHOWN} more have one, too; log.md names them")
    for one in found.findings:
        output.line(f"{shown_page(project, one.page)}:{one.line}: {one.kind.value}: {one.what}; {one.mend}")
    pages = f"{found.page_count} page{'' if found.page_count == 1 else 's'}"
    if not found.findings:
        output.note(f"{pages}, nothing wrong")
        return
    count = f"{len(found.findings)} finding{'' if len(found.findings) == 1 else 's'}"
    fixable = sum(one.fixable for one in found.findings)
    more = f"; loop wiki-lint --fix mends {fixable}" if fixable else ""
    output.note(f"{pages}, {count}{more}")


def _review(args: argparse.Namespace, project: Project) -> ExitCode:
    from loop_orchestrator.operations.wiki import review

    lane = args.lane or _LANE
    pages = list(project.wiki.pages())
    made = review(project, lane=lane, shuffled=random.sample(pages, len(pages)))
    output.note(f"pages: {made.page_count}, batches: {made.batches}, {made.bytes} bytes, about {made.tokens} tokens")
    if args.dispatch:
        return deliver_prompt(
            project, lane, made.text, ready_timeout_s=args.ready_timeout, page_count=made.page_count, tokens=made.tokens
        )
    if project.json:
        output.document(
            {
                "lane": lane,
                "page_count": made.page_count,
                "batches": made.batches,
                "bytes": made.bytes,
                "tokens": made.tokens,
                "text": made.text,
            }
        )
    elif sys.stdout.isatty():
        output.block(made.text)
    else:
        output.raw(made.text)
    return ExitCode.DONE


COMMANDS = {
    "wiki-lint": Command(
        run=_run,
        arguments=_arguments,
        examples=(
            "loop wiki-lint",
            "loop wiki-lint --fix",
            "loop wiki-lint --json | jq '.findings[].file'",
            "loop wiki-lint --dispatch",
            "loop wiki-lint --print --lane docs",
        ),
    ),
}
