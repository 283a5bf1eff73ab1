"""lane-restarts.jsonl: what became of lanes whose program ended, one JSON line each, read from its end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import format_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.model.restart import RestartEvent, RestartNote
from loop_orchestrator.stores.documents import Fields
from loop_orchestrator.stores.layout import ensure_dir, sync_dir
from loop_orchestrator.stores.lines import is_torn, last_lines, reading, write_whole
from loop_orchestrator.stores.lock import take_flock

if TYPE_CHECKING:
    from datetime import datetime

    from loop_orchestrator.model.state import JsonValue

LAST_BYTES = 262_144
"""How far back a reader looks: about 1,000 lines, more than all lanes of a session write in a bad week."""


class RestartLog:
    """The restarts of one session. Appending takes a lock and syncs; reading takes none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, note: RestartNote) -> None:
        """Write one line; it is on the disk on return. Raises StoreError, with the file as it was."""
        line = json.dumps(_fields(note), separators=(",", ":")).encode() + b"\n"
        ensure_dir(self._path.parent)
        is_new = not self._path.exists()
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror}") from error
        try:
            take_flock(fd, self._path)
            self._write(fd, line)
            if is_new:
                sync_dir(self._path.parent)
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror}") from error
        finally:
            os.close(fd)

    def latest(self) -> dict[str, RestartNote]:
        """The newest note of each lane. Raises StoreError where the file cannot be read."""
        found: dict[str, RestartNote] = {}
        for note in self._backwards():
            found.setdefault(note.lane, note)
        return found

    def of_lane(self, lane: str) -> tuple[RestartNote, ...]:
        """The notes about one lane, oldest first."""
        return tuple(reversed([note for note in self._backwards() if note.lane == lane]))

    def since(self, at: datetime) -> tuple[RestartNote, ...]:
        """The notes from a time on, of all lanes, oldest first. Raises StoreError where the file cannot be read."""
        return tuple(reversed(list(takewhile(lambda note: note.at >= at, self._backwards()))))

    def _write(self, fd: int, line: bytes) -> None:
        size = os.fstat(fd).st_size
        write_whole(fd, (b"\n" if is_torn(fd, size) else b"") + line, size)
        try:
            os.fsync(fd)
        except OSError:
            with suppress(OSError):
                os.ftruncate(fd, size)
            raise

    def _backwards(self) -> Iterator[RestartNote]:
        with reading(self._path) as (fd, size):
            for line in last_lines(fd, size, stop=max(0, size - LAST_BYTES)):
                yield from _decode(line)


def _fields(note: RestartNote) -> dict[str, JsonValue]:
    fields: dict[str, JsonValue] = {
        "event": note.event.value,
        "lane": note.lane,
        "at": format_time(note.at),
        "attempt": note.attempt,
        "reason": note.reason,
        "exit_status": note.exit_status,
        "next_at": format_time(note.next_at) if note.next_at else None,
        "booted_at": format_time(note.booted_at),
    }
    if note.into is not None:
        fields["into"] = format_time(note.into)
    return fields


def _decode(line: bytes) -> tuple[RestartNote, ...]:
    """The note of a line; nothing if the line is none."""
    try:
        values = json.loads(line.decode())
        if not isinstance(values, dict):
            return ()
        fields = Fields(values, "restart")
        return (
            RestartNote(
                event=fields.word("event", RestartEvent),
                lane=fields.text("lane"),
                at=fields.time("at"),
                attempt=fields.integer("attempt"),
                reason=fields.text("reason"),
                exit_status=None if values.get("exit_status") is None else fields.integer("exit_status"),
                next_at=None if values.get("next_at") is None else fields.time("next_at"),
                booted_at=fields.time("booted_at"),
                into=None if values.get("into") is None else fields.time("into"),
            ),
        )
    except (ValueError, RecursionError, StoreError):
        return ()
