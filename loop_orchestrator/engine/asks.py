"""What a brain is told of asks: those without an answer, and those that ended lately. Pure."""

from __future__ import annotations

from loop_orchestrator.clock import format_age
from loop_orchestrator.engine.fences import plain, quoted
from loop_orchestrator.engine.fitting import Listing
from loop_orchestrator.model.ask import Ask, AskStatus
from loop_orchestrator.model.snapshot import Snapshot, Unknown

QUESTION_SHOWN = 200
"""Characters of a question that are shown: enough for the brain to know its own text again."""

ANSWER_SHOWN = 1_000
"""Characters of an answer that is no longer among the mail; the whole is in its file. At half, a reasoned answer loses
its end; at double, a few of them alone take what a task list needs."""


def shown(snapshot: Snapshot) -> tuple[Ask, ...]:
    """The asks that the prompt of this snapshot shows, oldest first."""
    asks = () if isinstance(snapshot.asks, Unknown) else snapshot.asks
    return tuple(ask for ask in asks if ask.is_recent(snapshot.at))


def asks_listing(snapshot: Snapshot) -> Listing | None:
    """A row for each ask that is shown, the newest the most important; None where they are not known."""
    if isinstance(snapshot.asks, Unknown):
        return None
    mail = () if isinstance(snapshot.mail, Unknown) else snapshot.mail
    pending = {message.file for message in mail}
    rows = [_row(ask, snapshot, pending) for ask in reversed(shown(snapshot))]
    return Listing(
        rows=rows,
        head="" if rows else "none",
        said=lambda cut: f"{cut} older asks; `loop engine asks`",
        in_order=lambda left: left[::-1],
    )


def _row(ask: Ask, snapshot: Snapshot, pending: set[str]) -> str:
    question = " ".join(ask.question.split())
    parts = [f"- {plain(ask.id)}: {_stands(ask, snapshot)}", f"asked: {quoted(question, QUESTION_SHOWN)}"]
    if ask.answer and ask.file not in pending:
        parts.append(f"answer: {quoted(ask.answer, ANSWER_SHOWN)}")
    return "; ".join(parts)


def _stands(ask: Ask, snapshot: Snapshot) -> str:
    asked = f"lane {ask.lane} was asked {format_age((snapshot.at - ask.asked_at).total_seconds())} ago"
    if ask.status is AskStatus.REPLIED:
        late = ", after its time was over" if ask.late else ""
        return f"{asked} and answered in {plain(ask.file)}{late}"
    if ask.status is AskStatus.TIMED_OUT:
        return f"{asked} and did not answer within {format_age(ask.timeout_s)}, a late answer still counts"
    left_s = (ask.deadline - snapshot.at).total_seconds()
    return f"{asked}, {format_age(left_s)} left of {format_age(ask.timeout_s)}"
