"""Asks on disk: which texts to lanes want an answer, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.ids import derived_id
from loop_orchestrator.model.ask import ANSWER_LIMIT, ASK_MOVES, Ask, AskStatus
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.lock import brief_lock

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.clock import Clock
    from loop_orchestrator.model.message import Message
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.stores.eventlog import EventLog
    from loop_orchestrator.stores.layout import Layout

SCHEMA = 1
KEPT = 200
"""Asks that ended and are kept. At half, a late answer after a busy week is no longer known as one; at double, the file
takes two megabytes where answers are long, and each look of the daemon reads it."""


class AskStore:
    """The asks of one session. Each change is an event first, then the file; both under ids that make a second copy
    of either impossible."""

    def __init__(self, layout: Layout, clock: Clock, events: EventLog) -> None:
        self._path = layout.asks
        self._clock = clock
        self._events = events
        self.read_before: set[str] = set()
        """file names of messages that were put away and answer no ask: nobody has to read them again"""

    def all(self) -> tuple[Ask, ...]:
        """Every ask that is known, oldest first. Raises StoreError."""
        try:
            document = read_document(self._path, SCHEMA)
        except FileNotFoundError:
            return ()
        return tuple(map(_from_fields, document.objects("asks")))

    def get(self, id: str) -> Ask | None:
        """One ask; None if there is none of that id."""
        return next((ask for ask in self.all() if ask.id == id), None)

    def record(self, ask: Ask, *, trace: str = "") -> None:
        """Note that a text that wants an answer is about to be sent: the event ``ask.made``, then the file."""
        payload: dict[str, JsonValue] = {"ask": ask.id, "lane": ask.lane, "timeout_s": ask.timeout_s}
        self._events.append("ask.made", "engine", payload, id=derived_id("e", "ask.made", ask.id), trace=trace)
        self._change(lambda old: [*(one for one in old if one.id != ask.id), ask])

    def arrived(self, id: str, at: datetime) -> None:
        """The text arrived: its time runs from then on. One that ended meanwhile stays as it is."""
        self._change(
            lambda old: [
                replace(one, asked_at=at) if one.id == id and one.status is AskStatus.OUTSTANDING else one
                for one in old
            ]
        )

    def withdraw(self, id: str) -> None:
        """Forget an ask whose text never arrived: the event ``ask.withdrawn``, then the file. None there is fine."""
        ask = self.get(id)
        if ask is not None:
            payload: dict[str, JsonValue] = {"ask": id, "lane": ask.lane}
            self._events.append("ask.withdrawn", "engine", payload, id=derived_id("e", "ask.withdrawn", id))
            self._change(lambda old: [one for one in old if one.id != id])

    def reply(self, ask: Ask, message: Message) -> None:
        """The ask is answered by this message: the event ``ask.replied``, then the file."""
        late = ask.status is AskStatus.TIMED_OUT or message.sent_at > ask.deadline
        payload: dict[str, JsonValue] = {"ask": ask.id, "lane": ask.lane, "file": message.file, "late": late}
        id = derived_id("e", "ask.replied", ask.id)
        self._events.append("ask.replied", "engine", payload, id=id, caused_by=message.id)
        crash_point("ask.ending")
        self._end(ask.id, AskStatus.REPLIED, file=message.file, answer=message.body[:ANSWER_LIMIT], late=late)

    def not_answered(self, ask: Ask, message: Message) -> None:
        """Somebody who was not asked says that this message answers the ask: an event, once for each message."""
        payload: dict[str, JsonValue] = {
            "ask": ask.id,
            "lane": ask.lane,
            "from": message.sender,
            "file": message.file,
        }
        id = derived_id("e", "ask.not-answered", ask.id, message.file)
        self._events.append("ask.not-answered", "engine", payload, id=id, caused_by=message.id)
        self._change(
            lambda old: [
                replace(one, others=(*one.others, message.file))
                if one.id == ask.id and message.file not in one.others
                else one
                for one in old
            ]
        )

    def time_out(self, ask: Ask) -> None:
        """The time of the ask is over: the event ``ask.timed-out``, then the file."""
        payload: dict[str, JsonValue] = {"ask": ask.id, "lane": ask.lane, "timeout_s": ask.timeout_s}
        self._events.append("ask.timed-out", "engine", payload, id=derived_id("e", "ask.timed-out", ask.id))
        crash_point("ask.ending")
        self._end(ask.id, AskStatus.TIMED_OUT)

    def _end(self, id: str, status: AskStatus, *, file: str = "", answer: str = "", late: bool = False) -> None:
        """Move an ask, unless another process moved it already."""
        now = self._clock.now()

        def ended(ask: Ask) -> Ask:
            if ask.id != id or status not in ASK_MOVES[ask.status]:
                return ask
            return replace(ask, status=status, ended_at=now, file=file, answer=answer, late=late)

        self._change(lambda old: list(map(ended, old)))

    def _change(self, change: Callable[[tuple[Ask, ...]], list[Ask]]) -> None:
        with brief_lock(self._path.with_name(self._path.name + ".lock")):
            old = self.all()
            new = _kept(change(old))
            if tuple(new) != old:
                values: list[JsonValue] = [_to_json(ask) for ask in new]
                write_json(self._path, {"schema": SCHEMA, "asks": values})


def _kept(asks: list[Ask]) -> list[Ask]:
    """Without the asks that ended longest ago, past KEPT."""
    ended = sorted((ask for ask in asks if ask.ended_at is not None), key=lambda ask: str(ask.ended_at))
    gone = {ask.id for ask in ended[:-KEPT]}
    return [ask for ask in asks if ask.id not in gone]


def _to_json(ask: Ask) -> dict[str, JsonValue]:
    return {
        "id": ask.id,
        "lane": ask.lane,
        "question": ask.question,
        "asked_at": format_time(ask.asked_at),
        "timeout_s": ask.timeout_s,
        "status": ask.status.value,
        "ended_at": format_time(ask.ended_at) if ask.ended_at else None,
        "file": ask.file,
        "answer": ask.answer,
        "late": ask.late,
        "others": list(ask.others),
    }


def _from_fields(one: Fields) -> Ask:
    return Ask(
        id=one.text("id"),
        lane=one.text("lane"),
        question=one.text("question"),
        asked_at=one.time("asked_at"),
        timeout_s=one.integer("timeout_s"),
        status=one.word("status", AskStatus),
        ended_at=one.time("ended_at") if one.values.get("ended_at") is not None else None,
        file=one.text("file"),
        answer=one.text("answer"),
        late=one.flag("late"),
        others=one.texts("others"),
    )
