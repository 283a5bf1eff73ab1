"""The event log: one JSON line per event, numbered without gaps, written by many processes, read from its end."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import Clock, format_time
from loop_orchestrator.errors import StoreError
from loop_orchestrator.ids import numbered_id
from loop_orchestrator.model.event import EVENT_KINDS, Event
from loop_orchestrator.stores.documents import Fields
from loop_orchestrator.stores.layout import ensure_dir, sync_dir
from loop_orchestrator.stores.lines import is_torn, last_bytes, last_lines, next_lines, reading, write_whole
from loop_orchestrator.stores.lock import take_flock

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SAME_ID_LINES = 1000
"""How far back a second event with the same id is looked for, at least. Half covers a burst of 500 events only; at
double, an append with an id reads half a megabyte."""

LAST_KIND_BYTES = 4_000_000
"""How far back ``last`` looks: about 20,000 events, 5 ms when there is none."""

NEAR_BYTES = 4_096
"""``since`` reads forward from at most this far before the wanted line; each halving costs one more look."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_datasync = getattr(os, "fdatasync", os.fsync)


class EventLog:
    """One event log. Appending takes a lock for some microseconds; reading takes none and costs what it returns."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._mutex = threading.Lock()
        self._fd = -1
        self._pid = 0
        self._size = -1
        self._seq = 0
        self._torn = False
        self.unreadable = 0
        """lines that the last read passed over because they are no events"""

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def append(
        self,
        kind: str,
        source: str,
        payload: Mapping[str, JsonValue],
        *,
        trace: str = "",
        caused_by: str = "",
        depth: int = 0,
        id: str = "",
    ) -> Event:
        """Write one event; a promised kind is on the disk on return.

        id: if one is given and an event of at least the last 1,000 has it, nothing is written and that event is
        returned.
        Raises ValueError for an unregistered kind or other fields than the registered ones; StoreError if it could
        not be written (the log is as it was) or, for a promised kind, not be put on the disk.
        """
        check_event(kind, payload, id)
        with self._mutex:
            fd = self._locked()
            try:
                if id and (existing := self._with_id(fd, id)):
                    return existing
                now = self._clock.now()
                seq = self._seq + 1
                event = Event(
                    id=id or numbered_id("e", now, seq),
                    seq=seq,
                    at=_whole_milliseconds(now),
                    kind=kind,
                    source=source,
                    payload=dict(payload),
                    trace=trace,
                    caused_by=caused_by,
                    depth=depth,
                )
                self._write(fd, event)
                if EVENT_KINDS[kind].promised:
                    fcntl.flock(fd, fcntl.LOCK_UN)
                    _datasync(fd)
            except OSError as error:
                raise StoreError(f"cannot write {self._path}: {error.strerror}") from error
            finally:
                fcntl.flock(fd, fcntl.LOCK_UN)
        return event

    def tail(self, n: int) -> tuple[Event, ...]:
        """The last n events, oldest first."""
        found: list[Event] = []
        with self._reading() as (fd, size):
            for line in last_lines(fd, size):
                if len(found) == n:
                    break
                found += self._decoded(line)
        return tuple(reversed(found))

    def since(self, seq: int) -> Iterator[Event]:
        """Events with a number greater than seq, oldest first, up to the end that the log has on the first step."""
        with self._reading() as (fd, size):
            for line in next_lines(fd, _place_of(fd, size, seq), size):
                for event in self._decoded(line):
                    if event.seq > seq:
                        yield event

    def last(self, kind: str) -> Event | None:
        """The newest event of a kind; None if the last 4 MB of the log have none."""
        mark = f'"kind":"{kind}"'.encode()
        with self._reading() as (fd, size):
            for line in last_lines(fd, size, stop=max(0, size - LAST_KIND_BYTES)):
                if mark in line:
                    for event in self._decoded(line):
                        if event.kind == kind:
                            return event
        return None

    def back(self, text: str) -> Iterator[Event]:
        """Events whose line holds a text, newest first: costs as much of the log as is gone through."""
        mark = text.encode()
        with self._reading() as (fd, size):
            for line in last_lines(fd, size):
                if mark in line:
                    yield from self._decoded(line)

    def end(self) -> int:
        """The offset from which read_from finds only what is written from now on."""
        with self._reading() as (fd, size):
            rest = next(last_lines(fd, size, torn=True), b"") if is_torn(fd, size) else b""
            return size - len(rest)

    def read_from(self, offset: int) -> tuple[tuple[Event, ...], int]:
        """Every event written at or after an offset that read_from or end returned (0: all), and the next offset.

        A line that is still being written stays for the next call. A log that became shorter is read from its start.
        """
        found: list[Event] = []
        with self._reading() as (fd, size):
            place = offset if offset <= size else 0
            for line in next_lines(fd, place, size):
                found += self._decoded(line)
                place += len(line) + 1
        return tuple(found), place

    def _locked(self) -> int:
        """The descriptor kept for appending, locked, with the last number and the size of the log known."""
        while True:
            if self._fd < 0 or self._pid != os.getpid():
                self._open()
            take_flock(self._fd, self._path)
            found = os.fstat(self._fd)
            if found.st_nlink:
                break
            os.close(self._fd)  # the file was deleted
            self._fd = -1
        if found.st_size != self._size:
            self._catch_up(found.st_size)
        return self._fd

    def _open(self) -> None:
        """A forked process needs a descriptor of its own: a lock belongs to the descriptor that both would share."""
        if self._fd >= 0:
            os.close(self._fd)
        ensure_dir(self._path.parent)
        is_new = not self._path.exists()
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror}") from error
        self._pid, self._size = os.getpid(), -1
        if is_new:
            sync_dir(self._path.parent)

    def _catch_up(self, size: int) -> None:
        """Learn the last number, and whether the last line is torn, after another process wrote."""
        self._torn = is_torn(self._fd, size)
        newest = (event.seq for line in last_lines(self._fd, size, torn=True) for event in _decode(line))
        self._seq = next(newest, 0)
        self._size = size

    def _write(self, fd: int, event: Event) -> None:
        line = (b"\n" if self._torn else b"") + _encoded(event)
        try:
            write_whole(fd, line, self._size)
        except OSError:
            self._size = -1
            raise
        self._size += len(line)
        self._seq, self._torn = event.seq, False

    def _with_id(self, fd: int, id: str) -> Event | None:
        mark = f'"id":"{id}"'.encode()
        recent = last_bytes(fd, self._size, SAME_ID_LINES)
        if mark in recent:
            for line in recent.split(b"\n"):
                for event in _decode(line) if mark in line else ():
                    if event.id == id:
                        return event
        return None

    @contextmanager
    def _reading(self) -> Iterator[tuple[int, int]]:
        """A descriptor and the size the log has now; counts anew what cannot be read."""
        self.unreadable = 0
        with reading(self._path) as (fd, size):
            yield fd, size

    def _decoded(self, line: bytes) -> tuple[Event, ...]:
        found = _decode(line)
        self.unreadable += not found
        return found


def source_of(who: str) -> str:
    """The source of an event that somebody caused: a lane as ``lane:<name>``, every other word as it is."""
    return who if who in ("engine", "watch", "person", "cli") else f"lane:{who}"


def check_event(kind: str, payload: Mapping[str, JsonValue], id: str = "") -> None:
    """Raises ValueError for what may not stand in a log: our own mistake, found before anything is written."""
    if kind not in EVENT_KINDS:
        raise ValueError(f"{kind!r} is no registered kind of event")
    if set(payload) != set(EVENT_KINDS[kind].fields):
        raise ValueError(f"{kind} has the fields {', '.join(EVENT_KINDS[kind].fields)}, not {', '.join(payload)}")
    if id and not (id.isascii() and id.isprintable() and not {'"', "\\"} & set(id)):
        raise ValueError(f"{id!r} cannot be the id of an event")


def _place_of(fd: int, size: int, seq: int) -> int:
    """The offset of a line before which no event has a number greater than seq; near the first that has."""
    low, high = 0, size
    while high - low > NEAR_BYTES:
        middle = (low + high) // 2
        place, found = _event_behind(fd, middle, high)
        if found == 0 or found > seq:
            high = middle
        else:
            low = place
    return low


def _event_behind(fd: int, offset: int, end: int) -> tuple[int, int]:
    """Offset and number of the first event that begins behind an offset; number 0 if there is none before ``end``."""
    place = offset
    for position, line in enumerate(next_lines(fd, offset, end)):
        if position:
            for event in _decode(line):
                return place, event.seq
        place += len(line) + 1
    return end, 0


def _encoded(event: Event) -> bytes:
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
    try:
        return _encode(values).encode() + b"\n"
    except UnicodeEncodeError:
        return _encode_ascii(values).encode() + b"\n"


def _decode(line: bytes) -> tuple[Event, ...]:
    """The event of a line; nothing if the line is none."""
    try:
        values = json.loads(line.decode())
        if not isinstance(values, dict):
            return ()
        fields = Fields(values, "event")
        return (
            Event(
                id=fields.text("id"),
                seq=fields.integer("seq"),
                at=fields.time("at"),
                kind=fields.text("kind"),
                source=fields.text("source"),
                payload=fields.object("payload").values,
                trace=fields.text("trace", ""),
                caused_by=fields.text("caused_by", ""),
                depth=fields.integer("depth", 0),
            ),
        )
    except (ValueError, RecursionError, StoreError):
        return ()


def _whole_milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
