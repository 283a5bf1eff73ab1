"""The event log: one JSON line per event, numbered without gaps, written by many processes, read from its end."""

from __future__ import annotations

import fcntl
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loop_orchestrator.clock import Clock, format_time
from loop_orchestrator.crash import crash_point
from loop_orchestrator.errors import LoopError, StoreError
from loop_orchestrator.model.event import EVENT_KINDS, Draft, Event
from loop_orchestrator.stores.eventlines import decode, encoded, numbered
from loop_orchestrator.stores.layout import ensure_dir, sync_dir
from loop_orchestrator.stores.lines import (
    is_torn,
    last_lines,
    last_lines_with,
    next_lines,
    read_exactly,
    write_whole,
)
from loop_orchestrator.stores.lock import take_flock
from loop_orchestrator.stores.recentids import RecentIds
from loop_orchestrator.stores.segmentindex import Finder, Sought, make_index, remove_orphans, remove_with_index
from loop_orchestrator.stores.segments import (
    SEGMENT_BYTES,
    SOURCE,
    Keep,
    Part,
    Parts,
    begin_anew,
    blocks_of,
    close_into,
    continuing,
    last_number,
    opened,
    removable,
    segments_of,
    size_of,
)

if TYPE_CHECKING:
    from loop_orchestrator.model.state import JsonValue

SAME_ID_LINES = 1000
"""How far back a second event with the same id is looked for, at least. Half covers a burst of 500 events only; at
double, the first append with an id reads half a megabyte."""

CATCH_UP_BYTES = 300_000
"""So much of what other processes wrote is read for its ids; where it is more, the last 1,000 lines are."""

LAST_KIND_BYTES = 4_000_000
"""How far back ``last`` looks: about 20,000 events, 5 ms when there is none."""

_FIELDS = {kind: frozenset(one.fields) for kind, one in EVENT_KINDS.items()}
_datasync = getattr(os, "fdatasync", os.fsync)


class EventLog:
    """One event log. Appending takes a lock for some microseconds; reading takes none and costs what it returns.

    The newest events stand in the live file; a live file that became long is closed into a segment (segments.py).
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        keep: Callable[[], Keep] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """keep: asked when a segment was closed, without any lock; None: all segments are kept."""
        self._path = path
        self._name = str(path)
        self._clock = clock
        self._keep = keep
        self._segment_bytes = self._close_at = segment_bytes
        self._mutex = threading.Lock()
        self._fd = -1
        self._file = (0, 0)
        """device and inode of what is open: other names of it, such as a backup's, are not the log"""
        self._pid = 0
        self._size = -1
        self._seq = 0
        self._torn = False
        self._ids: RecentIds | None = None
        """of the log as far as it is known; None: they were not read yet"""
        self.unreadable = 0
        """lines that the last read passed over because they are no events"""
        self.damaged: dict[str, str] = {}
        """file -> what of it the last read passed over"""

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
        return self.append_all((Draft(kind, source, payload, trace, caused_by, depth, id),))[0]

    def append_all(self, drafts: Sequence[Draft]) -> tuple[Event, ...]:
        """Like ``append`` for each of these, in this order; the disk is waited for once, whatever their number.

        Raises what ``append`` does; what was written before the failure stays.
        """
        for draft in drafts:
            check_event(draft.kind, draft.payload, draft.id)
        events: list[Event] = []
        any_closed = promised = False
        with self._mutex:
            try:
                for draft in drafts:
                    fd, closed = self._roomy()
                    any_closed = any_closed or closed
                    event = self._with_id(fd, draft.id) if draft.id else None
                    if event is None:
                        now = self._clock.now()
                        at = format_time(now)
                        event = numbered(draft, now, at, self._seq + 1)
                        self._write(fd, event, encoded(event, at))
                    promised = promised or EVENT_KINDS[draft.kind].promised
                    events.append(event)
                if promised:
                    fcntl.flock(fd, fcntl.LOCK_UN)
                    _datasync(fd)
            except OSError as error:
                raise StoreError(f"cannot write {self._path}: {error.strerror}") from error
            finally:
                if self._fd >= 0:
                    fcntl.flock(self._fd, fcntl.LOCK_UN)
        if any_closed:
            self._after_closing()
        return tuple(events)

    def tail(self, n: int) -> tuple[Event, ...]:
        """The last n events, oldest first."""
        found: list[Event] = []
        with self._reading() as parts:
            for part in parts.backwards() if n > 0 else ():
                for line in last_lines(part.fd, part.size):
                    found += (event for event in self._decoded(line, part) if event.seq < part.below)
                    if len(found) == n:
                        return tuple(reversed(found))
        return tuple(reversed(found))

    def since(self, seq: int, sought: Sought | None = None) -> Iterator[Event]:
        """Events with a number greater than seq, oldest first, up to the end that the log has on the first step.

        sought: only those in which something of it stands; the rest is passed over unread.
        """
        with self._reading() as parts:
            yield from (event for event in self._forwards(parts.after(seq), sought) if event.seq > seq)

    def since_time(self, at: datetime, sought: Sought | None = None) -> Iterator[Event]:
        """Like since, for events from a time on."""
        with self._reading() as parts:
            found = self._forwards(parts.since(at), sought)
            yield from (event for event in found if event.at >= at)

    def backwards(self, sought: Sought | None = None) -> Iterator[Event]:
        """Every event, or those of ``sought``, newest first, for whoever stops when it has seen enough."""
        finder = Finder(sought) if sought else None
        with self._reading() as parts:
            for part in parts.backwards():
                for line in finder.last_lines(part) if finder else last_lines(part.fd, part.size):
                    yield from (event for event in self._decoded(line, part) if event.seq < part.below)

    def last(self, kind: str) -> Event | None:
        """The newest event of a kind; None if the last 4 MB of the log have none."""
        mark, left = f'"kind":"{kind}"'.encode(), LAST_KIND_BYTES
        with self._reading() as parts:
            for part in parts.backwards():
                for line in last_lines_with(part.fd, part.size, (mark,), stop=max(0, part.size - left)):
                    for event in self._decoded(line, part):
                        if event.kind == kind and event.seq < part.below:
                            return event
                left -= part.size
                if left <= 0:
                    break
        return None

    def end(self) -> int:
        """The offset from which read_from finds only what is written from now on."""
        with self._reading() as parts:
            fd, size = parts.live.fd, parts.live.size
            rest = next(last_lines(fd, size, torn=True), b"") if is_torn(fd, size) else b""
            return parts.start_of_live() + size - len(rest)

    def read_from(self, offset: int) -> tuple[tuple[Event, ...], int]:
        """Every event written at or after an offset that read_from or end returned (0: all), and the next offset.

        A line that is still being written stays for the next call. A log that became shorter is read from the start of
        its live file.
        """
        found: list[Event] = []
        place = offset
        with self._reading() as parts:
            for part, start in parts.from_offset(offset):
                place = start + part.place
                for line in next_lines(part.fd, part.place, part.size):
                    found += (event for event in self._decoded(line, part) if event.seq < part.below)
                    place += len(line) + 1
        return tuple(found), place

    def _roomy(self) -> tuple[int, bool]:
        """The descriptor for appending, locked, to a live file that is not too long; whether one was closed for it."""
        fd = self._locked()
        if self._size == 0 and self._seq:
            begin_anew(self._path, self._continuing("", self._seq, self._seq, self._held(fd).start_of_live()))
            return self._locked(), False
        if self._size < self._close_at:
            return fd, False
        try:
            self._close(fd)
        except (StoreError, OSError):
            self._close_at = self._size + self._segment_bytes // 8  # the disk is full: the log goes on as it is
            return self._locked(), False
        return self._locked(), True

    def _close(self, fd: int) -> None:
        """Close the live file, which is locked, into a segment; whoever waits for its lock finds that it is no more.

        The segment is a copy: whoever still holds the old file, with a lock of it or for reading, disturbs nobody.
        """
        parts = self._held(fd)
        number = self._seq + 1 if parts.first == math.inf else int(parts.first)
        start = parts.start_of_live()
        end = b"\n" if self._torn else b""
        segment = close_into(self._path, number, blocks_of(fd, self._size, end=end))
        crash_point("log.copied")
        begin_anew(self._path, self._continuing(segment.name, number, self._seq, start + self._size + len(end)))
        crash_point("log.continued")

    def _held(self, fd: int) -> Parts:
        return Parts(self._path, fd, self._size, decode)

    def _continuing(self, segment: str, first: int, last: int, before: int) -> bytes:
        event = continuing(self._clock.now(), segment, first, last, before)
        return encoded(event, format_time(event.at))

    def _after_closing(self) -> None:
        """What needs no lock, and can be done later: an index is made by a reader, old segments go next time."""
        for newest in segments_of(self._path)[-1:]:
            with suppress(LoopError, OSError):
                make_index(newest.path)
        if self._keep is not None:
            with suppress(LoopError, OSError):
                self._remove_old(self._keep())

    def _remove_old(self, keep: Keep) -> None:
        """Remove the segments that need not be kept; an event says so first."""
        old = removable(self._path, keep, self._clock.now(), decode)
        if not old:
            return
        names: list[JsonValue] = [segment.path.name for segment, _ in old]
        payload: dict[str, JsonValue] = {"segments": names, "first": old[0][0].first, "last": old[-1][1]}
        self.append("log.removing", SOURCE, payload)
        crash_point("log.removing")
        for segment, _ in old:
            remove_with_index(segment.path)
        remove_orphans(self._path)

    def _locked(self) -> int:
        """The descriptor kept for appending, locked, with the last number and the size of the log known."""
        while True:
            if self._fd < 0 or self._pid != os.getpid():
                self._open()
            take_flock(self._fd, self._path)
            if (size := size_of(self._name, self._file)) is not None:
                break
            os.close(self._fd)
            self._fd = -1
        if size != self._size:
            self._catch_up(size)
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
        self._pid, self._size, self._close_at = os.getpid(), -1, self._segment_bytes
        self._ids = None
        found = os.fstat(self._fd)
        self._file = found.st_dev, found.st_ino
        if is_new:
            sync_dir(self._path.parent)

    def _catch_up(self, size: int) -> None:
        """Learn the last number, and whether the last line is torn, after another process wrote."""
        self._torn = is_torn(self._fd, size)
        newest = (event.seq for line in last_lines(self._fd, size, torn=True) for event in decode(line))
        self._seq = next(newest, 0) or last_number(self._path, decode)
        if self._ids is not None and 0 <= self._size < size <= self._size + CATCH_UP_BYTES:
            self._ids.read(read_exactly(self._fd, self._size, size))
        else:
            self._ids = None
        self._size = size

    def _write(self, fd: int, event: Event, line: bytes) -> None:
        if self._torn:
            line = b"\n" + line
        try:
            write_whole(fd, line, self._size)
        except OSError:
            self._size = -1
            raise
        self._size += len(line)
        self._seq, self._torn = event.seq, False
        if self._ids is not None:
            self._ids.add(event.id)

    def _with_id(self, fd: int, id: str) -> Event | None:
        """The event of at least the last 1,000 that has an id. The file is read where it may have one."""
        if self._ids is None:
            self._ids = RecentIds(SAME_ID_LINES)
            for recent in reversed(tuple(self._held(fd).last_bytes(SAME_ID_LINES))):
                self._ids.read(recent)
        if id not in self._ids:
            return None
        mark = f'"id":"{id}"'.encode()
        for recent in self._held(fd).last_bytes(2 * SAME_ID_LINES):
            for line in recent.split(b"\n") if mark in recent else ():
                for event in decode(line) if mark in line else ():
                    if event.id == id:
                        return event
        return None

    @contextmanager
    def _reading(self) -> Iterator[Parts]:
        """The files of the log as they are now; counts anew what cannot be read."""
        self.unreadable, self.damaged = 0, {}
        with opened(self._path, decode) as parts:
            parts.damaged = self.damaged
            yield parts

    def _forwards(self, parts: Iterator[Part], sought: Sought | None = None) -> Iterator[Event]:
        finder = Finder(sought) if sought else None
        for part in parts:
            last = 0
            for line in finder.lines(part) if finder else next_lines(part.fd, part.place, part.size):
                for event in self._decoded(line, part):
                    if event.seq < part.below:
                        last = event.seq
                        yield event
            if not finder and last and last + 1 < part.below < math.inf:
                self.damaged[part.path.name] = f"the events {last + 1} to {int(part.below) - 1} are missing behind it"

    def _decoded(self, line: bytes, part: Part) -> tuple[Event, ...]:
        found = decode(line)
        if not found:
            self.unreadable += 1
            self.damaged[part.path.name] = "some lines are no events"
        return found


def source_of(who: str) -> str:
    """The source of an event that somebody caused: a lane as ``lane:<name>``, every other word as it is."""
    return who if who in ("engine", "watch", "person", "cli") else f"lane:{who}"


def check_event(kind: str, payload: Mapping[str, JsonValue], id: str = "") -> None:
    """Raises ValueError for what may not stand in a log: our own mistake, found before anything is written."""
    if kind not in EVENT_KINDS:
        raise ValueError(f"{kind!r} is no registered kind of event")
    if payload.keys() != _FIELDS[kind]:
        raise ValueError(f"{kind} has the fields {', '.join(EVENT_KINDS[kind].fields)}, not {', '.join(payload)}")
    if id and not (id.isascii() and id.isprintable() and not {'"', "\\"} & set(id)):
        raise ValueError(f"{id!r} cannot be the id of an event")
