"""What is kept of routing beside the event log: a board as it was some events ago, and dead letters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.route import DeadLetter, Entry
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.eventlines import event_of, event_values

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue
    from loop_orchestrator.stores.layout import Layout

SCHEMA = 1

_LETTER = re.compile(r"[0-9]+-[A-Za-z][A-Za-z0-9_-]*")


class RoutingStore:
    """The files of one session. Only the daemon writes the board; a person may have a dead letter tried again."""

    def __init__(self, layout: Layout) -> None:
        self._board = layout.routing_board
        self._dead = layout.dead_letters

    def board(self) -> tuple[int, tuple[Entry, ...]] | None:
        """The number of the last event that is in it, and the entries; None: it has to be read from the log.

        A file that cannot be read is none: the log knows all of it.
        """
        with suppress(FileNotFoundError, StoreError):
            fields = read_document(self._board, SCHEMA)
            return fields.integer("seq"), tuple(map(_entry, fields.objects("entries")))
        return None

    def save_board(self, seq: int, entries: Iterable[Entry]) -> None:
        """Keep a board; on the disk on return. Raises StoreError."""
        values: list[JsonValue] = [_entry_values(entry) for entry in entries]
        write_json(self._board, {"schema": SCHEMA, "seq": seq, "entries": values})

    def bury(self, letter: DeadLetter) -> None:
        """Keep a dead letter; on the disk on return. Raises StoreError."""
        write_json(
            self._path(letter.id),
            {
                "schema": SCHEMA,
                "route": letter.route,
                "attempts": letter.attempts,
                "reason": letter.reason,
                "at": format_time(letter.at),
                "tried_again": letter.tried_again,
                "event": event_values(letter.event),
            },
        )

    def dead(self) -> tuple[DeadLetter, ...]:
        """Every dead letter, oldest event first; a file that is none is left out, ``unreadable`` names it."""
        found = []
        for path in self._files():
            with suppress(FileNotFoundError, StoreError):
                found.append(_letter(read_document(path, SCHEMA)))
        return tuple(sorted(found, key=lambda letter: (letter.event.seq, letter.route)))

    def unreadable(self) -> tuple[str, ...]:
        """Why each file is no dead letter that is none."""
        found = []
        for path in self._files():
            try:
                _letter(read_document(path, SCHEMA))
            except FileNotFoundError:
                continue
            except StoreError as error:
                found.append(error.message)
        return tuple(found)

    def letter(self, id: str) -> DeadLetter | None:
        """The dead letter of this id; None: there is none that can be read."""
        if _LETTER.fullmatch(id):
            with suppress(FileNotFoundError, StoreError):
                return _letter(read_document(self._path(id), SCHEMA))
        return None

    def forget(self, id: str) -> None:
        """A letter was dealt with after all; one that is not there is fine."""
        self._path(id).unlink(missing_ok=True)

    def _path(self, id: str) -> Path:
        return self._dead / f"{id}.json"

    def _files(self) -> list[Path]:
        return sorted(self._dead.glob("*.json")) if self._dead.is_dir() else []


def _entry_values(entry: Entry) -> JsonValue:
    return {
        "event": event_values(entry.event),
        "route": entry.route,
        "attempts": entry.attempts,
        "due_at": format_time(entry.due_at) if entry.due_at else None,
        "wait_s": entry.wait_s,
        "claimed": entry.claimed,
    }


def _entry(fields: Fields) -> Entry:
    return Entry(
        event=event_of(fields.object("event")),
        route=fields.text("route"),
        attempts=fields.integer("attempts"),
        due_at=fields.time("due_at") if fields.values.get("due_at") else None,
        wait_s=fields.number("wait_s"),
        claimed=fields.flag("claimed"),
    )


def _letter(fields: Fields) -> DeadLetter:
    return DeadLetter(
        event=event_of(fields.object("event")),
        route=fields.text("route"),
        attempts=fields.integer("attempts"),
        reason=fields.text("reason"),
        at=fields.time("at"),
        tried_again=fields.flag("tried_again"),
    )
