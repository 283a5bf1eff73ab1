"""Asks as people and scripts see them, and how they are answered by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import UsageError
from loop_orchestrator.model.ask import ANSWERED_AT, Ask, AskStatus
from loop_orchestrator.operations.shapes import Json, texts, time_or_none

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.model.message import Message
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.stores.asks import AskStore
    from loop_orchestrator.stores.mailbox import Mailbox

_ASK_ID = re.compile(r"d-\S+-[0-9]+")


def listed_asks(asks: AskStore, now: datetime, *, every: bool) -> tuple[Ask, ...]:
    """The asks, oldest first: those that are outstanding or ended lately, or every one that is kept."""
    return tuple(ask for ask in asks.all() if every or ask.is_recent(now))


def unanswered(asks: AskStore) -> tuple[Ask, ...]:
    """Those that are outstanding, oldest first."""
    return tuple(ask for ask in asks.all() if ask.status is AskStatus.OUTSTANDING)


def asks_document(session: str, asks: tuple[Ask, ...]) -> Json:
    """The document of ``loop engine asks --json``."""
    shapes: list[JsonValue] = [ask_shape(ask) for ask in asks]
    return {"session": session, "asks": shapes}


def ask_shape(ask: Ask) -> Json:
    return {
        "id": ask.id,
        "lane": ask.lane,
        "status": ask.status.value,
        "question": ask.question,
        "asked_at": format_time(ask.asked_at),
        "timeout_s": ask.timeout_s,
        "deadline": format_time(ask.deadline),
        "ended_at": time_or_none(ask.ended_at),
        "file": ask.file or None,
        "answer": ask.answer or None,
        "late": ask.late,
        "others": texts(ask.others),
    }


def meant_ask(asks: AskStore, name: str) -> Ask | None:
    """The ask that a name is the id of; None for a name that is no such id, or is that of none."""
    return asks.get(name) if _ASK_ID.fullmatch(name) else None


def no_such_ask(asks: AskStore, name: str) -> UsageError | None:
    """The error for a name that is written as the id of an ask and is none's; None for another name."""
    if not _ASK_ID.fullmatch(name):
        return None
    from difflib import get_close_matches

    near = get_close_matches(name, [ask.id for ask in asks.all()], n=1, cutoff=0.8)
    meant = f"; did you mean {near[0]}?" if near else ""
    return UsageError(f"there is no ask {name}{meant}", hint="loop engine asks --all")


def answer_ask(
    mailbox: Mailbox, ask: Ask, *, sender: str, body: str, subject: str | None, source: str
) -> tuple[Message, str]:
    """Mail an answer to whoever reads them; the message, and what to tell its sender: why it is no answer, or empty."""
    message = mailbox.send(sender, ANSWERED_AT, subject or f"re:{ask.id}", body, in_reply_to=ask.id, source=source)
    if sender != ask.lane:
        return message, f"sent as mail; lane {ask.lane} was asked, so this does not answer {ask.id}"
    if ask.status is AskStatus.REPLIED:
        return message, f"sent as mail; {ask.id} was answered before, by {ask.file}"
    return message, ""
