"""Small notes under keys, on disk: what was handed over, what was asked, what was last seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import Clock, format_time
from loop_orchestrator.stores.atomic import write_json
from loop_orchestrator.stores.documents import Fields, read_document
from loop_orchestrator.stores.lock import brief_lock

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SCHEMA = 1
KEPT = 5_000
"""Notes that are kept, newest first. At half, 2,500 pending messages would see one handed over twice; at double, a
change takes 20 ms."""


class KeyedNotes:
    """One file of notes. Past KEPT notes the oldest go."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def items(self) -> dict[str, str]:
        """Every key with its text, oldest first: a copy. Raises StoreError."""
        return {key: note.text("value") for key, note in self._notes().items()}

    def get(self, key: str) -> str | None:
        """The text under a key; None if there is no such note."""
        return self.items().get(key)

    def add(self, key: str, value: str) -> None:
        """Write a note, in place of the one under the key; it is on the disk on return."""
        note: dict[str, JsonValue] = {"value": value, "at": format_time(self._clock.now())}
        self._change(lambda notes: {**{name: old for name, old in notes.items() if name != key}, key: note})

    def discard(self, key: str) -> None:
        """Remove a note; one that is not there is fine."""
        self._change(lambda notes: {name: old for name, old in notes.items() if name != key})

    def _change(self, change: Callable[[dict[str, JsonValue]], dict[str, JsonValue]]) -> None:
        with brief_lock(self._path.with_name(self._path.name + ".lock")):
            old: dict[str, JsonValue] = {key: dict(note.values) for key, note in self._notes().items()}
            new = change(old)
            if new != old:
                kept = dict(list(new.items())[-KEPT:])
                write_json(self._path, {"schema": SCHEMA, "notes": kept})

    def _notes(self) -> dict[str, Fields]:
        try:
            notes = read_document(self._path, SCHEMA).object("notes")
        except FileNotFoundError:
            return {}
        return {key: notes.object(key) for key in notes.values}
