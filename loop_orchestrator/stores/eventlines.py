"""One line of the event log: an event as JSON, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
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
_IDS = re.compile(rb'"id":"([^"\\]*)"')
"""The ids of events, and of whatever else has one in a payload."""


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


def finder(recent: Sequence[bytes], *, often: bool) -> Callable[[str], Event | None]:
    """Finds the event with an id in lines of a log; none for no id.

    often: it is called for many, so that all ids are gathered first, which costs as much as ten searches.
    """
    ids = {id for lines in recent for id in _IDS.findall(lines)} if often else None

    def find(id: str) -> Event | None:
        return _with_id(recent, id) if id and (ids is None or id.encode() in ids) else None

    return find


def _with_id(recent: Iterable[bytes], id: str) -> Event | None:
    mark = f'"id":"{id}"'.encode()
    for lines in recent:
        for line in lines.split(b"\n") if mark in lines else ():
            for event in decode(line) if mark in line else ():
                if event.id == id:
                    return event
    return None


def numbered(draft: Draft, now: datetime, seq: int) -> Event:
    """The event that a draft becomes with this number, now."""
    return Event(
        id=draft.id or numbered_id("e", now, seq),
        seq=seq,
        at=whole_milliseconds(now),
        kind=draft.kind,
        source=draft.source,
        payload=dict(draft.payload),
        trace=draft.trace,
        caused_by=draft.caused_by,
        depth=draft.depth,
    )


def encoded(event: Event) -> bytes:
    """Its line, with the newline. A lone surrogate is escaped, since no file can hold it."""
    values = event_values(event)
    try:
        return _encode(values).encode() + b"\n"
    except UnicodeEncodeError:
        return _encode_ascii(values).encode() + b"\n"


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
