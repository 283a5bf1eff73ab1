"""`loop engine asks`: read from files alone, so that it is quick and works while everything else does not."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loop_orchestrator import plaintext
from loop_orchestrator.cli import output
from loop_orchestrator.cli.command import Command
from loop_orchestrator.clock import format_age
from loop_orchestrator.errors import ExitCode
from loop_orchestrator.wiring import Project

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.model.ask import Ask

_QUESTION_CELLS = 60
"""Of a question; ``--json`` has more of it, the decision the whole."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="those that ended more than an hour ago too, as far as kept")


def _run(args: argparse.Namespace, project: Project) -> int:
    from loop_orchestrator.operations.asks import asks_document, listed_asks

    now = project.clock.now()
    asks = listed_asks(project.asks, now, every=args.all)
    if project.json:
        output.document(asks_document(project.session, asks))
    elif not asks:
        output.line(
            "nothing was asked" if args.all else "no lane owes an answer, and none was given within the last hour"
        )
    else:
        output.table(("ASK", "LANE", "ASKED", "STATUS", "QUESTION"), [_row(ask, now) for ask in asks])
    return ExitCode.DONE


def _row(ask: Ask, now: datetime) -> tuple[str, ...]:
    asked = f"{format_age((now - ask.asked_at).total_seconds())} ago"
    question = plaintext.shorten(" ".join(ask.question.split()), _QUESTION_CELLS)
    return ask.id, ask.lane, asked, _stands(ask, now), question


def _stands(ask: Ask, now: datetime) -> str:
    from loop_orchestrator.model.ask import AskStatus

    if ask.status is AskStatus.REPLIED:
        return f"{'answered late' if ask.late else 'answered'}: {ask.file}"
    if ask.status is AskStatus.TIMED_OUT:
        return f"no answer within {format_age(ask.timeout_s)}"
    left_s = (ask.deadline - now).total_seconds()
    if left_s <= 0:
        return f"its {format_age(ask.timeout_s)} are over; the next cycle notes it"
    return f"outstanding, {format_age(left_s)} left"


COMMANDS = {
    "engine asks": Command(
        run=_run, arguments=_arguments, examples=("loop engine asks", "loop engine asks --all --json")
    ),
}
