"""Small notes under keys, on disk: what was handed over, what was asked, what was last seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import Clock, format_time
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.listing import Stamp, stamp_of
from loop_orchestrator.stores.lock import brief_lock

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SCHEMA = 1
KEPT = 5_000
"""Notes that are kept, newest first. At half, 2,500 pending messages would see one handed over twice; at double, a
change takes 20 ms."""


@dataclass(frozen=True)
class _Note:
    text: str
    values: Mapping[str, JsonValue]
    """all of it, as the file has it"""


class KeyedNotes:
    """One file of notes. Past KEPT notes the oldest go."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._read: tuple[Stamp, dict[str, _Note]] | None = None
        """the notes as they were read last, while the file is the same"""

    def items(self) -> dict[str, str]:
        """Every key with its text, oldest first: a copy. Raises StoreError."""
        return {key: note.text for key, note in self._notes().items()}

    def get(self, key: str) -> str | None:
        """The text under a key; None if there is no such note."""
        note = self._notes().get(key)
        return note.text if note else None

    def add(self, key: str, value: str) -> None:
        """Write a note, in place of the one under the key; it is on the disk on return."""
        self.update({key: value})

    def discard(self, *keys: str) -> None:
        """Remove notes; one that is not there is fine."""
        self.update({}, without=keys)

    def update(self, values: Mapping[str, str], *, without: Iterable[str] = ()) -> None:
        """Remove notes, then write some, each in place of the one under its key: all of it in one write, or none."""
        gone = {*values, *without}
        if not values and gone.isdisjoint(self._notes()):
            return
        at = format_time(self._clock.now())
        fresh: dict[str, dict[str, JsonValue]] = {key: {"value": value, "at": at} for key, value in values.items()}
        self._change(lambda notes: {**{key: old for key, old in notes.items() if key not in gone}, **fresh})

    def _change(self, change: Callable[[dict[str, JsonValue]], dict[str, JsonValue]]) -> None:
        with brief_lock(self._path.with_name(self._path.name + ".lock")):
            old: dict[str, JsonValue] = {key: dict(note.values) for key, note in self._notes().items()}
            new = change(old)
            if new != old:
                kept = dict(list(new.items())[-KEPT:])
                write_json(self._path, {"schema": SCHEMA, "notes": kept})

    def _notes(self) -> dict[str, _Note]:
        """Read only where the file is another one than it was the last time."""
        try:
            stamp = stamp_of(self._path)
            known = self._read
            if known is not None and known[0] == stamp:
                return known[1]
            fields = read_document(self._path, SCHEMA).object("notes")
        except FileNotFoundError:
            return {}
        notes = {key: _note(fields.object(key)) for key in fields.values}
        self._read = None if stamp is None else (stamp, notes)
        return notes


def _note(fields: Fields) -> _Note:
    return _Note(fields.text("value"), fields.values)
