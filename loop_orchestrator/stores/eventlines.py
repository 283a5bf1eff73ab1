"""One line of the event log: an event as JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time, whole_milliseconds
from loop_orchestrator.errors import StoreError
from loop_orchestrator.ids import numbered_id
from loop_orchestrator.model.event import Draft, Event
from loop_orchestrator.stores.documents import Fields

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def event_values(event: Event) -> dict[str, JsonValue]:
    """An event as the JSON object that its line is."""
    values: dict[str, JsonValue] = {
        "seq": event.seq,
        "id": event.id,
        "at": format_time(event.at),
        "kind": event.kind,
        "source": event.source,
        "payload": dict(event.payload),
    }
    if event.trace:
        values["trace"] = event.trace
    if event.caused_by:
        values["caused_by"] = event.caused_by
    if event.depth:
        values["depth"] = event.depth
    return values


def numbered(draft: Draft, now: datetime, at: str, seq: int) -> Event:
    """The event that a draft becomes with this number, now; at: that time in its written form."""
    return Event(
        id=draft.id or numbered_id("e", at, seq),
        seq=seq,
        at=whole_milliseconds(now),
        kind=draft.kind,
        source=draft.source,
        payload=dict(draft.payload),
        trace=draft.trace,
        caused_by=draft.caused_by,
        depth=draft.depth,
    )


def encoded(event: Event, at: str) -> bytes:
    """Its line and the newline; at: its time in the written form. A lone surrogate is escaped: no file can hold it."""
    try:
        return _spelled(event, at, _encode).encode()
    except UnicodeEncodeError:
        return _spelled(event, at, _encode_ascii).encode()


def _spelled(event: Event, at: str, encode: Callable[[object], str]) -> str:
    """Put together here, which takes half the time of a document that is encoded whole."""
    more = f',"trace":{encode(event.trace)}' if event.trace else ""
    if event.caused_by:
        more += f',"caused_by":{encode(event.caused_by)}'
    if event.depth:
        more += f',"depth":{event.depth}'
    return (
        f'{{"seq":{event.seq},"id":"{event.id}","at":"{at}","kind":"{event.kind}",'
        f'"source":{encode(event.source)},"payload":{encode(event.payload)}{more}}}\n'
    )


def event_of(fields: Fields) -> Event:
    """The event that a JSON object is. Raises StoreError."""
    return Event(
        id=fields.text("id"),
        seq=fields.integer("seq"),
        at=fields.time("at"),
        kind=fields.text("kind"),
        source=fields.text("source"),
        payload=fields.object("payload").values,
        trace=fields.text("trace", ""),
        caused_by=fields.text("caused_by", ""),
        depth=fields.integer("depth", 0),
    )


def decode(line: bytes) -> tuple[Event, ...]:
    """The event of a line; nothing if the line is none."""
    try:
        values = json.loads(line.decode())
        if not isinstance(values, dict):
            return ()
        return (event_of(Fields(values, "event")),)
    except (ValueError, RecursionError, StoreError):
        return ()
